"""The user tables as Iceberg tables: an hour is replaced, and the users come out as from a rebuild."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from batch_compaction.dims import NO_USERS, rebuilt_users, updated_users
from batch_compaction.user_hours import user_hours_of
from batch_compaction.user_splice import Users
from schemas.instants import HOUR_US
from schemas.lake import Partition, partition_of_hour
from schemas.tables import DIM_USERS, DIM_USERS_HISTORY, FACT_CLICKS, USER_HOURS
from tests.integration.batch_compaction.lakes import HOUR, TestLake

COUNTRIES = ["DE", None, "DE", "DE"]


def facts_of(hour: int, country: str | None) -> tuple[Partition, pa.Table]:
    partition = partition_of_hour(HOUR + hour * HOUR_US)
    row = {
        "click_id": f"click-{hour}",
        "user_id": "u",
        "session_id": "s",
        "event_type": "click",
        "event_timestamp": (datetime(*partition, tzinfo=UTC) + timedelta(minutes=5)).replace(tzinfo=None),
        "device_type": "mobile",
        "metadata": [("country", country)] if country else [],
        **dict(zip(FACT_CLICKS.partition, partition, strict=True)),
        "source_object": "o",
        "source_line": 1,
    }
    return partition, pa.Table.from_pylist([row], schema=FACT_CLICKS.schema)


def publish(lake: TestLake, users: Users) -> None:
    lake.lake.open(DIM_USERS).replace({(): users.users}, {})
    lake.lake.open(DIM_USERS_HISTORY).replace({(): users.history}, {})


def test_a_replaced_hour_comes_to_the_users_of_a_rebuild(lake: TestLake) -> None:
    hours: dict[Partition, pa.Table] = {}
    lake.lake.open(FACT_CLICKS).replace(dict(facts_of(*item) for item in enumerate(COUNTRIES)), {})
    publish(lake, rebuilt_users(lake.lake.open(FACT_CLICKS), hours.__setitem__))
    before = lake.lake.open(USER_HOURS)
    assert updated_users(NO_USERS, before, hours).users == lake.lake.open(DIM_USERS).rows()
    before.replace(hours, {})

    partition, facts = facts_of(1, "FR")
    held = Users(lake.lake.open(DIM_USERS).rows(), lake.lake.open(DIM_USERS_HISTORY).rows())
    after = {partition: user_hours_of(facts, HOUR + HOUR_US)}
    publish(lake, updated_users(held, lake.lake.open(USER_HOURS), after))
    lake.lake.open(USER_HOURS).replace(after, {})
    lake.lake.open(FACT_CLICKS).replace({partition: facts}, {})

    expected = rebuilt_users(lake.lake.open(FACT_CLICKS), hours.__setitem__)
    assert lake.lake.open(DIM_USERS).rows() == expected.users
    assert lake.lake.open(DIM_USERS_HISTORY).rows() == expected.history
    assert lake.lake.open(USER_HOURS).rows() == pa.concat_tables(hours[partition] for partition in sorted(hours))
    assert [row["country"] for row in lake.rows("dim_users_history")] == ["DE", "FR", "DE"]
