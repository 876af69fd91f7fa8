import json
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.codec import EARLIEST_EVENT_US, decode, encode, payload_digest
from schemas.event import ClickEvent, Rejection
from schemas.instants import DAY_US, format_instant_us, parse_instant_us

ARRIVAL_US = parse_instant_us("2026-11-24T10:30:00Z")
# A JSON text cannot hold a lone surrogate, and no producer can send one.
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
instants_us = st.integers(EARLIEST_EVENT_US, ARRIVAL_US + DAY_US)
events = st.builds(
    ClickEvent,
    event_id=texts,
    user_id=texts,
    session_id=texts,
    event_type=texts,
    event_timestamp_us=instants_us,
    device_type=st.none() | texts,
    page_url=st.none() | texts,
    referrer_url=st.none() | texts,
    metadata=st.dictionaries(texts, st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=5).map(
        lambda items: dict(sorted(items.items()))
    ),
    producer_id=st.none() | texts,
    producer_seq=st.none() | st.integers(0, 2**63 - 1),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
FIELDS = [*ClickEvent.__struct_fields__, "event_timestamp", "timestamp", "action"]


@given(events)
def test_an_accepted_event_round_trips(event: ClickEvent) -> None:
    assert decode(encode(event), ARRIVAL_US) == event


@given(st.binary(max_size=300))
@example(b'{"user_id":1e999}')
@example(b'{"metadata":{"a":"\\ud800"}}')
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_give_an_event_or_a_typed_rejection(line: bytes) -> None:
    assert isinstance(decode(line, ARRIVAL_US), ClickEvent | Rejection)


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_object_gives_an_event_or_a_typed_rejection(value: dict[str, Any]) -> None:
    verdict = decode(json.dumps(value).encode(), ARRIVAL_US)
    assert isinstance(verdict, ClickEvent | Rejection)
    if isinstance(verdict, ClickEvent):
        assert decode(encode(verdict), ARRIVAL_US) == verdict


@given(events, st.data())
def test_a_damaged_event_gives_an_event_or_a_typed_rejection(event: ClickEvent, data: st.DataObject) -> None:
    line = bytearray(encode(event))
    for _ in range(data.draw(st.integers(1, 4))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(decode(bytes(line), ARRIVAL_US), ClickEvent | Rejection)


@given(events)
def test_the_digest_does_not_see_the_id_nor_the_producers_count(event: ClickEvent) -> None:
    resent = msgspec.structs.replace(event, event_id="another", producer_id="another", producer_seq=0)
    assert payload_digest(resent) == payload_digest(event)


@given(events, texts)
def test_the_digest_sees_every_field_of_the_payload(event: ClickEvent, text: str) -> None:
    changed = {
        "user_id": event.user_id + text,
        "session_id": event.session_id + text,
        "event_type": event.event_type + text,
        "event_timestamp_us": event.event_timestamp_us + 1,
        "device_type": (event.device_type or "") + text,
        "page_url": (event.page_url or "") + text,
        "referrer_url": (event.referrer_url or "") + text,
        "metadata": event.metadata | {text: event.metadata.get(text, "") + "x"},
    }
    digests = {payload_digest(msgspec.structs.replace(event, **{name: value})) for name, value in changed.items()}
    assert len(digests | {payload_digest(event)}) == len(changed) + 1


@given(instants_us)
def test_an_instant_round_trips_through_its_text(instant_us: int) -> None:
    assert parse_instant_us(format_instant_us(instant_us)) == instant_us
