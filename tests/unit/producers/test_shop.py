"""Simulated visits: the same for a seed, in order of time, and shaped like a shop's."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from random import Random

import pytest

from producers.shop import Visitors, event_id, simulate
from schemas.codec import decode, encode
from schemas.errors import ConfigError
from schemas.event import KNOWN_EVENT_TYPES, PURCHASE, ClickEvent
from schemas.instants import HOUR_US, hour_floor_us, parse_instant_us

END_US = parse_instant_us("2026-11-24T12:00:00Z")
VISITORS = Visitors(events=20_000, users=500, end_us=END_US, span_us=6 * HOUR_US)


@pytest.fixture(scope="module")
def events() -> list[ClickEvent]:
    return list(simulate(Random(7), VISITORS))


def test_the_same_seed_gives_the_same_events_and_another_seed_others(events: list[ClickEvent]) -> None:
    assert list(simulate(Random(7), VISITORS)) == events
    assert list(simulate(Random(8), VISITORS)) != events


def test_there_are_as_many_events_as_asked_for_each_with_its_own_id(events: list[ClickEvent]) -> None:
    assert len(events) == len({event.event_id for event in events}) == 20_000


def test_events_are_in_order_of_time_and_fill_every_hour_of_the_span(events: list[ClickEvent]) -> None:
    times = [event.event_timestamp_us for event in events]
    assert times == sorted(times)
    assert times[0] >= END_US - 6 * HOUR_US and times[-1] < END_US
    per_hour = Counter(map(hour_floor_us, times))
    assert len(per_hour) == 6 and min(per_hour.values()) > 3000


def test_every_event_is_accepted_as_it_was_made(events: list[ClickEvent]) -> None:
    for event in events[:2000]:
        assert decode(encode(event), END_US) == event


@pytest.mark.parametrize("seed", range(5))
def test_about_three_percent_are_purchases(seed: int) -> None:
    purchases = sum(event.event_type == PURCHASE for event in simulate(Random(seed), VISITORS))
    assert 0.025 <= purchases / VISITORS.events <= 0.035


def test_every_known_event_type_occurs_and_no_other(events: list[ClickEvent]) -> None:
    assert {event.event_type for event in events} == set(KNOWN_EVENT_TYPES)


def test_a_purchase_says_what_was_paid_and_where(events: list[ClickEvent]) -> None:
    purchases = [event.metadata for event in events if event.event_type == PURCHASE]
    assert len({metadata["order_id"] for metadata in purchases}) == len(purchases)
    for metadata in purchases:
        assert int(metadata["amount_minor"]) > 0 and len(metadata["currency"]) == 3 and len(metadata["country"]) == 2


def test_a_purchase_costs_what_was_put_into_the_cart_and_follows_a_checkout(events: list[ClickEvent]) -> None:
    visits: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if event.event_type == PURCHASE:
            assert visits[event.session_id][-1] == "checkout"
            assert "add_to_cart" in visits[event.session_id]
        visits[event.session_id].append(event.event_type)


def test_a_user_keeps_country_and_signup_date_and_a_session_its_user(events: list[ClickEvent]) -> None:
    traits = {(e.user_id, e.metadata["country"], e.metadata["signup_date"]) for e in events}
    assert len(traits) == len({user for user, _, _ in traits})
    sessions = {(event.session_id, event.user_id, event.device_type) for event in events}
    assert len(sessions) == len({session for session, _, _ in sessions})


def test_few_users_make_much_of_the_traffic(events: list[ClickEvent]) -> None:
    per_user = Counter(event.user_id for event in events)
    top_tenth = sum(count for _, count in per_user.most_common(50))
    assert top_tenth > 0.5 * len(events)


def test_an_event_id_is_a_uuid_of_version_7_that_tells_the_time() -> None:
    lowest, highest = uuid.UUID(event_id(END_US, 0)), uuid.UUID(event_id(END_US, (1 << 74) - 1))
    for read in (lowest, highest):
        assert (read.version, read.variant) == (7, uuid.RFC_4122)
        assert read.int >> 80 == END_US // 1000
    assert highest.int & (1 << 62) - 1 == (1 << 62) - 1 and lowest.int & (1 << 62) - 1 == 0


def test_one_user_and_one_event_are_enough_and_none_is_allowed() -> None:
    assert len(list(simulate(Random(1), Visitors(1, 1, END_US, HOUR_US)))) == 1
    assert list(simulate(Random(1), Visitors(0, 1, END_US, HOUR_US))) == []


def test_all_faults_of_the_size_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Visitors(-1, 0, END_US, 0)
    assert len(caught.value.faults) == 3
