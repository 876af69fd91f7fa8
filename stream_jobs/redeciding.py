"""What today's code and rules make of a dead letter: alerts to publish, or why it stays one.

The three stages are tried where they failed: a frame is taken apart again, a line decoded again, an alert is as good as
it was. The age of an event is no matter: who redrives a letter wants it sent. Publishes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from schemas.alert import PurchaseAlert, alert_of, decode_alert
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.errors import BadRecordError
from schemas.event import Rejection, RejectReason
from schemas.instants import parse_instant_us
from stream_jobs.decoding import Decoded, Decoder
from stream_jobs.rules import Rules


@dataclass(frozen=True, slots=True)
class Decision:
    """What a letter is worth today.

    Attributes:
        alerts: to publish, in order; none where today's rules alert nobody of it.
        letters: parts of it that are still bad, as letters of their own.
    """

    alerts: tuple[PurchaseAlert, ...]
    letters: tuple[DeadLetter, ...] = ()


class Decider:
    """Decides by the rules in force.

    Args:
        rules: what is alerted, and to which topic.
        drop_without_alert: a letter of which these rules alert nobody is done with; else it stays.
    """

    def __init__(self, rules: Rules, *, drop_without_alert: bool = False) -> None:
        self._rule_names = frozenset(rules.topic_arns())
        self._drop_without_alert = drop_without_alert
        self._decoder = Decoder(rules, None)

    def decide(self, letter: DeadLetter, payload: bytes) -> Decision:
        """Return what a letter with these original bytes is worth.

        Raises:
            BadRecordError: nothing, still.
        """
        if letter.stage == "publish":
            return Decision((self._alert(letter, payload),))
        arrival_us = _instant_us(letter.arrival_timestamp)
        # Of these there may be only a part here; what no rule is about in it may be in the rest.
        if letter.reason == RejectReason.DAMAGED_OBJECT:
            raise BadRecordError(f"a part of what was lost: {letter.detail}")
        if letter.reason == RejectReason.TOO_LARGE and isinstance(decode(payload, arrival_us), Rejection):
            raise BadRecordError(letter.detail)
        if letter.stage == "decode":
            found = Decoded()
            self._decoder.line(payload, arrival_us, found)
        else:
            found = self._decoder.record(payload, arrival_us)
        alerts = tuple(
            alert_of(decoded.event, arrival_us, rule.name) for decoded in found.alerts for rule in decoded.rules
        )
        # A part as large as the whole is no part.
        if any(bad.payload() == payload for bad in found.dead_letters):
            raise BadRecordError(found.dead_letters[0].detail)
        if not alerts and not found.dead_letters and not self._drop_without_alert:
            raise BadRecordError(f"today's rules alert nobody of it: {self._rules_in_words}")
        return Decision(alerts, tuple(found.dead_letters))

    @property
    def _rules_in_words(self) -> str:
        return ", ".join(sorted(self._rule_names))

    def _alert(self, letter: DeadLetter, payload: bytes) -> PurchaseAlert:
        try:
            alert = decode_alert(payload)
        except msgspec.DecodeError as error:
            raise BadRecordError(f"its payload is no alert: {error}") from error
        _instant_us(alert.arrival_timestamp)
        if alert.rule not in self._rule_names:
            raise BadRecordError(f"there is no rule {alert.rule!r} today: {self._rules_in_words}")
        # An earlier try may have broken off before its answer; a first one that was refused was never accepted.
        return msgspec.structs.replace(alert, maybe_repeat=True) if letter.attempts > 1 else alert


def _instant_us(text: str) -> int:
    try:
        return parse_instant_us(text)
    except ValueError as error:
        raise BadRecordError(f"its arrival_timestamp is no instant: {error}") from error
