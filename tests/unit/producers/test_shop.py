"""Simulated visits: the same for a seed in any number of parts, in order of time, and shaped like a shop's."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from itertools import pairwise
from statistics import fmean

import pytest

from producers.shop.crawlers import AGENTS, MOST_PAGES
from producers.shop.diurnal import VISITORS_BY_HOUR, slices_of
from producers.shop.event_ids import event_id
from producers.shop.funnel import ARRIVE, FUNNEL, LEAVE
from producers.shop.population import COUNTRIES, DEVICES
from producers.shop.simulation import counts_of, simulate
from producers.shop.visitors import Visitors
from schemas.codec import decode, encode
from schemas.errors import ConfigError
from schemas.event import KNOWN_EVENT_TYPES, PURCHASE, ClickEvent
from schemas.instants import DAY_US, HOUR_US, hour_floor_us, parse_instant_us

END_US = parse_instant_us("2026-11-24T12:00:00Z")
VISITORS = Visitors(events=20_000, users=500, end_us=END_US, span_us=6 * HOUR_US)
DAY = Visitors(events=40_000, users=2_000, end_us=parse_instant_us("2026-11-25T00:00:00Z"), span_us=DAY_US)
SECOND_US = 1_000_000


@pytest.fixture(scope="module")
def events() -> list[ClickEvent]:
    return list(simulate(VISITORS, 7))


@pytest.fixture(scope="module")
def day() -> list[ClickEvent]:
    return list(simulate(DAY, 7))


def sessions_of(events: list[ClickEvent]) -> dict[str, list[ClickEvent]]:
    sessions: dict[str, list[ClickEvent]] = defaultdict(list)
    for event in events:
        sessions[event.session_id].append(event)
    return sessions


def is_crawl(session: list[ClickEvent]) -> bool:
    """By behaviour alone: many products one after another in the order of the catalogue, from nowhere."""
    products = [int(event.metadata.get("product_id", -9)) for event in session]
    return len(session) > 10 and all((after - before) % 400 == 1 for before, after in pairwise(products))


def people_of(events: list[ClickEvent]) -> dict[str, list[ClickEvent]]:
    return {name: session for name, session in sessions_of(events).items() if not is_crawl(session)}


def test_the_same_seed_gives_the_same_events_and_another_seed_others(events: list[ClickEvent]) -> None:
    assert list(simulate(VISITORS, 7)) == events
    assert list(simulate(VISITORS, 8)) != events


@pytest.mark.parametrize("parts", range(1, 6))
def test_any_number_of_parts_is_together_the_same_events_each_in_order_of_time(
    events: list[ClickEvent], parts: int
) -> None:
    made = [list(simulate(VISITORS, 7, (index, parts))) for index in range(parts)]
    assert Counter(map(encode, (event for part in made for event in part))) == Counter(map(encode, events))
    for index, part in enumerate(made):
        times = [event.event_timestamp_us for event in part]
        assert times == sorted(times)
        assert len(part) == counts_of(VISITORS, parts)[index] > 0.6 * VISITORS.events / parts
    users = [{event.user_id for event in part} for part in made]
    assert sum(map(len, users)) == len(set().union(*users))


def test_there_are_as_many_events_as_asked_for_each_with_its_own_id(events: list[ClickEvent]) -> None:
    assert len(events) == len({event.event_id for event in events}) == 20_000


@pytest.mark.parametrize(
    ("count", "users", "span_us"),
    [(0, 1, HOUR_US), (1, 1, HOUR_US), (999, 1, 1_000), (2_001, 3, 7 * 365 * DAY_US), (5_000, 40_000, SECOND_US)],
)
def test_any_size_gives_exactly_its_events_within_the_span(count: int, users: int, span_us: int) -> None:
    made = list(simulate(Visitors(count, users, END_US, span_us), 1))
    assert len(made) == count
    assert all(END_US - span_us <= event.event_timestamp_us < END_US for event in made)


def test_events_are_in_order_of_time_and_fill_every_hour_of_the_span(events: list[ClickEvent]) -> None:
    times = [event.event_timestamp_us for event in events]
    assert times == sorted(times)
    assert times[0] >= END_US - 6 * HOUR_US and times[-1] < END_US
    per_hour = Counter(map(hour_floor_us, times))
    assert len(per_hour) == 6 and min(per_hour.values()) > 2000


def test_every_event_is_accepted_as_it_was_made_and_its_metadata_are_in_order(events: list[ClickEvent]) -> None:
    for event in events:
        assert decode(encode(event), END_US) == event
        assert list(event.metadata) == sorted(event.metadata)
        assert event.event_timestamp_us % 1000 == 0


@pytest.mark.parametrize("seed", range(5))
def test_about_three_percent_are_purchases(seed: int) -> None:
    purchases = sum(event.event_type == PURCHASE for event in simulate(VISITORS, seed))
    assert 0.025 <= purchases / VISITORS.events <= 0.035


def test_every_known_event_type_occurs_and_no_other(events: list[ClickEvent]) -> None:
    assert {event.event_type for event in events} == set(KNOWN_EVENT_TYPES)


def test_what_follows_on_what_is_what_the_funnel_says(day: list[ClickEvent]) -> None:
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for session in people_of(day).values():
        for number, (event, following) in enumerate(pairwise(session)):
            state = "landing" if number == 0 and event.event_type == "page_view" else event.event_type
            after[state][following.event_type] += 1
    assert set(after) == set(FUNNEL) - {ARRIVE}
    for state, counts in after.items():
        expected = {name: percent for name, percent in FUNNEL[state].items() if name != LEAVE}
        # Who has no account signs up in place of the checkout.
        counts["checkout"] += counts.pop("signup", 0)
        for name, percent in expected.items():
            share = percent / sum(expected.values())
            assert counts[name] / counts.total() == pytest.approx(share, abs=0.02 + 1 / counts.total() ** 0.5)
        assert {name for name, count in counts.items() if count} <= set(expected)


def test_a_purchase_says_what_was_paid_and_where(events: list[ClickEvent]) -> None:
    purchases = [event.metadata for event in events if event.event_type == PURCHASE]
    assert len({metadata["order_id"] for metadata in purchases}) == len(purchases)
    for metadata in purchases:
        assert int(metadata["amount_minor"]) > 0 and len(metadata["currency"]) == 3 and len(metadata["country"]) == 2


def test_a_purchase_follows_a_checkout_and_a_cart_and_is_of_somebody_with_an_account(events: list[ClickEvent]) -> None:
    visits: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if event.event_type == PURCHASE:
            assert visits[event.session_id][-1] == "checkout"
            assert "add_to_cart" in visits[event.session_id]
            assert event.metadata["signup_date"]
        visits[event.session_id].append(event.event_type)


def test_who_signs_up_had_no_account_before_and_keeps_it(events: list[ClickEvent]) -> None:
    said: dict[str, list[str | None]] = defaultdict(list)
    signups = Counter(event.user_id for event in events if event.event_type == "signup")
    for event in events:
        said[event.user_id].append("signup" if event.event_type == "signup" else event.metadata.get("signup_date"))
    assert signups.total() > 20 and set(signups.values()) == {1}
    for dates in said.values():
        if "signup" in dates:
            place = dates.index("signup")
            assert set(dates[:place]) == {None} and set(dates[place + 1 :]) <= {"2026-11-24"}
        else:
            assert len(set(dates)) == 1 and (dates[0] or "") < "2026-11-24"


def test_a_user_keeps_the_country_and_a_session_its_user_and_device(events: list[ClickEvent]) -> None:
    countries = {(event.user_id, event.metadata["country"]) for event in events}
    assert len(countries) == len({user for user, _ in countries})
    sessions = {(e.session_id, e.user_id, e.device_type, e.metadata["user_agent"]) for e in events}
    assert len(sessions) == len({session for session, *_ in sessions})


def test_a_user_returns_with_another_session_after_the_last_and_counts_the_visits(day: list[ClickEvent]) -> None:
    visits: dict[str, list[list[ClickEvent]]] = defaultdict(list)
    for session in people_of(day).values():
        visits[session[0].user_id].append(session)
    returning = [of_user for of_user in visits.values() if len(of_user) > 1]
    assert len(returning) > 0.5 * len(visits)
    for of_user in returning:
        for before, after in pairwise(of_user):
            assert before[-1].event_timestamp_us <= after[0].event_timestamp_us
            number = int(before[0].metadata["visit_number"])
            assert number < int(after[0].metadata["visit_number"]) <= number + 3


def test_many_users_have_two_devices_and_use_one_of_them_more(day: list[ClickEvent]) -> None:
    devices: dict[str, Counter[str]] = defaultdict(Counter)
    for session in people_of(day).values():
        devices[session[0].user_id][f"{session[0].device_type} {session[0].metadata['user_agent']}"] += 1
    often = [counts for counts in devices.values() if counts.total() >= 8]
    assert {len(counts) for counts in often} == {1, 2}
    assert 0.5 < fmean(len(counts) == 2 for counts in often) < 0.95
    assert fmean(counts.most_common(1)[0][1] / counts.total() for counts in often) == pytest.approx(0.78, abs=0.05)


def test_few_users_make_much_of_the_traffic_and_few_products(day: list[ClickEvent]) -> None:
    people = [event for session in people_of(day).values() for event in session]
    per_user = Counter(event.user_id for event in people)
    assert sum(count for _, count in per_user.most_common(DAY.users // 10)) > 0.4 * len(people)
    seen = Counter(event.metadata["product_id"] for event in people if "product_id" in event.metadata)
    for rank in (1, 3, 9):
        assert seen[str(rank)] / seen["0"] == pytest.approx(1 / (rank + 1), rel=0.25)


def test_visits_follow_the_clock_where_the_visitor_lives(day: list[ClickEvent]) -> None:
    ahead = {country.code: country.ahead_minutes for country in COUNTRIES}
    for code in ("US", "JP"):
        arrivals = Counter(
            (session[0].event_timestamp_us // HOUR_US + ahead[code] // 60) % 24
            for session in people_of(day).values()
            if session[0].metadata["country"] == code
        )
        night, evening = (fmean(arrivals[hour] for hour in hours) for hours in ((2, 3, 4, 5), (19, 20, 21)))
        expected = fmean(VISITORS_BY_HOUR[2:6]) / fmean(VISITORS_BY_HOUR[19:22])
        assert night / evening == pytest.approx(expected, rel=0.5) and night < 0.3 * evening


def test_an_even_shop_is_as_busy_at_any_hour() -> None:
    even = Visitors(24_000, 500, END_US, DAY_US, is_even=True)
    per_hour = Counter(hour_floor_us(event.event_timestamp_us) for event in simulate(even, 1))
    assert max(per_hour.values()) < 1.2 * min(per_hour.values())


def test_slices_cover_the_span_and_share_out_every_event() -> None:
    slices = list(slices_of(DAY))
    assert slices[0].start_ms == DAY.start_ms and slices[-1].end_ms == DAY.end_ms
    assert all(before.end_ms == after.start_ms for before, after in pairwise(slices))
    for events in (0, 1, 7, 40_000):
        assert sum(part.count_of(events) for part in slices) == events
    assert fmean(part.rate for part in slices) == pytest.approx(1)


def test_crawlers_are_few_read_much_quickly_by_day_and_night_and_buy_nothing(day: list[ClickEvent]) -> None:
    sessions = sessions_of(day)
    crawls = [session for session in sessions.values() if is_crawl(session)]
    assert 0.003 < len(crawls) / len(sessions) < 0.01
    assert {event.event_type for crawl in crawls for event in crawl} == {"page_view"}
    assert all(len(crawl) <= MOST_PAGES for crawl in crawls)
    gaps = [b.event_timestamp_us - a.event_timestamp_us for crawl in crawls for a, b in pairwise(crawl)]
    assert max(gaps) <= 1.5 * SECOND_US
    assert len({hour_floor_us(crawl[0].event_timestamp_us) for crawl in crawls}) > 12
    agents = {crawl[0].metadata["user_agent"] for crawl in crawls}
    # Some pass for a browser.
    assert agents <= set(AGENTS) and agents & {device.user_agent for device in DEVICES}
    assert any("bot" in agent for agent in agents)
    users = {crawl[0].user_id for crawl in crawls}
    assert len(users) == len(crawls) and users.isdisjoint(s[0].user_id for s in people_of(day).values())


@pytest.mark.parametrize(("share", "crawled"), [(0, 0), (1, 20_000)])
def test_there_may_be_no_crawlers_or_nothing_else(share: float, crawled: int) -> None:
    made = list(simulate(Visitors(20_000, 500, END_US, 6 * HOUR_US, crawlers=share), 1))
    assert len(made) == 20_000
    assert sum(len(session) for session in sessions_of(made).values() if is_crawl(session)) == pytest.approx(
        crawled, abs=100
    )


def test_an_event_id_is_a_uuid_of_version_7_that_tells_the_time() -> None:
    lowest, highest = (uuid.UUID(event_id(END_US // 1000, bits)) for bits in (0, (1 << 74) - 1))
    for read in (lowest, highest):
        assert (read.version, read.variant) == (7, uuid.RFC_4122)
        assert read.int >> 80 == END_US // 1000
    assert highest.int & (1 << 62) - 1 == (1 << 62) - 1 and lowest.int & (1 << 62) - 1 == 0


def test_all_faults_of_the_size_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Visitors(-1, 0, END_US, 0, crawlers=2)
    assert len(caught.value.faults) == 4
