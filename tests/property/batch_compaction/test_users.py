"""The user dimension and its history are functions of the facts alone, whatever hours came, went and came again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.dataset as ds
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_compaction import dims, user_hours
from batch_compaction.dims import NO_USERS, rebuilt_users, updated_users
from batch_compaction.lake_tables import parquet_bytes
from batch_compaction.user_hours import user_hours_of
from batch_compaction.user_splice import Users
from schemas.lake import Partition, hour_of_partition
from schemas.tables import DIM_USERS, DIM_USERS_HISTORY, FACT_CLICKS, USER_HOURS, Table
from tests.user_query import users_of

FIRST_HOUR = datetime(2026, 11, 24, 20, tzinfo=UTC)
HOURS = 7

Fact = dict[str, Any]
Facts = dict[int, list[Fact]]

facts_of_an_hour = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": st.sampled_from(["u", "v", "é", "u\0"]),
            "at": st.sampled_from([0, 1, 2, 59 * 60]),
            "device_type": st.sampled_from([None, "mobile", "desktop"]),
            "country": st.sampled_from([None, None, "", "DE", "FR"]),
            "signup_date": st.sampled_from([None, None, "", "2020-01-01", "2021-02-28", "2020-02-30"]),
        }
    ),
    max_size=6,
)
# A step replaces some hours; an hour without facts is one that was emptied.
steps = st.lists(st.dictionaries(st.integers(0, HOURS - 1), facts_of_an_hour, min_size=1, max_size=4), max_size=6)


def partition_of(hour: int) -> Partition:
    moment = FIRST_HOUR + timedelta(hours=hour)
    return moment.year, moment.month, moment.day, moment.hour


def fact_table(hour: int, facts: list[Fact]) -> pa.Table:
    start = (FIRST_HOUR + timedelta(hours=hour)).replace(tzinfo=None)
    rows = [
        {
            "click_id": f"{number}",
            "user_id": fact["user_id"],
            "session_id": "s",
            "event_type": "click",
            "event_timestamp": start + timedelta(seconds=fact["at"]),
            "device_type": fact["device_type"],
            "metadata": [(name, fact[name]) for name in ("signup_date", "country") if fact[name] is not None],
            **dict(zip(("year", "month", "day", "hour"), partition_of(hour), strict=True)),
            "source_object": "o",
            "source_line": number,
        }
        for number, fact in enumerate(facts)
    ]
    table = pa.Table.from_pylist(rows, schema=FACT_CLICKS.schema)
    return table.sort_by([(name, "ascending") for name in FACT_CLICKS.order])


class Held:
    """An hourly table in memory, which counts what is read of it."""

    def __init__(self, hours: dict[Partition, pa.Table], definition: Table = USER_HOURS) -> None:
        self.hours = {partition: rows for partition, rows in hours.items() if len(rows)}
        self.definition = definition
        self.read: list[Partition] = []

    @property
    def partitions(self) -> set[Partition]:
        return set(self.hours)

    def dataset(self, partitions: Iterable[Partition]) -> ds.Dataset:
        chosen = sorted(set(partitions) & self.hours.keys())
        self.read += chosen
        return ds.dataset(pa.concat_tables([self.definition.schema.empty_table(), *(self.hours[p] for p in chosen)]))


def partials_of(hour: int, facts: list[Fact]) -> pa.Table:
    return user_hours_of(fact_table(hour, facts), hour_of_partition(partition_of(hour)))


def rebuilt(facts: Facts) -> tuple[dict[Partition, pa.Table], Users]:
    hours: dict[Partition, pa.Table] = {}
    tables = {partition_of(hour): fact_table(hour, rows) for hour, rows in facts.items()}
    return hours, rebuilt_users(Held(tables, FACT_CLICKS), hours.__setitem__)


def bytes_of(users: Users) -> tuple[bytes, bytes]:
    return parquet_bytes(users.users, DIM_USERS.schema), parquet_bytes(users.history, DIM_USERS_HISTORY.schema)


def recount(facts: Facts) -> tuple[list[Fact], list[Fact]]:
    """Return the rows of both tables, fact by fact."""
    seen: dict[str, list[tuple[datetime, str, Fact]]] = {}
    for hour, rows in facts.items():
        start = (FIRST_HOUR + timedelta(hours=hour)).replace(tzinfo=None)
        for number, fact in enumerate(rows):
            seen.setdefault(fact["user_id"], []).append((start + timedelta(seconds=fact["at"]), str(number), fact))
    users, history = [], []
    for user_id, said in sorted(seen.items(), key=lambda item: item[0].encode()):
        said.sort(key=lambda item: item[:2])
        country = signup_date = None
        periods: list[Fact] = []
        for moment, _, fact in said:
            country = fact["country"] or country
            with suppress(ValueError):
                signup_date = date.fromisoformat(fact["signup_date"] or "")
            period = {"user_id": user_id, "country": country, "signup_date": signup_date, "valid_from": moment}
            if periods and periods[-1]["valid_from"] == moment:
                periods.pop()
            if not periods or (periods[-1]["country"], periods[-1]["signup_date"]) != (country, signup_date):
                periods.append(period)
        history += [
            {**period, "valid_to": after["valid_from"] if after else None}
            for period, after in zip(periods, [*periods[1:], None], strict=True)
        ]
        uses = Counter(fact["device_type"] for _, _, fact in said if fact["device_type"])
        devices = sorted(uses, key=lambda device: (-uses[device], device))
        users.append(
            {
                "user_id": user_id,
                "country": country,
                "signup_date": signup_date,
                "device_preferences": devices,
                "device_events": [uses[device] for device in devices],
                "last_seen": said[-1][0],
                "first_seen": said[0][0],
                "events": len(said),
            }
        )
    return users, history


@settings(max_examples=100)
@given(steps)
def test_replaced_hours_come_to_the_users_of_a_rebuild_and_of_a_recount(steps: list[Facts]) -> None:
    facts: Facts = {}
    users, hours = NO_USERS, Held({})
    for step in steps:
        facts |= step
        after = {partition_of(hour): partials_of(hour, rows) for hour, rows in step.items()}
        users = updated_users(users, hours, after)
        hours = Held(hours.hours | after)

        recounted, recounted_history = recount(facts)
        assert users.users.to_pylist() == recounted
        assert users.history.to_pylist() == recounted_history
    expected_hours, expected = rebuilt(facts)
    assert bytes_of(users) == bytes_of(expected)
    assert hours.hours == {partition: rows for partition, rows in expected_hours.items() if len(rows)}


@settings(max_examples=40)
@given(steps)
def test_the_size_of_what_is_summed_at_once_does_not_matter(steps: list[Facts]) -> None:
    facts = {hour: rows for step in steps for hour, rows in step.items()}
    expected = rebuilt(facts)
    with patch.object(user_hours, "SLAB_ROWS", 2), patch.object(dims, "ROWS_AT_ONCE", 3):
        hours, users = rebuilt(facts)
    assert bytes_of(users) == bytes_of(expected[1])
    assert hours == expected[0]


@settings(max_examples=40)
@given(steps)
def test_the_dimension_is_what_one_query_gives_and_every_fact_has_its_row_of_the_history(steps: list[Facts]) -> None:
    facts = {hour: rows for step in steps for hour, rows in step.items()}
    everything = pa.concat_tables([FACT_CLICKS.schema.empty_table(), *(fact_table(*item) for item in facts.items())])
    users = rebuilt(facts)[1]
    assert users.users == users_of(everything)
    periods = users.history.to_pylist()
    for fact in everything.to_pylist():
        assert sum(holds(period, fact) for period in periods) == 1


def holds(period: dict[str, Any], fact: dict[str, Any]) -> bool:
    """Say whether a row of the history is the one that held when a fact of its user happened."""
    at, ended = fact["event_timestamp"], period["valid_to"]
    return period["user_id"] == fact["user_id"] and period["valid_from"] <= at and (ended is None or at < ended)
