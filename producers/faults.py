"""Faults on purpose, and the answer: exactly what must come out of the pipeline.

Pure. Each event gets at most one fault: it is sent twice, its time is moved back, or damaged bytes are sent instead of
it. The answer is counted here from what was yielded, never from what the pipeline says.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from producers.lines import Line
from schemas.codec import encode
from schemas.errors import ConfigError
from schemas.event import PURCHASE, ClickEvent, RejectReason
from schemas.instants import HOUR_US

# A copy follows this many events later at most; a producer's retry comes soon.
_MAX_COPY_DISTANCE = 2000


@dataclass(frozen=True, slots=True)
class FaultRates:
    """The share of events with each fault."""

    duplicates: float = 0.0
    late: float = 0.0
    corrupt: float = 0.0

    def __post_init__(self) -> None:
        rates = {"duplicates": self.duplicates, "late": self.late, "corrupt": self.corrupt}
        faults = [
            f"{name} is {rate}, a share lies between 0 and 1" for name, rate in rates.items() if not 0 <= rate <= 1
        ]
        if not faults and sum(rates.values()) > 1:
            faults.append(f"{', '.join(rates)} add up to {sum(rates.values()):g}; an event gets at most one of them")
        if faults:
            raise ConfigError(faults)


@dataclass(slots=True)
class Answer:
    """What the lines yielded so far must become.

    Attributes:
        events: distinct valid events, the late ones among them.
        duplicates: exact copies of one of these.
        corrupt: lines that are no event, by the reason for which they must be refused.
        late: events whose time was moved back.
        purchases: distinct valid purchases.
        event_types: `events` by type.
    """

    events: int = 0
    duplicates: int = 0
    corrupt: Counter[str] = field(default_factory=Counter)
    late: int = 0
    purchases: int = 0
    event_types: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        """All lines: each is in exactly one of the three classes."""
        return self.events + self.duplicates + self.corrupt.total()


def inject(events: Iterable[ClickEvent], rates: FaultRates, rng: Random, answer: Answer) -> Iterator[Line]:
    """Yield the lines of the events with faults among them, and count them in the answer as they are yielded."""
    copies: list[tuple[int, Line]] = []
    until_corrupt = rates.corrupt
    until_late = until_corrupt + rates.late
    until_duplicate = until_late + rates.duplicates
    for count, event in enumerate(events):
        while copies and copies[0][0] <= count:
            answer.duplicates += 1
            yield heapq.heappop(copies)[1]
        drawn = rng.random()
        if drawn < until_corrupt:
            yield _corrupted(event, answer)
            continue
        if drawn < until_late:
            answer.late += 1
            moved_us = int((1 + 2 * rng.random()) * HOUR_US)
            event = msgspec.structs.replace(event, event_timestamp_us=event.event_timestamp_us - moved_us)
        line = Line(event.user_id, encode(event), event.event_timestamp_us)
        if until_late <= drawn < until_duplicate:
            heapq.heappush(copies, (count + 1 + int(rng.random() * _MAX_COPY_DISTANCE), line))
        answer.events += 1
        answer.event_types[event.event_type] += 1
        answer.purchases += event.event_type == PURCHASE
        yield line
    for _, copy in sorted(copies):
        answer.duplicates += 1
        yield copy


def _corrupted(event: ClickEvent, answer: Answer) -> Line:
    reason, damage = CORRUPTIONS[answer.corrupt.total() % len(CORRUPTIONS)]
    answer.corrupt[reason] += 1
    return Line(event.user_id, damage(encode(event)), event.event_timestamp_us)


def _with(name: str, value: Any) -> Callable[[bytes], bytes]:
    def damage(data: bytes) -> bytes:
        return msgspec.json.encode({**msgspec.json.decode(data), name: value})

    return damage


def _without_user(data: bytes) -> bytes:
    fields = msgspec.json.decode(data)
    del fields["user_id"]
    return msgspec.json.encode(fields)


# Each kind of damage with the verdict it must get; they take turns.
CORRUPTIONS: tuple[tuple[RejectReason, Callable[[bytes], bytes]], ...] = (
    (RejectReason.NOT_JSON, lambda data: data[: len(data) // 2]),
    (RejectReason.INVALID_UTF8, lambda data: data.replace(b'"event_type":"', b'"event_type":"\xff\xfe', 1)),
    (RejectReason.MISSING_FIELD, _without_user),
    (RejectReason.EMPTY_FIELD, _with("session_id", "")),
    (RejectReason.BAD_TIMESTAMP, _with("event_timestamp", "yesterday at noon")),
    (RejectReason.ABSURD_TIMESTAMP, _with("event_timestamp", "1970-01-01T00:00:00Z")),
    (RejectReason.WRONG_TYPE, _with("user_id", {"id": 1})),
    (RejectReason.NOT_AN_OBJECT, lambda data: b"[" + data + b"]"),
)
