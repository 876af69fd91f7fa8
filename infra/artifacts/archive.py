"""Files to a zip, byte for byte the same each time: order, times and modes are fixed.

Knows nothing of what is in it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

# The earliest that a zip can say.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = 0o644 << 16


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return the zip of some files, given by their path in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            # What is compressed already would only cost time.
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".jar") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()
