from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.glue import models

from infra.local.mends.glue import MEND

NAMES = {"DatabaseName": "lake", "TableName": "clicks"}


def new_table() -> Any:
    client = boto3.client("glue")
    client.create_database(DatabaseInput={"Name": "lake"})
    client.create_table(DatabaseName="lake", TableInput={"Name": "clicks", "Parameters": {"pointer": "0"}})
    return client


@pytest.fixture
def glue() -> Iterator[Any]:
    with MEND.installed(), mock_aws():
        yield new_table()


def commit(client: Any, pointer: str, **version: str) -> None:
    client.update_table(
        DatabaseName="lake", TableInput={"Name": "clicks", "Parameters": {"pointer": pointer}}, **version
    )


def table(client: Any) -> Any:
    return client.get_table(DatabaseName="lake", Name="clicks")["Table"]


def test_of_two_commits_on_one_version_the_second_is_refused(glue: Any) -> None:
    version = table(glue)["VersionId"]
    commit(glue, "mine", VersionId=version)
    with pytest.raises(ClientError) as refused:
        commit(glue, "theirs", VersionId=version)
    assert refused.value.response["Error"]["Code"] == "ConcurrentModificationException"
    assert table(glue)["Parameters"] == {"pointer": "mine"}


def test_without_the_mend_the_second_commit_overwrites_the_first() -> None:
    with mock_aws():
        client = new_table()
        version = table(client)["VersionId"]
        commit(client, "mine", VersionId=version)
        commit(client, "theirs", VersionId=version)
        assert table(client)["Parameters"] == {"pointer": "theirs"}


@pytest.mark.parametrize(("mended", "created"), [(nullcontext, 2), (MEND.installed, 1)], ids=["without", "with"])
def test_of_two_creations_at_once_one_is_refused(
    mended: Callable[[], AbstractContextManager[None]], created: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both are held between finding no such table and storing theirs, if both can be there at once.
    both_between = Barrier(2)

    class HeldTable(models.FakeTable):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            with suppress(BrokenBarrierError):
                both_between.wait(timeout=0.3)

    def is_created(client: Any) -> bool:
        try:
            client.create_table(DatabaseName="lake", TableInput={"Name": "clicks"})
        except client.exceptions.AlreadyExistsException:
            return False
        return True

    monkeypatch.setattr(models, "FakeTable", HeldTable)
    with mended(), mock_aws(), ThreadPoolExecutor(2) as both:
        client = boto3.client("glue")
        client.create_database(DatabaseInput={"Name": "lake"})
        assert sum(both.map(is_created, [client, client])) == created


def test_an_update_that_names_no_version_is_made(glue: Any) -> None:
    commit(glue, "forced")
    assert table(glue)["Parameters"] == {"pointer": "forced"}


def test_column_statistics_of_a_table_and_of_a_partition_are_kept_apart(glue: Any) -> None:
    statistics = {
        "ColumnName": "hour",
        "ColumnType": "int",
        "AnalyzedTime": 0,
        "StatisticsData": {
            "Type": "LONG",
            "LongColumnStatisticsData": {"NumberOfNulls": 0, "NumberOfDistinctValues": 9},
        },
    }
    glue.update_column_statistics_for_table(**NAMES, ColumnStatisticsList=[statistics])
    asked = {**NAMES, "ColumnNames": ["hour", "minute"]}
    (kept,) = glue.get_column_statistics_for_table(**asked)["ColumnStatisticsList"]
    assert kept["StatisticsData"]["LongColumnStatisticsData"]["NumberOfDistinctValues"] == 9
    of_partition = {"PartitionValues": ["2026"]}
    assert glue.get_column_statistics_for_partition(**asked, **of_partition)["ColumnStatisticsList"] == []
    glue.update_column_statistics_for_partition(**NAMES, **of_partition, ColumnStatisticsList=[statistics])
    glue.delete_column_statistics_for_table(**NAMES, ColumnName="hour")
    assert glue.get_column_statistics_for_table(**asked)["ColumnStatisticsList"] == []
    assert len(glue.get_column_statistics_for_partition(**asked, **of_partition)["ColumnStatisticsList"]) == 1
    glue.delete_column_statistics_for_partition(**NAMES, **of_partition, ColumnName="hour")
    assert glue.get_column_statistics_for_partition(**asked, **of_partition)["ColumnStatisticsList"] == []
