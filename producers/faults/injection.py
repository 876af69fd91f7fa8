"""Events to lines, with the faults of a plan among them.

What happens to an event follows from the seed and its id alone (a wrong clock from its user, a retry storm from its
time), so it is the same in whichever process and whatever order events come; only where copies stand in the stream is
not. Holds no more than what is still to follow: copies, displaced events, the lines of one retry storm.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import accumulate, starmap
from typing import TypeVar

import msgspec

from producers.faults import damage
from producers.faults.answer import Answer
from producers.faults.chance import Chance, Draw
from producers.faults.fault_plan import CLOCK_FAULTS, EVENT_FAULTS, FaultPlan
from producers.faults.fault_tables import (
    ABSURD_AHEAD_YEARS,
    ABSURD_BACK_YEARS,
    YEAR_US,
    Copies,
    Corrupt,
    Displaced,
    HotKey,
    MissingOptional,
    MissingRequired,
    Moved,
    Some,
)
from producers.faults.key_writer import KeyWriter
from producers.faults.line_maker import LineMaker, Stamper
from producers.faults.retry_storms import RetryStorms
from producers.lines import Line
from schemas.codec import encode as encode_canonical
from schemas.codec import payload_digest
from schemas.event import ClickEvent, RejectReason

_MILLISECOND_US = 1000

Encode = Callable[[ClickEvent], tuple[bytes, ClickEvent]]
_T = TypeVar("_T")
_Make = Callable[[], Line]
_Fault = Callable[[ClickEvent, Draw], Line | None]


def canonical(event: ClickEvent) -> tuple[bytes, ClickEvent]:
    """Return an event's canonical bytes, and the event."""
    return encode_canonical(event), event


def inject(
    events: Iterable[ClickEvent],
    plan: FaultPlan,
    seed: int,
    answer: Answer,
    *,
    stamper: Stamper | None = None,
    key: KeyWriter | None = None,
    encode: Encode = canonical,
) -> Iterator[Line]:
    """Yield the lines of the events, with the faults of a plan; the answer and the key hold what was yielded.

    Args:
        events: valid ones, no id twice, in order of time within a few minutes.
        plan: the faults.
        seed: of chance.
        answer: counts the lines.
        stamper: numbers the lines; None for none.
        key: notes the lines; None for none.
        encode: gives an event's bytes, an object without white space around it, and the event that the pipeline must
            read there, which may have another id and more metadata. Refused and conflicting lines are canonical.
    """
    maker = LineMaker(answer, stamper, key)
    if plan.is_quiet:
        return starmap(maker.fact, map(encode, events))
    return _Injector(plan, Chance(seed), maker, encode).lines(events)


class _Injector:
    def __init__(self, plan: FaultPlan, chance: Chance, maker: LineMaker, encode: Encode) -> None:
        self._chance = chance
        self._maker = maker
        self._encode = encode
        self._clocks = _Choice(self, plan, CLOCK_FAULTS)
        self._faults = _Choice(self, plan, EVENT_FAULTS)
        self._storms = RetryStorms(plan.retry_storm, chance) if plan.retry_storm else None
        self._count = 0
        self._scheduled = 0
        # (before which event, the order among those, what makes the line)
        self._later: list[tuple[int, int, _Make]] = []

    def lines(self, events: Iterable[ClickEvent]) -> Iterator[Line]:
        later = self._later
        for self._count, event in enumerate(events):
            while later and later[0][0] <= self._count:
                yield heapq.heappop(later)[2]()
            line = self._line_of(event)
            if line is not None:
                yield line
        if self._storms is not None:
            self._follow(self._storms.end())
        while later:
            yield heapq.heappop(later)[2]()

    def _line_of(self, event: ClickEvent) -> Line | None:
        """Return the line to send now; None where the event is sent later."""
        if self._clocks.are_any and (fault := self._clocks.pick(draw := self._chance.of_user(event.user_id))):
            return fault(event, draw)
        if self._faults.are_any and (fault := self._faults.pick(draw := self._chance.of_event(event.event_id))):
            return fault(event, draw)
        data, said = self._encode(event)
        line = self._maker.fact(data, said)
        if self._storms is not None:
            self._follow(self._storms.reach(event.event_timestamp_us))
            if self._storms.is_raging:
                self._follow(self._storms.hold(partial(self._maker.copy, line, said, "retry_storm")))
        return line

    def _send_later(self, distance: int, make: _Make) -> None:
        self._scheduled += 1
        heapq.heappush(self._later, (self._count + distance, self._scheduled, make))

    def _follow(self, burst: Iterable[_Make]) -> None:
        for make in burst:
            self._send_later(1, make)

    def _changed(self, fault: str, event: ClickEvent) -> Line:
        return self._maker.fact(*self._encode(event), fault)

    # The faults by their names in the plan; a wrong clock gets the draw of its user.

    def clock_ahead(self, moved: Moved, event: ClickEvent, draw: Draw) -> Line:
        return self._changed("clock_ahead", _moved(event, _by_us(moved, draw)))

    def clock_behind(self, moved: Moved, event: ClickEvent, draw: Draw) -> Line:
        return self._changed("clock_behind", _moved(event, -_by_us(moved, draw)))

    def clock_absurd(self, _: Some, event: ClickEvent, draw: Draw) -> Line:
        sign, (least, most) = (1, ABSURD_AHEAD_YEARS) if draw.where < 0.5 else (-1, ABSURD_BACK_YEARS)
        by_us = sign * int((least + (most - least) * draw.how) * YEAR_US)
        return self._maker.refused(_moved(event, by_us), RejectReason.ABSURD_TIMESTAMP, "clock_absurd")

    def duplicate(self, copies: Copies, event: ClickEvent, draw: Draw) -> Line:
        data, said = self._encode(event)
        line = self._maker.fact(data, said)
        self._send_later(1 + int(draw.how * copies.within), partial(self._maker.copy, line, said, "duplicate"))
        return line

    def conflict(self, copies: Copies, event: ClickEvent, draw: Draw) -> Line:
        # User, type and time stay: whichever of the two becomes the fact, its hour and its alert are the same.
        other = msgspec.structs.replace(event, page_url=f"{event.page_url or ''}#again")
        self._send_later(1 + int(draw.how * copies.within), partial(self._maker.conflict, other, "conflict"))
        return self._maker.fact(*canonical(event))

    def out_of_order(self, displaced: Displaced, event: ClickEvent, draw: Draw) -> None:
        make = partial(self._maker.fact, *self._encode(event), "out_of_order")
        self._send_later(1 + int(draw.how * displaced.within), make)

    def late(self, moved: Moved, event: ClickEvent, draw: Draw) -> Line:
        return self._changed("late", _moved(event, -_by_us(moved, draw)))

    def corrupt(self, corrupt: Corrupt, event: ClickEvent, draw: Draw) -> Line:
        reason = RejectReason(_pick(corrupt.reasons, draw.where))
        return self._maker.refused(event, reason, "corrupt", damage.damage_of(reason, draw.how))

    def too_large(self, _: Some, event: ClickEvent, draw: Draw) -> Line:
        return self._maker.refused(event, RejectReason.TOO_LARGE, "too_large", damage.too_large(draw.how))

    def unsendable(self, _: Some, event: ClickEvent, draw: Draw) -> Line:
        return self._maker.unsendable(event, "unsendable", damage.unsendable(draw.how))

    def hot_key(self, hot: HotKey, event: ClickEvent, draw: Draw) -> Line:
        return self._changed("hot_key", msgspec.structs.replace(event, user_id=hot.user_id))

    def missing_optional(self, missing: MissingOptional, event: ClickEvent, draw: Draw) -> Line:
        field = _pick(missing.fields, draw.how)
        if field == "event_id":
            data = damage.without(field)(encode_canonical(event))
            said = msgspec.structs.replace(event, event_id=payload_digest(event))
            return self._maker.fact(data, said, "missing_optional")
        absent: dict[str, dict[str, str] | None] = {str(field): {} if field == "metadata" else None}
        return self._changed("missing_optional", msgspec.structs.replace(event, **absent))

    def missing_required(self, missing: MissingRequired, event: ClickEvent, draw: Draw) -> Line:
        lacking = damage.without(_pick(missing.fields, draw.how))
        return self._maker.refused(event, RejectReason.MISSING_FIELD, "missing_required", lacking)

    def extra_fields(self, _: Some, event: ClickEvent, draw: Draw) -> Line:
        data, said = self._encode(event)
        return self._maker.fact(damage.with_extra_fields(data), said, "extra_fields")


class _Choice:
    """Picks at most one of some faults by a draw, each as often as its share says."""

    def __init__(self, injector: _Injector, plan: FaultPlan, names: tuple[str, ...]) -> None:
        shares = plan.shares(names)
        self._bounds = list(accumulate(shares.values()))
        self._faults: list[_Fault] = [partial(getattr(injector, name), getattr(plan, name)) for name in shares]
        self.are_any = bool(shares)

    def pick(self, draw: Draw) -> _Fault | None:
        place = bisect_right(self._bounds, draw.which)
        return self._faults[place] if place < len(self._faults) else None


def _moved(event: ClickEvent, by_us: int) -> ClickEvent:
    return msgspec.structs.replace(event, event_timestamp_us=event.event_timestamp_us + by_us)


def _by_us(moved: Moved, draw: Draw) -> int:
    # By whole milliseconds: some clients know no shorter time, and go on writing theirs.
    return moved.least_us + int((moved.most_us - moved.least_us) * draw.how) // _MILLISECOND_US * _MILLISECOND_US


def _pick(choices: tuple[_T, ...], uniform: float) -> _T:
    return choices[int(uniform * len(choices))]
