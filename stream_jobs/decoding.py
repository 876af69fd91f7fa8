"""One Kinesis record to the events to alert in it: aggregated, plain and multi-line records mixed.

Every line ends in one counted place: an event to alert, one that is too old for it, a dead letter, or a line that no
rule is about, which are other events and the attestations of producers. A rejected line is a dead letter only where it
may have been one to alert; the lake quarantines the others. Sends nothing anywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from schemas.attestation import attestation_of
from schemas.codec import decode
from schemas.dead_letter import BROKEN_FRAME, DeadLetter, dead_letter_of
from schemas.event import ClickEvent, Rejection
from schemas.kpl import BrokenFrameError, payloads
from schemas.proving import age_us
from stream_jobs.byte_filter import ByteFilter
from stream_jobs.rules import Rule, Rules


@dataclass(frozen=True, slots=True)
class DecodedAlert:
    """An event and the rules that it meets, at least one."""

    event: ClickEvent
    rules: list[Rule]


@dataclass(slots=True)
class Decoded:
    """What one Kinesis record held.

    Attributes:
        alerts: in the order of the record.
        dead_letters: a broken frame as a whole, or single lines.
        events: the number of lines that are not blank, whatever became of them.
        filtered: of those, the ones that no rule is about.
        too_old: of those, the ones that meet a rule and happened too long before they arrived.
    """

    alerts: list[DecodedAlert] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    events: int = 0
    filtered: int = 0
    too_old: int = 0


class Decoder:
    """Decodes by the rules of a deployment.

    Args:
        rules: what is alerted.
        max_age_us: how long before its arrival an alerted event may have happened; None for no limit.
    """

    def __init__(self, rules: Rules, max_age_us: int | None) -> None:
        self._rules = rules
        self._max_age_us = max_age_us
        self._filter = ByteFilter(rules.event_types)

    def record(self, blob: bytes, arrival_us: int) -> Decoded:
        """Return what one Kinesis record holds."""
        found = Decoded()
        try:
            parts = payloads(blob)
        except BrokenFrameError as broken:
            found.dead_letters.append(
                dead_letter_of(blob, reason=BROKEN_FRAME, detail=str(broken), stage="frame", arrival_us=arrival_us)
            )
            return found
        lines = parts
        if b"\n" in b"".join(parts):
            lines = [line for part in parts for line in part.split(b"\n")]
        suspects = self._filter.passing(lines)
        # By far the most lines are no suspects; nothing is done for them but to count those that are not blank.
        others = len(lines) - len(suspects) - lines.count(b"") - sum(map(bytes.isspace, lines))
        found.events += others
        found.filtered += others
        for line in suspects:
            self.line(line, arrival_us, found)
        return found

    def line(self, line: bytes, arrival_us: int, into: Decoded) -> None:
        """Add what one line holds; a blank one holds nothing."""
        if not line or line.isspace():
            return
        into.events += 1
        if not self._filter.passes(line):
            into.filtered += 1
            return
        event = decode(line, arrival_us)
        if isinstance(event, Rejection):
            if attestation_of(line, event) is not None:
                into.filtered += 1
                return
            into.dead_letters.append(
                dead_letter_of(line, reason=event.reason, detail=event.detail, stage="decode", arrival_us=arrival_us)
            )
        elif not (rules := self._rules.matching(event)):
            into.filtered += 1
        elif self._max_age_us is not None and age_us(event.event_timestamp_us, arrival_us) > self._max_age_us:
            into.too_old += 1
        else:
            into.alerts.append(DecodedAlert(event, rules))


def state_key(identifier: str) -> str:
    """Return 32 hex digits for a producer's id of any length and alphabet, so that state stays small and bounded."""
    # Surrogates cannot reach us: the parser refuses them, so UTF-8 is total here.
    return hashlib.blake2b(identifier.encode(), digest_size=16).hexdigest()
