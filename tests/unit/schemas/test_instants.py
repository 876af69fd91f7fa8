from datetime import datetime

import pytest

from schemas.instants import format_instant_us, hour_floor_us, parse_instant_us, timestamp_to_us, us_to_timestamp


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00.000000Z"),
        ("2026-11-24 10:00Z", "2026-11-24T10:00:00.000000Z"),
        ("2026-11-24T10:00:00.5+05:30", "2026-11-24T04:30:00.500000Z"),
        ("2026-11-24T10:00:00-0800", "2026-11-24T18:00:00.000000Z"),
        ("2026-11-24T10:00:00+01", "2026-11-24T09:00:00.000000Z"),
        ("2026-11-24T10:00:00.123456789Z", "2026-11-24T10:00:00.123456Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_an_instant_with_a_zone_is_read_to_the_microsecond(text: str, canonical: str) -> None:
    assert format_instant_us(parse_instant_us(text)) == canonical


@pytest.mark.parametrize(
    "text", ["", "2026-11-24T10:00:00", "24.11.2026 10:00Z", "2026-11-24T10:00:60Z", "\uff12026-11-24T10:00:00Z"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant_us(text)


def test_an_hour_begins_at_or_before_its_instants_even_before_the_epoch() -> None:
    assert format_instant_us(hour_floor_us(parse_instant_us("1969-12-31T23:59:59Z"))) == "1969-12-31T23:00:00.000000Z"


def test_a_timestamp_of_a_table_is_an_instant_in_utc_without_a_zone() -> None:
    instant_us = parse_instant_us("2026-11-24T11:00:00.000001+01:00")
    assert us_to_timestamp(instant_us) == datetime(2026, 11, 24, 10, 0, 0, 1)  # noqa: DTZ001 - as Arrow gives it
    assert timestamp_to_us(us_to_timestamp(instant_us)) == instant_us
    assert timestamp_to_us(us_to_timestamp(-1)) == -1
