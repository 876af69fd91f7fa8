"""One line as it is made: stamped when its turn comes, damaged after that, noted in the answer and in the key.

Whoever asks for a line yields it at once, so that the answer holds what was taken and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from producers.faults.answer import Answer
from producers.faults.damage import Damage
from producers.faults.key_writer import KeyWriter
from producers.lines import Line
from schemas.codec import encode
from schemas.event import PURCHASE, ClickEvent, RejectReason


class Stamper(Protocol):
    """Numbers what a producer sends."""

    def stamp(self, data: bytes) -> bytes:
        """Return an event's bytes with the producer's next number."""
        ...


class LineMaker:
    """Makes lines, each method one kind.

    Args:
        answer: counts what is made.
        stamper: numbers the lines; None for none.
        key: notes what is made; None for none.
    """

    def __init__(self, answer: Answer, stamper: Stamper | None, key: KeyWriter | None) -> None:
        self._answer = answer
        self._stamp: Callable[[bytes], bytes] | None = stamper.stamp if stamper else None
        self._key = key

    def fact(self, data: bytes, event: ClickEvent, fault: str = "") -> Line:
        """Return the first line of an id.

        Args:
            data: its bytes, not stamped yet.
            event: what it says, with the id by which the tables must know it.
            fault: the name of its fault.
        """
        if self._stamp is not None:
            data = self._stamp(data)
        answer = self._answer
        answer.events += 1
        answer.event_types[event.event_type] += 1
        if event.event_type == PURCHASE:
            answer.purchases += 1
        if fault:
            answer.faults[fault] += 1
            answer.late += fault == "late"
        if self._key is not None:
            self._key.fact(data, event, fault)
        return Line(event.user_id, data, event.event_timestamp_us)

    def copy(self, line: Line, event: ClickEvent, fault: str) -> Line:
        """Return a line that was made before; its stamp is the same."""
        self._answer.duplicates += 1
        self._answer.faults[fault] += 1
        if self._key is not None:
            self._key.duplicate(line.data, event, fault)
        return line

    def conflict(self, event: ClickEvent, fault: str) -> Line:
        """Return another payload under the id of an event; its stamp is its own, since it was sent on its own."""
        data = self._stamped(event)
        self._answer.conflicts += 1
        self._answer.faults[fault] += 1
        if self._key is not None:
            self._key.conflict(data, event, fault)
        return Line(event.user_id, data, event.event_timestamp_us)

    def refused(self, event: ClickEvent, reason: RejectReason, fault: str, damage: Damage | None = None) -> Line:
        """Return a line that must be refused, for what its event says or for a damage."""
        data = self._stamped(event)
        if damage is not None:
            data = damage(data)
        self._answer.corrupt[reason] += 1
        self._answer.faults[fault] += 1
        if self._key is not None:
            self._key.refused(data, reason, fault)
        return Line(event.user_id, data, event.event_timestamp_us)

    def unsendable(self, event: ClickEvent, fault: str, damage: Damage) -> Line:
        """Return a line that no stream takes."""
        data = damage(self._stamped(event))
        self._answer.unsendable += 1
        self._answer.faults[fault] += 1
        if self._key is not None:
            self._key.unsendable(data, fault)
        return Line(event.user_id, data, event.event_timestamp_us)

    def _stamped(self, event: ClickEvent) -> bytes:
        data = encode(event)
        return data if self._stamp is None else self._stamp(data)
