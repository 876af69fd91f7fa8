"""What a statement comes to: something for Trino to run, or a change of what Glue holds.

Values alone; `analytics.athena.applying` is what asks Glue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import ConfigError


@dataclass(frozen=True, slots=True)
class OnTrino:
    """A statement for Trino."""

    sql: str


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """Glue's CreateDatabase."""

    database_input: Mapping[str, Any]
    unless_there: bool


@dataclass(frozen=True, slots=True)
class DropDatabase:
    """Glue's DeleteDatabase.

    Attributes:
        with_tables: else it is an error that there are any.
    """

    name: str
    if_there: bool
    with_tables: bool


@dataclass(frozen=True, slots=True)
class CreateTable:
    """Glue's CreateTable."""

    database: str
    table_input: Mapping[str, Any]
    unless_there: bool


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition as it is named.

    Attributes:
        values: partition column -> value, as text, in the order in which they are named.
        location: None for the folder that Hive would make.
    """

    values: Mapping[str, str]
    location: str | None = None


@dataclass(frozen=True, slots=True)
class AddPartitions:
    """Glue's BatchCreatePartition."""

    database: str
    table: str
    partitions: tuple[Partition, ...]
    unless_there: bool


@dataclass(frozen=True, slots=True)
class DropPartitions:
    """Glue's BatchDeletePartition."""

    database: str
    table: str
    partitions: tuple[Partition, ...]
    if_there: bool


@dataclass(frozen=True, slots=True)
class ListPartitions:
    """Glue's GetPartitions; each is a row of one text, like `year=2026/month=11`."""

    database: str
    table: str


@dataclass(frozen=True, slots=True)
class ChangeTable:
    """Glue's UpdateTable, of some of what a table is.

    Attributes:
        location: another folder.
        properties: set beside the others.
        more_columns: put after the others.
        columns: put in the place of the others.
    """

    database: str
    table: str
    location: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    more_columns: tuple[Mapping[str, str], ...] = ()
    columns: tuple[Mapping[str, str], ...] = ()


GlueChange = CreateDatabase | DropDatabase | CreateTable | AddPartitions | DropPartitions | ListPartitions | ChangeTable
Step = OnTrino | GlueChange
# What GetTable answers beside what UpdateTable takes. Source: Glue API reference, "Table" and "TableInput".
_TABLE_INPUT = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "TableType",
    "Parameters",
)
# Source: Apache Hive, `FileUtils.escapePathName`.
_NOT_IN_FOLDERS = re.compile(r"""[\x01-\x1f\x7f"#%'*/:=?\\{\[\]^]""")


def partition_values(table: Mapping[str, Any], partition: Partition) -> list[str]:
    """Return the values of a partition in the order of the table's keys.

    Args:
        table: as GetTable answers.
        partition: which.

    Raises:
        ConfigError: the keys are not those of the table.
    """
    keys = [key["Name"] for key in table.get("PartitionKeys", ())]
    if set(keys) != set(partition.values):
        named, wanted = ", ".join(partition.values), ", ".join(keys) or "nothing"
        raise ConfigError(f"{table['Name']} is partitioned by {wanted}, and a partition is named by {named}")
    return [partition.values[key] for key in keys]


def partition_input(table: Mapping[str, Any], partition: Partition) -> dict[str, Any]:
    """Return a new partition as BatchCreatePartition takes it, stored as its table is.

    Raises:
        ConfigError: the keys are not those of the table.
    """
    values = partition_values(table, partition)
    storage = dict(table["StorageDescriptor"])
    keys = (key["Name"] for key in table["PartitionKeys"])
    folders = "".join(f"{key}={_in_folder(value)}/" for key, value in zip(keys, values, strict=True))
    storage["Location"] = partition.location or f"{storage['Location'].rstrip('/')}/{folders}"
    return {"Values": values, "StorageDescriptor": storage}


def _in_folder(value: str) -> str:
    return _NOT_IN_FOLDERS.sub(lambda found: f"%{ord(found[0]):02X}", value)


def partition_text(table: Mapping[str, Any], values: list[str]) -> str:
    """Return a partition as SHOW PARTITIONS has it."""
    keys = (key["Name"] for key in table["PartitionKeys"])
    return "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))


def changed_table(table: Mapping[str, Any], change: ChangeTable) -> dict[str, Any]:
    """Return a table with a change as UpdateTable takes it.

    Raises:
        ConfigError: a column is there already.
    """
    changed = {key: table[key] for key in _TABLE_INPUT if key in table}
    storage = dict(changed["StorageDescriptor"])
    columns = list(change.columns or storage["Columns"])
    have = {column["Name"] for column in (*columns, *table.get("PartitionKeys", ()))}
    if twice := [column["Name"] for column in change.more_columns if column["Name"] in have]:
        raise ConfigError(f"{table['Name']} has a column {', '.join(twice)} already")
    storage["Columns"] = [*columns, *change.more_columns]
    if change.location is not None:
        storage["Location"] = change.location
    parameters = {**table.get("Parameters", {}), **change.properties}
    return changed | {"StorageDescriptor": storage, "Parameters": parameters}
