"""One Kinesis record to the purchases in it: aggregated, plain and multi-line records mixed.

Every line ends in one counted place: a purchase, a dead letter, or an event that is no purchase. A rejected line is a
dead letter only where it may have been a purchase; the lake quarantines the others. Sends nothing anywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from schemas.codec import decode
from schemas.dead_letter import BROKEN_FRAME, DeadLetter, dead_letter_of
from schemas.event import PURCHASE, ClickEvent, Rejection
from schemas.kpl import BrokenFrameError, payloads
from stream_jobs.purchase_filter import may_hold_purchase


@dataclass(slots=True)
class Decoded:
    """What one Kinesis record held.

    Attributes:
        purchases: in the order of the record.
        dead_letters: a broken frame as a whole, or single lines.
        events: the number of lines that are not blank, whatever became of them.
    """

    purchases: list[ClickEvent] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    events: int = 0


def decode_record(blob: bytes, arrival_us: int) -> Decoded:
    """Return the purchases and dead letters of one Kinesis record."""
    found = Decoded()
    try:
        parts = payloads(blob)
    except BrokenFrameError as broken:
        found.dead_letters.append(
            dead_letter_of(blob, reason=BROKEN_FRAME, detail=str(broken), stage="frame", arrival_us=arrival_us)
        )
        return found
    for part in parts:
        for line in part.split(b"\n") if b"\n" in part else (part,):
            if not line or line.isspace():
                continue
            found.events += 1
            if may_hold_purchase(line):
                _decode_line(line, arrival_us, found)
    return found


def _decode_line(line: bytes, arrival_us: int, found: Decoded) -> None:
    event = decode(line, arrival_us)
    if isinstance(event, Rejection):
        found.dead_letters.append(
            dead_letter_of(line, reason=event.reason, detail=event.detail, stage="decode", arrival_us=arrival_us)
        )
    elif event.event_type == PURCHASE:
        found.purchases.append(event)


def state_key(identifier: str) -> str:
    """Return 32 hex digits for a producer's id of any length and alphabet, so that state stays small and bounded."""
    # Surrogates cannot reach us: the parser refuses them, so UTF-8 is total here.
    return hashlib.blake2b(identifier.encode(), digest_size=16).hexdigest()
