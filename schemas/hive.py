"""JSON objects of the lake as Hive tables for Athena: lines by the OpenX SerDe, partitions by projection.

Rendered from a schema: every field is a column as it stands in the line, aliases are columns of their own. Timestamps
stay text: the SerDe has no one rule that fits every accepted form. A view over each table gives what an analyst means:
one column a field of the raw events, one row a message of the receipts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas import avsc, lake
from schemas.tables import HOUR_PARTITION

RAW_TABLE = "click_events_raw"
RAW_VIEW = "click_events"
RECEIPTS_TABLE = "purchase_receipts"
ALERTS_VIEW = "purchase_alerts"
_SERDE = "org.openx.data.jsonserde.JsonSerDe"
_SERDE_SETTINGS = {"ignore.malformed.json": "true"}
# Source: Athena user guide, "Partition projection": (range, digits) of each folder level.
_PROJECTED = dict(zip(HOUR_PARTITION, (("2000,2100", 4), ("1,12", 2), ("1,31", 2), ("0,23", 2)), strict=True))


@dataclass(frozen=True, slots=True)
class HiveTable:
    """A table over JSON lines in hour folders.

    Attributes:
        name: the table's name.
        schema: the name of the schema whose fields are its columns.
        prefix: the folder in its bucket that holds the hour folders.
    """

    name: str
    schema: str
    prefix: str

    def columns(self) -> list[tuple[str, str]]:
        """Return (name, Hive type) of every column, aliases after their field."""
        columns: list[tuple[str, str]] = []
        for field in avsc.fields_of(self.schema):
            kind = _hive_type(field["type"])
            columns += [(name, kind) for name in (field["name"], *field.get("aliases", ()))]
        return columns

    def ddl(self, database: str, bucket: str, name: str | None = None, is_projected: bool = True) -> str:
        """Return CREATE EXTERNAL TABLE, in Athena's Hive dialect.

        Args:
            database: where the table is made.
            bucket: that holds its objects.
            name: another name than the table's own.
            is_projected: False for a table that knows an hour only once it was added as a partition.
        """
        columns = ",\n".join(f"  `{name}` {kind}" for name, kind in self.columns())
        partitions = ", ".join(f"`{name}` int" for name in HOUR_PARTITION)
        settings = ", ".join(f"'{key}' = '{value}'" for key, value in _SERDE_SETTINGS.items())
        made = (
            f"CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`{name or self.name}` (\n{columns}\n)\n"
            f"PARTITIONED BY ({partitions})\n"
            f"ROW FORMAT SERDE '{_SERDE}'\n"
            f"WITH SERDEPROPERTIES ({settings})\n"
            f"LOCATION '{self.location(bucket)}'"
        )
        if not is_projected:
            return made
        properties = ",\n".join(f"  '{key}' = '{value}'" for key, value in self._properties(bucket).items())
        return f"{made}\nTBLPROPERTIES (\n{properties}\n)"

    def glue_table(self, bucket: str) -> dict[str, Any]:
        """Return the same table as Glue's CreateTable takes it, as `TableInput`."""
        return {
            "Name": self.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "json", **self._properties(bucket)},
            "PartitionKeys": [{"Name": name, "Type": "int"} for name in HOUR_PARTITION],
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": kind} for name, kind in self.columns()],
                "Location": self.location(bucket),
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": dict(_SERDE_SETTINGS)},
            },
        }

    def location(self, bucket: str) -> str:
        """Return the folder that holds its hour folders."""
        return f"s3://{bucket}/{self.prefix}"

    def _properties(self, bucket: str) -> dict[str, str]:
        properties = {"projection.enabled": "true"}
        for name, (span, digits) in _PROJECTED.items():
            properties |= {
                f"projection.{name}.type": "integer",
                f"projection.{name}.range": span,
                f"projection.{name}.digits": str(digits),
            }
        folders = "/".join(f"{name}=${{{name}}}" for name in _PROJECTED)
        return properties | {"storage.location.template": f"{self.location(bucket)}{folders}/"}


RAW = HiveTable(RAW_TABLE, avsc.CLICK_EVENT, lake.RAW_PREFIX)
RECEIPTS = HiveTable(RECEIPTS_TABLE, avsc.RECEIPT, lake.RECEIPTS_PREFIX)


def raw_glue_table(bucket: str) -> dict[str, Any]:
    """Return the table of the raw objects as Glue's CreateTable takes it, as `TableInput`."""
    return RAW.glue_table(bucket)


def receipts_glue_table(bucket: str) -> dict[str, Any]:
    """Return the table of the receipts as Glue's CreateTable takes it, as `TableInput`."""
    return RECEIPTS.glue_table(bucket)


def raw_view_sql(database: str) -> str:
    """Return CREATE OR REPLACE VIEW over the raw table: one column a field, aliases folded in, partitions kept.

    Lines without a user or a session are left out: they are no events, but broken, or attestations of producers.
    """
    columns = []
    for field in avsc.fields_of(avsc.CLICK_EVENT):
        names = ", ".join((field["name"], *field.get("aliases", ())))
        columns.append(f"coalesce({names}) AS {field['name']}" if "," in names else names)
    listed = ",\n  ".join([*columns, *HOUR_PARTITION])
    return (
        f"CREATE OR REPLACE VIEW {database}.{RAW_VIEW} AS\nSELECT\n  {listed}\n"
        f"FROM {database}.{RAW_TABLE}\nWHERE user_id IS NOT NULL AND session_id IS NOT NULL"
    )


def alerts_view_sql(database: str) -> str:
    """Return CREATE OR REPLACE VIEW over the receipts: one row, the earliest, for each message id of an hour.

    Hour by hour, so that a query which names hours reads only those. Receipts of one message lie in one hour, with one
    exception: a FIFO topic that drops a repeat may acknowledge it under the first one's id, up to five minutes later.
    """
    columns = []
    for field in avsc.fields_of(avsc.RECEIPT):
        name, default = field["name"], field.get("default")
        # A receipt from before there was the field; the SerDe knows no defaults.
        columns.append(name if default is None else f"coalesce({name}, {_sql_literal(default)}) AS {name}")
    hour = ", ".join(HOUR_PARTITION)
    listed = ",\n  ".join([*columns, *HOUR_PARTITION])
    numbered = (
        f"  SELECT *, row_number() OVER (\n"  # noqa: S608 (names of ours)
        f"    PARTITION BY {hour}, message_id ORDER BY published_timestamp, event_id, rule\n"
        f"  ) AS receipt_number\n"
        f"  FROM {database}.{RECEIPTS_TABLE}\n"
        f"  WHERE message_id IS NOT NULL\n"
    )
    return (
        f"CREATE OR REPLACE VIEW {database}.{ALERTS_VIEW} AS\nSELECT\n  {listed}\n"
        f"FROM (\n{numbered})\nWHERE receipt_number = 1"
    )


def _sql_literal(default: str | bool) -> str:
    return str(default).lower() if isinstance(default, bool) else f"'{default}'"


def _hive_type(avro_type: object) -> str:
    if isinstance(avro_type, list):
        return _hive_type(next(branch for branch in avro_type if branch != "null"))
    if isinstance(avro_type, dict):
        return "map<string,string>" if avro_type["type"] == "map" else "string"
    kinds = {"string": "string", "long": "bigint", "int": "int", "double": "double", "boolean": "boolean"}
    return kinds[str(avro_type)]
