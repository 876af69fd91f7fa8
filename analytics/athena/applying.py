"""Has Glue do what a statement asks of it, by boto3.

The one module of this package that talks to a service. Partitions are added and dropped in the batches that Glue takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from analytics.athena.changes import (
    AddPartitions,
    ChangeTable,
    CreateDatabase,
    CreateTable,
    DropDatabase,
    DropPartitions,
    GlueChange,
    ListPartitions,
    changed_table,
    partition_input,
    partition_text,
    partition_values,
)
from schemas.errors import ConfigError, WorkFailedError

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import PartitionErrorTypeDef

# Source: Glue API reference, BatchCreatePartition and BatchDeletePartition.
_ADDED_AT_ONCE, _DROPPED_AT_ONCE = 100, 25
Rows = list[tuple[Any, ...]]


def apply(change: GlueChange, glue: GlueClient) -> Rows:
    """Make a change, and return the rows that its statement answers with, mostly none.

    Raises:
        ConfigError: what it is about is there already, or is not there, or is another than it says.
        WorkFailedError: Glue refused a part of it.
    """
    match change:
        case CreateDatabase():
            return _create_database(change, glue)
        case DropDatabase():
            return _drop_database(change, glue)
        case CreateTable():
            return _create_table(change, glue)
        case AddPartitions():
            return _add_partitions(change, glue)
        case DropPartitions():
            return _drop_partitions(change, glue)
        case ListPartitions():
            return _list_partitions(change, glue)
        case ChangeTable():
            return _change_table(change, glue)


def _create_database(change: CreateDatabase, glue: GlueClient) -> Rows:
    request = cast(Any, change.database_input)
    _unless(
        "AlreadyExistsException",
        change.unless_there,
        f"the database {request['Name']} is there already",
        lambda: glue.create_database(DatabaseInput=request),
    )
    return []


def _drop_database(change: DropDatabase, glue: GlueClient) -> Rows:
    def drop() -> None:
        if not change.with_tables and glue.get_tables(DatabaseName=change.name)["TableList"]:
            raise ConfigError(f"the database {change.name} is not empty: CASCADE drops its tables too")
        glue.delete_database(Name=change.name)

    _unless("EntityNotFoundException", change.if_there, f"there is no database {change.name}", drop)
    return []


def _create_table(change: CreateTable, glue: GlueClient) -> Rows:
    request = cast(Any, change.table_input)
    _unless(
        "AlreadyExistsException",
        change.unless_there,
        f"the table {change.database}.{request['Name']} is there already",
        lambda: glue.create_table(DatabaseName=change.database, TableInput=request),
    )
    return []


def _add_partitions(change: AddPartitions, glue: GlueClient) -> Rows:
    table = _table(change.database, change.table, glue)
    inputs = [partition_input(table, partition) for partition in change.partitions]
    for some in _batches(inputs, _ADDED_AT_ONCE):
        answer = glue.batch_create_partition(
            DatabaseName=change.database, TableName=change.table, PartitionInputList=cast(Any, some)
        )
        _require("AlreadyExistsException", change.unless_there, answer.get("Errors", []))
    return []


def _drop_partitions(change: DropPartitions, glue: GlueClient) -> Rows:
    table = _table(change.database, change.table, glue)
    all_values = [partition_values(table, partition) for partition in change.partitions]
    for some in _batches(all_values, _DROPPED_AT_ONCE):
        answer = glue.batch_delete_partition(
            DatabaseName=change.database,
            TableName=change.table,
            PartitionsToDelete=[{"Values": values} for values in some],
        )
        _require("EntityNotFoundException", change.if_there, answer.get("Errors", []))
    return []


def _list_partitions(change: ListPartitions, glue: GlueClient) -> Rows:
    table = _table(change.database, change.table, glue)
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=change.database, TableName=change.table)
    found = [partition["Values"] for page in pages for partition in page["Partitions"]]
    return [(partition_text(table, values),) for values in found]


def _change_table(change: ChangeTable, glue: GlueClient) -> Rows:
    table = _table(change.database, change.table, glue)
    glue.update_table(
        DatabaseName=change.database,
        TableInput=cast(Any, changed_table(table, change)),
        VersionId=str(table["VersionId"]),
    )
    return []


def _table(database: str, name: str, glue: GlueClient) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], glue.get_table(DatabaseName=database, Name=name)["Table"])
    except glue.exceptions.EntityNotFoundException as error:
        raise ConfigError(f"there is no table {database}.{name}") from error


def _unless(code: str, is_allowed: bool, complaint: str, ask: Callable[[], object]) -> None:
    try:
        ask()
    except ClientError as error:
        if error.response["Error"].get("Code") != code:
            raise
        if not is_allowed:
            raise ConfigError(complaint) from error


def _require(code: str, is_allowed: bool, errors: Sequence[PartitionErrorTypeDef]) -> None:
    """Look at each result of a batch."""
    for error in errors:
        detail = error.get("ErrorDetail", {})
        if is_allowed and detail.get("ErrorCode") == code:
            continue
        values = ", ".join(error.get("PartitionValues", ()))
        message = f"partition ({values}): {detail.get('ErrorCode')}: {detail.get('ErrorMessage')}"
        raise ConfigError(message) if detail.get("ErrorCode") == code else WorkFailedError(message)


def _batches(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[begin : begin + size] for begin in range(0, len(items), size)]
