"""The simulation is independent of its parts, and what any client writes is read as it says."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.shop.simulation import counts_of, simulate
from producers.shop.visitors import Visitors
from producers.shop.wire import ClientVersion, SchemaMix, version_of, wire_of
from schemas.codec import EARLIEST_EVENT_US, decode, encode, payload_digest
from schemas.event import ClickEvent
from schemas.instants import DAY_US, parse_instant_us

ARRIVAL_US = parse_instant_us("2026-11-24T10:30:00Z")
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
numbers = st.sampled_from(["0", "7", "007", "-7", "1.0", "1e3", "9" * 18, "9" * 19, "1000439", "٣"])
events = st.builds(
    ClickEvent,
    event_id=texts,
    user_id=numbers | texts,
    session_id=texts,
    event_type=texts,
    event_timestamp_us=st.integers(EARLIEST_EVENT_US, ARRIVAL_US + DAY_US)
    | st.integers(EARLIEST_EVENT_US // 1000, ARRIVAL_US // 1000).map(lambda at_ms: at_ms * 1000),
    device_type=st.none() | texts,
    page_url=st.none() | texts,
    referrer_url=st.none() | texts,
    metadata=st.dictionaries(texts, numbers | texts, max_size=5).map(lambda items: dict(sorted(items.items()))),
    producer_id=st.none() | texts,
    producer_seq=st.none() | st.integers(0, 2**63 - 1),
)


@given(events, st.sampled_from(ClientVersion))
def test_what_a_client_writes_is_read_as_the_event_beside_it(event: ClickEvent, version: ClientVersion) -> None:
    written = wire_of(event, version)
    assert decode(written.data, ARRIVAL_US) == written.event


@given(events, st.sampled_from(ClientVersion))
def test_the_event_differs_only_where_the_client_does(event: ClickEvent, version: ClientVersion) -> None:
    known = wire_of(event, version).event
    if version is ClientVersion.OLD:
        assert known == msgspec.structs.replace(event, event_id=payload_digest(event))
    else:
        assert known == msgspec.structs.replace(event, metadata=known.metadata)
        extra = {"experiments"} if version is ClientVersion.NEW else set()
        assert known.metadata.keys() == event.metadata.keys() | extra


@settings(max_examples=25)
@given(
    st.builds(
        Visitors,
        events=st.integers(0, 3000),
        users=st.integers(1, 2000),
        end_us=st.just(ARRIVAL_US),
        span_us=st.integers(1000, 40 * DAY_US),
        crawlers=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
        is_even=st.booleans(),
    ),
    st.integers(0, 99),
    st.integers(2, 9),
)
def test_parts_are_together_the_whole(visitors: Visitors, seed: int, parts: int) -> None:
    whole = [encode(event) for event in simulate(visitors, seed)]
    made = [[encode(event) for event in simulate(visitors, seed, (index, parts))] for index in range(parts)]
    assert Counter(whole) == Counter(line for part in made for line in part)
    assert len(whole) == visitors.events
    assert [len(part) for part in made] == counts_of(visitors, parts)


@given(st.floats(0, 0.5), st.floats(0, 0.5))
def test_sessions_have_clients_in_about_the_shares_asked_for(old: float, new: float) -> None:
    mix = SchemaMix(old, new)
    versions = Counter(version_of(f"s-{number:016x}", mix) for number in range(4000))
    assert abs(versions[ClientVersion.OLD] / 4000 - old) < 0.04
    assert abs(versions[ClientVersion.NEW] / 4000 - new) < 0.04
