"""What was built, by content: the file from which a deployment takes names, digests and the keys to upload to.

Pure. A key has the digest of what is under it, so an upload never replaces what a running deployment reads, and equal
content is the same key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MANIFEST = "manifest.json"
_ENDING = re.compile(r"(?:\.gluewheels|\.tar)?\.[a-z]+$")


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file.

    Attributes:
        name: of the file.
        data: its bytes.
        folder: where keys of its kind begin.
        use: what it is for.
        lacks: what has to be in it before it can be deployed.
    """

    name: str
    data: bytes = field(repr=False)
    folder: str
    use: str
    lacks: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def key(self) -> str:
        """The key in the bucket of artifacts: of some services the ending says what it is, so all of it is kept."""
        return f"{self.folder}/{self.sha256}{_ENDING.findall(self.name)[0]}"


def manifest_of(artifacts: Sequence[Artifact]) -> bytes:
    """Return the manifest, the same bytes for the same artifacts."""
    listed = [
        {
            "name": each.name,
            "sha256": each.sha256,
            "bytes": len(each.data),
            "key": each.key,
            "use": each.use,
            "lacks": list(each.lacks),
        }
        for each in sorted(artifacts, key=lambda each: each.name)
    ]
    return json.dumps({"version": 1, "artifacts": listed}, indent=2).encode() + b"\n"
