"""The answer key of a replay: what each line must become, by the pipeline's own rules for its bytes.

Pure. A recording may hold any id any number of times, so which line is the first of its id is remembered, in some 200
bytes for each id and hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from producers.batching import refusal_of
from producers.faults.key_writer import KeyWriter
from producers.lines import Line
from schemas.attestation import is_attestation
from schemas.codec import decode, payload_digest
from schemas.event import ClickEvent, Rejection
from schemas.instants import hour_floor_us

_NO_FAULT = ""


def noted(lines: Iterator[Line], key: KeyWriter, arrival_us: int) -> Iterator[Line]:
    """Yield the lines, each after it was written down.

    Args:
        lines: what is sent; of a record of several lines each has an entry, as it has in a raw object.
        key: takes the entries.
        arrival_us: when the pipeline will hear of them, about.
    """
    seen = _Seen()
    for line in lines:
        if refusal_of(line):
            key.unsendable(line.data, _NO_FAULT)
        else:
            for data in line.data.split(b"\n"):
                if data.strip() and not is_attestation(data):
                    _note(data, key, seen, arrival_us)
        yield line


def _note(data: bytes, key: KeyWriter, seen: _Seen, arrival_us: int) -> None:
    verdict = decode(data, arrival_us)
    if isinstance(verdict, Rejection):
        key.refused(data, verdict.reason, _NO_FAULT)
    elif seen.is_new_id(verdict):
        key.fact(data, verdict, _NO_FAULT)
    elif seen.is_new_payload(verdict):
        key.conflict(data, verdict, _NO_FAULT)
    else:
        key.duplicate(data, verdict, _NO_FAULT)


class _Seen:
    """Which ids of an hour came before, and with which payloads, as digests of 128 bits."""

    def __init__(self) -> None:
        self._first_payloads: dict[bytes, bytes] = {}
        self._other_payloads: set[tuple[bytes, bytes]] = set()

    def is_new_id(self, event: ClickEvent) -> bool:
        """Say whether no event of this id and hour came before, and remember this one."""
        payload = bytes.fromhex(payload_digest(event))
        return self._first_payloads.setdefault(_place_of(event), payload) is payload

    def is_new_payload(self, event: ClickEvent) -> bool:
        """Say whether an event whose id came before has a payload that did not, and remember it."""
        place, payload = _place_of(event), bytes.fromhex(payload_digest(event))
        if self._first_payloads[place] == payload or (place, payload) in self._other_payloads:
            return False
        self._other_payloads.add((place, payload))
        return True


def _place_of(event: ClickEvent) -> bytes:
    text = f"{hour_floor_us(event.event_timestamp_us)} {event.event_id}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
