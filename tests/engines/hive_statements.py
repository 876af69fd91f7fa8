"""Statements of Hive's dialect, which Athena takes and Trino does not, applied to Glue by what they parse to."""

from __future__ import annotations

import re
from typing import Any

import sqlglot
from sqlglot import exp

_PARTITION = re.compile(r"PARTITION \(([^)]*)\)\s+LOCATION '([^']*)'")
_NAME = r"`(\w+)`\.`(\w+)`"


def is_hive(statement: str) -> bool:
    """Say whether a statement is one of those."""
    return statement.startswith(("CREATE EXTERNAL TABLE", "ALTER TABLE", "MSCK REPAIR TABLE"))


def apply(statement: str, glue: Any, cursor: Any) -> None:
    """Do in Glue what Athena would do; what only an engine can, by Trino's procedure for it.

    Args:
        statement: without comments.
        glue: a client.
        cursor: of Trino.
    """
    if statement.startswith("CREATE EXTERNAL TABLE"):
        _create(statement, glue)
    elif statement.startswith("ALTER TABLE"):
        _add_partitions(statement, glue)
    else:
        found = re.fullmatch(rf"MSCK REPAIR TABLE {_NAME}", statement)
        assert found, statement
        cursor.execute(f"CALL system.sync_partition_metadata('{found[1]}', '{found[2]}', 'ADD')").fetchall()


def _create(statement: str, glue: Any) -> None:
    made = sqlglot.parse_one(statement, read="athena")
    assert isinstance(made, exp.Create) and made.args["exists"]
    properties = made.args["properties"].expressions

    def one(kind: type[exp.Expr]) -> Any:
        [found] = [each for each in properties if isinstance(each, kind)]
        return found

    rows = one(exp.RowFormatSerdeProperty)
    table = made.this.this
    glue.create_table(
        DatabaseName=table.db,
        TableInput={
            "Name": table.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE"}
            | {each.this.name: each.args["value"].name for each in properties if type(each) is exp.Property},
            "PartitionKeys": _columns(one(exp.PartitionedByProperty).this),
            "StorageDescriptor": {
                "Columns": _columns(made.this),
                "Location": one(exp.LocationProperty).this.name,
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "SerdeInfo": {
                    "SerializationLibrary": rows.this.name,
                    "Parameters": {
                        each.this.name: each.args["value"].name for each in rows.args["serde_properties"].expressions
                    },
                },
            },
        },
    )


def _columns(schema: exp.Expr) -> list[dict[str, str]]:
    return [
        {"Name": column.name, "Type": column.args["kind"].sql(dialect="hive").lower().replace(" ", "")}
        for column in schema.expressions
        if isinstance(column, exp.ColumnDef)
    ]


def _add_partitions(statement: str, glue: Any) -> None:
    """Add what is not there yet: sqlglot reads one partition in such a statement, and no more."""
    found = re.match(rf"ALTER TABLE {_NAME} ADD IF NOT EXISTS\s", statement)
    assert found, statement
    database, table = found.groups()
    storage = glue.get_table(DatabaseName=database, Name=table)["Table"]["StorageDescriptor"]
    partitions = [
        {
            "Values": re.findall(r"= '(\d+)'", values),
            "StorageDescriptor": storage | {"Location": location},
        }
        for values, location in _PARTITION.findall(statement)
    ]
    told = glue.batch_create_partition(DatabaseName=database, TableName=table, PartitionInputList=partitions)
    for error in told.get("Errors", []):
        assert error["ErrorDetail"]["ErrorCode"] == "AlreadyExistsException", error
