import pytest

from schemas.codec import decode, encode, payload_digest
from schemas.event import MAX_EVENT_BYTES, ClickEvent, Rejection, RejectReason
from schemas.instants import DAY_US, HOUR_US, parse_instant_us

ARRIVAL_US = parse_instant_us("2026-11-24T10:30:00Z")
HOUR_START_US = parse_instant_us("2026-11-24T10:00:00Z")
REST = b'"session_id":"s","event_type":"click","event_timestamp":"2026-11-24T10:00:00Z"'


def accepted(line: bytes) -> ClickEvent:
    verdict = decode(line, ARRIVAL_US)
    assert isinstance(verdict, ClickEvent), verdict
    return verdict


def rejected(line: bytes) -> Rejection:
    verdict = decode(line, ARRIVAL_US)
    assert isinstance(verdict, Rejection), verdict
    return verdict


def with_timestamp(value: str) -> bytes:
    return b'{"user_id":"u","session_id":"s","event_type":"click","event_timestamp":%s}' % value.encode()


def test_a_full_event_is_read_field_by_field() -> None:
    event = accepted(
        b'{"event_id":"e1","user_id":"u1","session_id":"s1","event_type":"purchase",'
        b'"event_timestamp":"2026-11-24T10:00:00.123456+01:00","device_type":"mobile","page_url":"https://x/p",'
        b'"referrer_url":"https://r/","metadata":{"country":"DE"},"producer_id":"p","producer_seq":7,"unknown":[1]}'
    )
    assert event == ClickEvent(
        event_id="e1",
        user_id="u1",
        session_id="s1",
        event_type="purchase",
        event_timestamp_us=parse_instant_us("2026-11-24T09:00:00.123456Z"),
        device_type="mobile",
        page_url="https://x/p",
        referrer_url="https://r/",
        metadata={"country": "DE"},
        producer_id="p",
        producer_seq=7,
    )


@pytest.mark.parametrize(
    ("written", "text"),
    [("123", "123"), ("1.50", "1.50"), ("1e3", "1e3"), ("-0", "0"), ("123456789012345678901", "123456789012345678901")],
)
def test_a_number_where_a_text_belongs_becomes_its_text(written: str, text: str) -> None:
    assert accepted(b'{"user_id":%s,%s}' % (written.encode(), REST)).user_id == text


def test_the_aliases_count_only_where_their_field_is_absent() -> None:
    event = accepted(b'{"user_id":"u","session_id":"s","action":"buy","timestamp":1764000000000}')
    assert (event.event_type, event.event_timestamp_us) == ("buy", 1764000000000000)
    both = accepted(b'{"user_id":"u","action":"buy",%s}' % REST)
    assert both.event_type == "click"


def test_an_alias_that_is_a_number_becomes_its_text_as_written() -> None:
    assert accepted(b'{"user_id":"u","session_id":"s","action":1.0,"timestamp":1764000000000}').event_type == "1.0"


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert accepted(b'{"user_id":"first","user_id":"last",%s}' % REST).user_id == "last"


def test_empty_optional_texts_are_absent() -> None:
    event = accepted(b'{"user_id":"u","event_id":"","device_type":"","page_url":null,%s}' % REST)
    assert event.device_type is None
    assert event.page_url is None
    assert event.event_id == payload_digest(event)


def test_metadata_values_keep_their_json_text_and_nulls_are_absent() -> None:
    event = accepted(
        b'{"user_id":"u","metadata":{"z":"\\u00e9","n":1.10,"b":true,"o":{"k": [1, 2]},"gone":null,"big":1e999},%s}'
        % REST
    )
    assert event.metadata == {"b": "true", "big": "1e999", "n": "1.10", "o": '{"k": [1, 2]}', "z": "é"}
    assert list(event.metadata) == sorted(event.metadata)


def test_equal_payloads_without_an_id_get_the_same_id_whatever_their_spelling() -> None:
    one = accepted(b'{"user_id":"u","metadata":{"a":"1","b":"2"},%s}' % REST)
    other = accepted(b'{ "metadata": {"b":"2","a":1}, "producer_seq": 4, "user_id":"u", %s}' % REST)
    assert one.event_id == other.event_id
    assert accepted(b'{"user_id":"v",%s}' % REST).event_id != one.event_id


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", RejectReason.NOT_JSON),
        (b"   ", RejectReason.NOT_JSON),
        (b'{"user_id":"u"', RejectReason.NOT_JSON),
        (b"{} {}", RejectReason.NOT_JSON),
        (b'{"user_id":NaN}', RejectReason.NOT_JSON),
        (b'{"x":"\\ud800"}', RejectReason.NOT_JSON),
        (b'{"x":' + b"[" * 100_000, RejectReason.NOT_JSON),
        (b"[1]", RejectReason.NOT_AN_OBJECT),
        (b"null", RejectReason.NOT_AN_OBJECT),
        (b'"text"', RejectReason.NOT_AN_OBJECT),
        (b'{"user_id":"\xff"}', RejectReason.INVALID_UTF8),
        (b'{"nobody_reads_it":"\xff"}', RejectReason.INVALID_UTF8),
        (b"{" + b" " * MAX_EVENT_BYTES + b"}", RejectReason.TOO_LARGE),
        (b'{"session_id":"s"}', RejectReason.MISSING_FIELD),
        (b'{"user_id":null,%s}' % REST, RejectReason.MISSING_FIELD),
        (b'{"user_id":"",%s}' % REST, RejectReason.EMPTY_FIELD),
        (b'{"user_id":true,%s}' % REST, RejectReason.WRONG_TYPE),
        (b'{"user_id":{},%s}' % REST, RejectReason.WRONG_TYPE),
        (b'{"user_id":1e999,%s}' % REST, RejectReason.WRONG_TYPE),
        (b'{"user_id":"u","metadata":[],%s}' % REST, RejectReason.WRONG_TYPE),
        (b'{"user_id":"u","page_url":[],%s}' % REST, RejectReason.WRONG_TYPE),
        (b'{"user_id":"u","producer_seq":"1",%s}' % REST, RejectReason.WRONG_TYPE),
        (b'{"user_id":"u","producer_seq":-1,%s}' % REST, RejectReason.WRONG_TYPE),
        (b'{"user_id":"u","producer_seq":9223372036854775808,%s}' % REST, RejectReason.WRONG_TYPE),
    ],
)
def test_bytes_that_are_no_event_get_a_typed_reason(line: bytes, reason: RejectReason) -> None:
    assert rejected(line).reason is reason


@pytest.mark.parametrize(
    "text",
    [
        '"yesterday"',
        '"2026-11-24T10:00:00"',
        '"2026-11-24"',
        '"2026-13-01T00:00:00Z"',
        '"2026-11-24T25:00:00Z"',
        '"2026-W01-1T00:00:00Z"',
        '"1764000000000"',
    ],
)
def test_a_text_that_names_no_instant_is_a_bad_timestamp(text: str) -> None:
    assert rejected(with_timestamp(text)).reason is RejectReason.BAD_TIMESTAMP


@pytest.mark.parametrize("text", ["0", "-1", "1e300", "1764000000", '"1999-12-31T23:59:59Z"', '"9999-12-31T23:59:59Z"'])
def test_an_instant_that_cannot_be_is_absurd(text: str) -> None:
    assert rejected(with_timestamp(text)).reason is RejectReason.ABSURD_TIMESTAMP


def test_a_timestamp_of_the_wrong_type_is_no_timestamp() -> None:
    assert rejected(with_timestamp("true")).reason is RejectReason.WRONG_TYPE
    assert rejected(with_timestamp('""')).reason is RejectReason.EMPTY_FIELD


def test_a_day_ahead_of_the_arrival_hour_is_the_limit_whatever_the_minute_of_arrival() -> None:
    limit_us = HOUR_START_US + HOUR_US + DAY_US
    for arrival_us in (HOUR_START_US, HOUR_START_US + HOUR_US - 1):
        within = decode(with_timestamp(str((limit_us - 1000) // 1000)), arrival_us)
        beyond = decode(with_timestamp(str(limit_us // 1000)), arrival_us)
        assert isinstance(within, ClickEvent)
        assert isinstance(beyond, Rejection)


def test_epoch_milliseconds_may_carry_microseconds_as_a_fraction() -> None:
    assert accepted(with_timestamp("1764000000000.25")).event_timestamp_us == 1764000000000250


def test_what_we_write_omits_what_is_absent() -> None:
    event = accepted(b'{"event_id":"e","user_id":"u",%s}' % REST)
    assert encode(event) == (
        b'{"event_id":"e","user_id":"u","session_id":"s","event_type":"click",'
        b'"event_timestamp":"2026-11-24T10:00:00.000000Z"}'
    )


def nested(depth: int) -> bytes:
    return b'{"user_id":"u","metadata":{"deep":%s},%s}' % (b"[" * (depth - 2) + b"]" * (depth - 2), REST)


def test_nesting_is_judged_by_its_depth_not_by_the_stack_of_who_asks() -> None:
    def deeper(frames: int, line: bytes) -> object:
        return deeper(frames - 1, line) if frames else decode(line, ARRIVAL_US)

    assert accepted(nested(100)).metadata["deep"].startswith("[[")
    assert rejected(nested(101)).reason is RejectReason.NOT_JSON
    assert deeper(500, nested(100)) == decode(nested(100), ARRIVAL_US)


def test_brackets_in_a_text_do_not_nest() -> None:
    text = '[{"' * 200
    line = b'{"user_id":"u","page_url":"%s",%s}' % (text.replace('"', '\\"').encode(), REST)
    assert accepted(line).page_url == text
