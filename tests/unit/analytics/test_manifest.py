"""Which files a manifest names, what it says of them, and where it may be written."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from analytics.published import PublishedFile
from analytics.warehouse.manifest import HourLoaded, Span, files_in, hours_lines, hours_loaded, manifest_of
from analytics.warehouse.places import place_of
from schemas.errors import ConfigError
from schemas.instants import DAY_US, HOUR_US, parse_instant_us
from schemas.lake import Partition
from schemas.tables import DIM_USERS, FACT_CLICKS, HOURS

NOON = parse_instant_us("2026-11-24T12:00:00Z")
MIDNIGHT = parse_instant_us("2026-11-24T00:00:00Z")


def file(*partition: int) -> PublishedFile:
    values: Partition = partition
    return PublishedFile(f"s3://b/t/{'-'.join(map(str, values))}.parquet", values, 10, 100 + len(values))


HOURLY = [file(2026, 11, 23, 23), file(2026, 11, 24, 12), file(2026, 11, 24, 13), file(2027, 1, 1, 12)]
DAILY = [file(2026, 11, 23), file(2026, 11, 24), file(2026, 11, 25)]


def test_files_of_hours_are_those_of_just_these_hours() -> None:
    assert files_in(FACT_CLICKS, HOURLY, Span(NOON, NOON + HOUR_US)) == [HOURLY[1]]
    assert files_in(FACT_CLICKS, HOURLY, Span(NOON, NOON + 2 * HOUR_US)) == HOURLY[1:3]
    assert files_in(FACT_CLICKS, HOURLY, Span(NOON - HOUR_US, NOON)) == []
    assert files_in(FACT_CLICKS, HOURLY, None) == HOURLY


def test_files_of_days_are_those_of_whole_days() -> None:
    assert files_in(HOURS, DAILY, Span(MIDNIGHT, MIDNIGHT + DAY_US)) == [DAILY[1]]
    for span in (Span(NOON, MIDNIGHT + DAY_US), Span(MIDNIGHT, NOON)):
        with pytest.raises(ConfigError, match="hours keeps a day in a file"):
            files_in(HOURS, DAILY, span)


def test_a_table_without_hours_is_told() -> None:
    users = [file()]
    assert files_in(DIM_USERS, users, None) == users
    with pytest.raises(ConfigError, match="dim_users is not parted by hour"):
        files_in(DIM_USERS, users, Span(NOON, NOON + HOUR_US))


def test_a_manifest_says_of_each_file_that_it_has_to_be_there_and_how_long_it_is() -> None:
    assert json.loads(manifest_of(HOURLY[1:2])) == {
        "entries": [
            {"url": "s3://b/t/2026-11-24-12.parquet", "mandatory": True, "meta": {"content_length": 104}},
        ]
    }
    assert json.loads(manifest_of([])) == {"entries": []}


def row(hour: datetime, version: int | None, facts: int, through: datetime) -> dict[str, object]:
    return {"event_hour": hour, "version": version, "facts": facts, "published_through": through}


def test_hours_say_their_version_and_how_far_all_is_published() -> None:
    first, last = datetime(2026, 11, 24, 13), datetime(2026, 11, 25)  # noqa: DTZ001 (as the tables have them)
    rows = [
        row(first, None, 0, first),
        row(datetime(2026, 11, 24, 12), 4, 7, first),  # noqa: DTZ001
        row(datetime(2026, 11, 24, 14), 9, 1, last),  # noqa: DTZ001
    ]
    found = hours_loaded(rows, Span(NOON, NOON + 2 * HOUR_US))
    assert found == [
        HourLoaded("2026-11-24 12:00:00", 4, 7, "2026-11-25 00:00:00"),
        HourLoaded("2026-11-24 13:00:00", None, 0, "2026-11-25 00:00:00"),
    ]
    assert [json.loads(line)["version"] for line in hours_lines(found).splitlines()] == [4, None]
    assert hours_loaded([], Span(NOON, NOON + HOUR_US)) == []


def test_a_place_is_an_object_or_a_file_in_a_folder_that_is_there(tmp_path: Path) -> None:
    place = place_of("s3://bucket/some/key.manifest", "--out")
    assert (place.bucket, place.key) == ("bucket", "some/key.manifest")
    path = tmp_path / "a.manifest"
    place_of(str(path), "--out").put(b"x", None)
    assert path.read_bytes() == b"x"
    for address in (
        "s3://bucket",
        "s3://bucket/",
        "s3:///key",
        "s3://bucket/folder/",
        str(tmp_path),
        f"{tmp_path}/no/x",
    ):
        with pytest.raises(ConfigError, match="--out"):
            place_of(address, "--out")
