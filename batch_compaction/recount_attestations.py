"""What a line attests that is no event, judged the plain way for the recount: `json` and the Avro contract.

Pure. The contract names the fields and their types; what each may hold is written here, from the documents, a second
time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from batch_compaction.recount_events import NoEventError, instant_of, members
from schemas import avsc

_VERSION = "attestation.v1"
_KINDS = {field["name"]: field["type"] for field in avsc.fields_of(avsc.ATTESTATION)}
_WRITTEN = {
    "string": re.compile(r'".*"', re.DOTALL),
    "long": re.compile("-?[0-9]{1,19}"),
    "boolean": re.compile("true|false"),
}
_TEXTS = {
    "schema_version": re.compile(re.escape(_VERSION)),
    "producer_id": re.compile(".+", re.DOTALL),
    "digest": re.compile("[0-9a-f]{32}"),
}
_MAX_LONG = 2**63 - 1

Attested = dict[str, Any]


def read_attestation(line: bytes) -> Attested | None:
    """Return column -> value of the attestation in a line, instants as in the tables; None where it holds none.

    Args:
        line: one that lacks a field of an event, and is a JSON object.
    """
    text = line.decode()
    if _VERSION not in text:
        return None
    found: Attested = {}
    for key, written in members(text, text.index("{")):
        if key in _KINDS:
            if not _may_be(key, written):
                return None
            found[key] = json.loads(written)
    if found.keys() != _KINDS.keys() or found["count"] != found["last_seq"] - found["first_seq"] + 1:
        return None
    try:
        instants = {name: _instant(found[name]) for name in ("send_hour", "closed_timestamp")}
    except NoEventError:
        return None
    hour = instants["send_hour"]
    if hour != hour.replace(minute=0, second=0, microsecond=0):
        return None
    del found["schema_version"]
    return found | instants


def content_of(attested: Mapping[str, Any]) -> bytes:
    """Return what is the same for two attestations that say the same."""
    return repr(sorted(attested.items())).encode("utf-8", "surrogatepass")


def _may_be(name: str, written: str) -> bool:
    """Say whether a value, as it is written, may stand in a field."""
    if _WRITTEN[_KINDS[name]].fullmatch(written) is None:
        return False
    if _KINDS[name] == "long":
        return (-1 if name == "last_seq" else 0) <= int(written) <= _MAX_LONG
    return name not in _TEXTS or _TEXTS[name].fullmatch(json.loads(written)) is not None


def _instant(text: str) -> datetime:
    return instant_of(text).replace(tzinfo=None)
