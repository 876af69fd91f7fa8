"""Athena's DDL as Glue is left by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from analytics.athena.applying import apply
from analytics.athena.changes import OnTrino
from analytics.athena.statements import steps_of
from infra.local.mends.glue import MEND
from schemas.errors import ConfigError

Run = Callable[[str], list[tuple[Any, ...]]]
TABLE = "CREATE EXTERNAL TABLE t (x int) PARTITIONED BY (a int, b string) LOCATION 's3://b/t/'"


@pytest.fixture
def glue() -> Iterator[Any]:
    with MEND.installed(), mock_aws():
        yield boto3.client("glue")


@pytest.fixture
def run(glue: Any) -> Run:
    """A function that runs a statement on a database with one table."""

    def run(sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for step in steps_of(sql, "lake"):
            assert not isinstance(step, OnTrino)
            rows = apply(step, glue)
        return rows

    run("CREATE DATABASE lake LOCATION 's3://b/lake'")
    run(TABLE)
    return run


def table(glue: Any) -> Any:
    return glue.get_table(DatabaseName="lake", Name="t")["Table"]


def test_many_partitions_come_and_go(run: Run, glue: Any) -> None:
    many = " ".join(f"PARTITION (b='{number}', a={number})" for number in range(130))
    run(f"ALTER TABLE t ADD {many}")
    assert sorted(run("SHOW PARTITIONS t")) == sorted((f"a={n}/b={n}",) for n in range(130))
    found = glue.get_partition(DatabaseName="lake", TableName="t", PartitionValues=["7", "7"])["Partition"]
    assert found["StorageDescriptor"]["Location"] == "s3://b/t/a=7/b=7/"
    run("ALTER TABLE t DROP " + ", ".join(f"PARTITION (a={number}, b='{number}')" for number in range(1, 130)))
    assert run("SHOW PARTITIONS t") == [("a=0/b=0",)]


def test_what_is_there_already_is_told_unless_the_statement_allows_it(run: Run) -> None:
    add = "PARTITION (a=1, b='x')"
    run(f"ALTER TABLE t ADD {add}")
    run(f"ALTER TABLE t ADD IF NOT EXISTS {add} PARTITION (a=2, b='x')")
    assert len(run("SHOW PARTITIONS t")) == 2
    run(TABLE.replace("TABLE t", "TABLE IF NOT EXISTS t"))
    run("CREATE DATABASE IF NOT EXISTS lake")
    for sql, complaint in (
        (f"ALTER TABLE t ADD {add}", "AlreadyExistsException"),
        (TABLE, "the table lake.t is there already"),
        ("CREATE SCHEMA lake", "the database lake is there already"),
    ):
        with pytest.raises(ConfigError, match=complaint):
            run(sql)


def test_what_is_not_there_is_told_unless_the_statement_allows_it(run: Run) -> None:
    run("ALTER TABLE t DROP IF EXISTS PARTITION (a=1, b='x')")
    run("DROP DATABASE IF EXISTS other")
    for sql, complaint in (
        ("ALTER TABLE t DROP PARTITION (a=1, b='x')", "EntityNotFoundException"),
        ("ALTER TABLE other SET LOCATION 's3://b/'", "there is no table lake.other"),
        ("SHOW PARTITIONS other.t", "there is no table other.t"),
        ("DROP DATABASE other", "there is no database other"),
    ):
        with pytest.raises(ConfigError, match=complaint):
            run(sql)


def test_a_table_is_changed_and_keeps_the_rest(run: Run, glue: Any) -> None:
    run("ALTER TABLE t ADD COLUMNS (y map<string,int>)")
    run("ALTER TABLE t SET TBLPROPERTIES ('k' = 'v')")
    run("ALTER TABLE t SET LOCATION 's3://b/u/'")
    changed = table(glue)
    assert changed["StorageDescriptor"]["Columns"] == [
        {"Name": "x", "Type": "int"},
        {"Name": "y", "Type": "map<string,int>"},
    ]
    assert changed["StorageDescriptor"]["Location"] == "s3://b/u/"
    assert changed["Parameters"] == {"EXTERNAL": "TRUE", "k": "v"}
    assert [key["Name"] for key in changed["PartitionKeys"]] == ["a", "b"]


def test_a_database_with_tables_goes_only_with_them(run: Run, glue: Any) -> None:
    with pytest.raises(ConfigError, match="lake is not empty"):
        run("DROP DATABASE lake")
    run("DROP DATABASE lake CASCADE")
    assert glue.get_databases()["DatabaseList"] == []
