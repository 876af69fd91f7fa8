"""The raw objects as a Hive table for Athena: JSON lines by the OpenX SerDe, partitions by projection.

Rendered from the event schema: every field is a column as it stands on the wire, aliases are columns of their own, and
a view brings them together. Timestamps stay text: the SerDe has no one rule that fits every accepted form.
"""

from __future__ import annotations

from typing import Any

from schemas import avsc, lake
from schemas.tables import HOUR_PARTITION

RAW_TABLE = "click_events_raw"
RAW_VIEW = "click_events"
_SERDE = "org.openx.data.jsonserde.JsonSerDe"
_SERDE_SETTINGS = {"ignore.malformed.json": "true"}
# Source: Athena user guide, "Partition projection": (range, digits) of each folder level.
_PROJECTED = dict(zip(HOUR_PARTITION, (("2000,2100", 4), ("1,12", 2), ("1,31", 2), ("0,23", 2)), strict=True))


def raw_columns() -> list[tuple[str, str]]:
    """Return (name, Hive type) of every column of the raw table, aliases after their field."""
    columns: list[tuple[str, str]] = []
    for field in avsc.fields_of(avsc.CLICK_EVENT):
        kind = _hive_type(field["type"])
        columns += [(name, kind) for name in (field["name"], *field.get("aliases", ()))]
    return columns


def raw_table_ddl(database: str, bucket: str) -> str:
    """Return CREATE EXTERNAL TABLE of the raw objects, in Athena's Hive dialect."""
    columns = ",\n".join(f"  `{name}` {kind}" for name, kind in raw_columns())
    partitions = ", ".join(f"`{name}` int" for name in HOUR_PARTITION)
    settings = ", ".join(f"'{key}' = '{value}'" for key, value in _SERDE_SETTINGS.items())
    properties = ",\n".join(f"  '{key}' = '{value}'" for key, value in _properties(bucket).items())
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`{RAW_TABLE}` (\n{columns}\n)\n"
        f"PARTITIONED BY ({partitions})\n"
        f"ROW FORMAT SERDE '{_SERDE}'\n"
        f"WITH SERDEPROPERTIES ({settings})\n"
        f"LOCATION '{_location(bucket)}'\n"
        f"TBLPROPERTIES (\n{properties}\n)"
    )


def raw_glue_table(bucket: str) -> dict[str, Any]:
    """Return the same table as Glue's CreateTable takes it, as `TableInput`."""
    return {
        "Name": RAW_TABLE,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "json", **_properties(bucket)},
        "PartitionKeys": [{"Name": name, "Type": "int"} for name in HOUR_PARTITION],
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": kind} for name, kind in raw_columns()],
            "Location": _location(bucket),
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": dict(_SERDE_SETTINGS)},
        },
    }


def raw_view_sql(database: str) -> str:
    """Return CREATE OR REPLACE VIEW over the raw table: one column a field, aliases folded in, partitions kept."""
    columns = []
    for field in avsc.fields_of(avsc.CLICK_EVENT):
        names = ", ".join((field["name"], *field.get("aliases", ())))
        columns.append(f"coalesce({names}) AS {field['name']}" if "," in names else names)
    listed = ",\n  ".join([*columns, *HOUR_PARTITION])
    return (
        f"CREATE OR REPLACE VIEW {database}.{RAW_VIEW} AS\nSELECT\n  {listed}\n"
        f"FROM {database}.{RAW_TABLE}\nWHERE user_id IS NOT NULL AND session_id IS NOT NULL"
    )


def _hive_type(avro_type: object) -> str:
    if isinstance(avro_type, list):
        return _hive_type(next(branch for branch in avro_type if branch != "null"))
    if isinstance(avro_type, dict):
        return "map<string,string>" if avro_type["type"] == "map" else "string"
    return {"string": "string", "long": "bigint", "int": "int", "boolean": "boolean"}[str(avro_type)]


def _location(bucket: str) -> str:
    return f"s3://{bucket}/{lake.RAW_PREFIX}"


def _properties(bucket: str) -> dict[str, str]:
    properties = {"projection.enabled": "true"}
    for name, (span, digits) in _PROJECTED.items():
        properties |= {
            f"projection.{name}.type": "integer",
            f"projection.{name}.range": span,
            f"projection.{name}.digits": str(digits),
        }
    folders = "/".join(f"{name}=${{{name}}}" for name in _PROJECTED)
    return properties | {"storage.location.template": f"{_location(bucket)}{folders}/"}
