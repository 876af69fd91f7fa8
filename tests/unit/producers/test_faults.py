"""Faults on purpose: exactly one each, and an answer that is what the codec says too."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from producers.faults import CORRUPTIONS, Answer, FaultRates, inject
from producers.lines import Line
from producers.shop import Visitors, simulate
from schemas.codec import decode, encode
from schemas.errors import ConfigError
from schemas.event import PURCHASE, Rejection, RejectReason
from schemas.instants import HOUR_US, parse_instant_us

END_US = parse_instant_us("2026-11-24T12:00:00Z")
VISITORS = Visitors(events=5000, users=200, end_us=END_US, span_us=6 * HOUR_US)


def injected(rates: FaultRates) -> tuple[list[Line], Answer]:
    answer = Answer()
    return list(inject(simulate(Random(3), VISITORS), rates, Random("3 faults"), answer)), answer


def test_without_rates_every_event_goes_out_once_and_unchanged() -> None:
    lines, answer = injected(FaultRates())
    assert [line.data for line in lines] == [encode(event) for event in simulate(Random(3), VISITORS)]
    assert (answer.events, answer.duplicates, answer.corrupt.total(), answer.late) == (5000, 0, 0, 0)


def test_the_answer_is_what_the_codec_makes_of_the_lines() -> None:
    lines, answer = injected(FaultRates(duplicates=0.05, late=0.05, corrupt=0.05))
    read = [decode(line.data, END_US) for line in lines]
    accepted = [event for event in read if not isinstance(event, Rejection)]
    distinct = {event.event_id: event for event in accepted}
    assert answer.lines == len(lines)
    assert answer.events == len(distinct)
    assert answer.duplicates == len(accepted) - len(distinct) > 0
    assert answer.corrupt == Counter(event.reason for event in read if isinstance(event, Rejection))
    assert answer.event_types == Counter(event.event_type for event in distinct.values())
    assert answer.purchases == answer.event_types[PURCHASE] > 0


def test_the_answer_counts_only_what_was_taken() -> None:
    answer = Answer()
    lines = inject(simulate(Random(3), VISITORS), FaultRates(0.3, 0.3, 0.3), Random(1), answer)
    for taken in range(1, 500):
        next(lines)
        assert answer.lines == taken


@pytest.mark.parametrize(("reason", "damage"), CORRUPTIONS)
def test_a_damaged_line_is_refused_for_the_reason_noted(reason: RejectReason, damage: object) -> None:
    assert callable(damage)
    for event in list(simulate(Random(5), VISITORS))[:300]:
        verdict = decode(damage(encode(event)), END_US)
        assert isinstance(verdict, Rejection) and verdict.reason is reason


def test_the_kinds_of_damage_take_turns_and_stay_on_one_line() -> None:
    lines, answer = injected(FaultRates(corrupt=1))
    assert set(answer.corrupt.values()) == {5000 // len(CORRUPTIONS)}
    assert not any(b"\n" in line.data for line in lines)


def test_a_late_event_happened_one_to_three_hours_earlier_and_comes_in_its_old_place() -> None:
    lines, answer = injected(FaultRates(late=1))
    assert answer.late == answer.events == 5000
    for event, line in zip(simulate(Random(3), VISITORS), lines, strict=True):
        read = decode(line.data, END_US)
        assert not isinstance(read, Rejection) and read.event_id == event.event_id
        assert HOUR_US <= event.event_timestamp_us - read.event_timestamp_us <= 3 * HOUR_US


def test_a_duplicate_is_the_same_bytes_for_the_same_user_later() -> None:
    lines, answer = injected(FaultRates(duplicates=0.1))
    assert len(lines) == 5000 + answer.duplicates
    assert 350 < answer.duplicates < 650
    assert set(Counter(lines).values()) == {1, 2}


def test_rates_that_are_no_shares_are_refused_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        FaultRates(duplicates=-0.1, late=2, corrupt=float("nan"))
    assert len(caught.value.faults) == 3
    with pytest.raises(ConfigError, match=r"add up to 1\.5"):
        FaultRates(duplicates=0.5, late=0.5, corrupt=0.5)
