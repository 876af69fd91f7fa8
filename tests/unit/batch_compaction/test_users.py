"""What an hour says of its users, and which rows an update of the users reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from batch_compaction.dims import NO_USERS, summed_users, updated_users
from batch_compaction.user_hours import user_hours_of
from batch_compaction.user_splice import Users
from schemas.instants import HOUR_US
from schemas.lake import Partition, hour_of_partition
from schemas.tables import FACT_CLICKS, USER_HOURS
from tests.user_query import users_of

START = datetime(2026, 11, 24, 0, tzinfo=UTC)
HOUR = hour_of_partition((2026, 11, 24, 0))


def fact(user_id: str, hour: int = 0, second: int = 0, device: str | None = None, **metadata: str) -> dict[str, Any]:
    moment = START + timedelta(hours=hour, seconds=second)
    return {
        "click_id": f"{user_id}-{hour}-{second}",
        "user_id": user_id,
        "session_id": "s",
        "event_type": "click",
        "event_timestamp": moment.replace(tzinfo=None),
        "device_type": device,
        "metadata": list(metadata.items()),
        **dict(zip(("year", "month", "day", "hour"), partition_of(hour), strict=True)),
        "source_object": "o",
        "source_line": 1,
    }


def partition_of(hour: int) -> Partition:
    moment = START + timedelta(hours=hour)
    return moment.year, moment.month, moment.day, moment.hour


def facts(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=FACT_CLICKS.schema)


def hour_of_facts(hour: int, *rows: dict[str, Any]) -> dict[Partition, pa.Table]:
    return {partition_of(hour): user_hours_of(facts(*rows), HOUR + hour * HOUR_US)}


class CountedHours:
    """`user_hours` in memory, with a record of which hours were read."""

    def __init__(self, hours: dict[Partition, pa.Table]) -> None:
        self.hours = hours
        self.read: list[int] = []

    @property
    def partitions(self) -> set[Partition]:
        return set(self.hours)

    def dataset(self, partitions: Iterable[Partition]) -> ds.Dataset:
        chosen = sorted(set(partitions) & self.hours.keys())
        self.read += [(hour_of_partition(partition) - HOUR) // HOUR_US for partition in chosen]
        return ds.dataset(pa.concat_tables([USER_HOURS.schema.empty_table(), *(self.hours[p] for p in chosen)]))


@pytest.fixture(scope="module")
def hours_of_a_month() -> dict[Partition, pa.Table]:
    """Each day has a user who says a country every hour; another user says one in the first hour alone."""
    hours: dict[Partition, pa.Table] = {}
    for hour in range(30 * 24):
        silent = fact("silent", hour, country="DE") if hour == 0 else fact("silent", hour)
        hours |= hour_of_facts(hour, fact(f"day-{hour // 24:02}", hour, country="DE"), silent)
    return hours


@pytest.fixture
def month(hours_of_a_month: dict[Partition, pa.Table]) -> tuple[Users, CountedHours]:
    return summed_users(hours_of_a_month.items()), CountedHours(hours_of_a_month)


def test_an_hour_is_told_user_by_user() -> None:
    rows = user_hours_of(
        facts(
            fact("u", 0, 1, "mobile"),
            fact("v", 0, 1, "tablet", country=""),
            fact("u", 0, 2, "desktop", country="DE", signup_date="2020-02-29"),
            fact("u", 0, 3, "desktop", country="FR", signup_date="2020-02-30"),
            fact("u", 0, 4, None, country="FR"),
        ),
        HOUR,
    ).drop_columns(["year", "month", "day", "hour"])
    at = [(START + timedelta(seconds=second)).replace(tzinfo=None) for second in range(5)]
    assert rows.to_pylist() == [
        {
            "user_id": "u",
            "device_preferences": ["desktop", "mobile"],
            "device_events": [2, 1],
            "last_seen": at[4],
            "first_seen": at[1],
            "events": 4,
            "periods": [
                {"valid_from": at[1], "country": None, "signup_date": None},
                {"valid_from": at[2], "country": "DE", "signup_date": date(2020, 2, 29)},
                {"valid_from": at[3], "country": "FR", "signup_date": date(2020, 2, 29)},
            ],
        },
        {
            "user_id": "v",
            "device_preferences": ["tablet"],
            "device_events": [1],
            "last_seen": at[1],
            "first_seen": at[1],
            "events": 1,
            "periods": [{"valid_from": at[1], "country": None, "signup_date": None}],
        },
    ]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2020-01-05",
            "2020-1-5",
            " 2020-01-05 ",
            "2020/01/05",
            "2020-01-05 10:00:00",
            "2020-01-05T10:00:00Z",
            "2020-W01-1",
        ),
        *(
            "20200105",
            "0000-01-01",
            "0001-01-01",
            "9999-12-31",
            "10000-01-01",
            "44-03-15 (BC)",
            "infinity",
            "epoch",
            "soon",
        ),
        *("2020-02-30", "", " ", "0", "-", "२०२०-०१-०५", "2020-01-05\0"),
    ],
)
def test_a_signup_date_is_what_the_engine_takes_for_a_date(text: str) -> None:
    given = facts(fact("u", signup_date=text))
    expected = users_of(given)
    assert summed_users([(partition_of(0), user_hours_of(given, HOUR))]).users == expected


def test_a_streamed_hour_is_the_hour_in_memory(tmp_path: Path) -> None:
    given = facts(*(fact(f"u{second % 7}", 0, second, country="DE" if second % 3 else "FR") for second in range(3000)))
    pq.write_table(given, tmp_path / "hour.parquet", row_group_size=100)
    assert user_hours_of(ds.dataset(tmp_path / "hour.parquet"), HOUR) == user_hours_of(given, HOUR)
    assert user_hours_of(given.slice(10, 50), HOUR) == user_hours_of(
        pa.table(given.slice(10, 50).to_pydict(), given.schema), HOUR
    )


def test_facts_of_before_1970_have_users_too() -> None:
    long_ago = -(30 * 24)
    early = (datetime(1970, 1, 1, tzinfo=UTC) - START) // timedelta(hours=1) + long_ago
    hours = hour_of_facts(early, fact("u", early, 1, country="DE")) | hour_of_facts(0, fact("u", 0, 1, country="FR"))
    users = updated_users(NO_USERS, CountedHours({}), hours)
    emptied = updated_users(users, CountedHours(hours), hour_of_facts(early))
    assert [row["country"] for row in users.history.to_pylist()] == ["DE", "FR"]
    assert [row["country"] for row in emptied.history.to_pylist()] == ["FR"]


def test_an_hour_without_facts_has_no_users() -> None:
    rows = user_hours_of(facts(), HOUR)
    assert len(rows) == 0
    assert rows.schema == USER_HOURS.schema


@pytest.mark.parametrize(
    "rows", [[fact("u", 0, 2), fact("u", 0, 1)], [fact("u", 1)], [fact("u", -1)]], ids=["order", "later", "earlier"]
)
def test_facts_that_are_out_of_order_or_of_another_hour_are_refused(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="out of order"):
        user_hours_of(facts(*rows), HOUR)


def test_the_next_hour_reads_no_other(month: tuple[Users, CountedHours]) -> None:
    held, hours = month
    updated_users(held, hours, hour_of_facts(30 * 24, fact("day-00", 30 * 24, country="FR")))
    assert hours.read == []


def test_a_late_fact_that_says_what_was_known_reads_its_hour_alone(month: tuple[Users, CountedHours]) -> None:
    held, hours = month
    late = fact("day-03", 80, 5, country="DE")
    users = updated_users(held, hours, hour_of_facts(80, fact("day-03", 80, country="DE"), fact("silent", 80), late))
    assert hours.read == [80]
    assert len(users.history) == len(held.history)


def test_a_late_change_reads_on_until_the_user_says_again_what_was_known(month: tuple[Users, CountedHours]) -> None:
    held, hours = month
    late = fact("day-03", 80, 5, country="FR")
    users = updated_users(held, hours, hour_of_facts(80, fact("day-03", 80, country="DE"), fact("silent", 80), late))
    assert hours.read == [80, 81]
    assert len(users.history) == len(held.history) + 2


def test_a_change_that_nothing_says_again_is_followed_in_ever_larger_steps(
    month: tuple[Users, CountedHours],
) -> None:
    held, hours = month
    late = fact("silent", 700, 5, country="FR")
    users = updated_users(held, hours, hour_of_facts(700, fact("day-29", 700, country="DE"), fact("silent", 700), late))
    assert hours.read == list(range(700, 720))
    assert users.users.to_pylist()[-1]["country"] == "FR"


def test_an_emptied_hour_reads_back_until_its_users_are_found(month: tuple[Users, CountedHours]) -> None:
    held, hours = month
    users = updated_users(held, hours, hour_of_facts(719))
    assert hours.read == [719, 718]
    assert {row["last_seen"].hour for row in users.users.to_pylist() if row["user_id"] == "silent"} == {22}


def test_users_that_are_not_the_sum_of_the_hours_are_refused(month: tuple[Users, CountedHours]) -> None:
    held, hours = month
    with pytest.raises(ValueError, match="no sum of these hours"):
        updated_users(NO_USERS, hours, hour_of_facts(3))
    fewer = CountedHours({partition: rows for partition, rows in hours.hours.items() if partition == partition_of(719)})
    with pytest.raises(ValueError, match="in none of these hours"):
        updated_users(held, fewer, hour_of_facts(719))
