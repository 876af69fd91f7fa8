"""The raw objects as a Hive table for Athena: JSON lines by the OpenX SerDe, partitions by projection.

Rendered from the event schema: every field is a column as it stands on the wire, aliases are columns of their own, and
a view brings them together. Timestamps stay text: the SerDe has no one rule that fits every accepted form.
"""

from __future__ import annotations

from schemas import avsc, lake

RAW_TABLE = "click_events_raw"
RAW_VIEW = "click_events"


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
    projected = {"year": ("2000,2100", 4), "month": ("1,12", 2), "day": ("1,31", 2), "hour": ("0,23", 2)}
    partitions = ", ".join(f"`{name}` int" for name in projected)
    properties = {"projection.enabled": "true"}
    for name, (span, digits) in projected.items():
        properties |= {
            f"projection.{name}.type": "integer",
            f"projection.{name}.range": span,
            f"projection.{name}.digits": str(digits),
        }
    location = f"s3://{bucket}/{lake.RAW_PREFIX}"
    folders = "/".join(f"{name}=${{{name}}}" for name in projected)
    properties["storage.location.template"] = f"{location}{folders}/"
    rendered = ",\n".join(f"  '{key}' = '{value}'" for key, value in properties.items())
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`{RAW_TABLE}` (\n{columns}\n)\n"
        f"PARTITIONED BY ({partitions})\n"
        "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'\n"
        "WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true')\n"
        f"LOCATION '{location}'\n"
        f"TBLPROPERTIES (\n{rendered}\n)"
    )


def raw_view_sql(database: str) -> str:
    """Return CREATE OR REPLACE VIEW over the raw table: one column a field, aliases folded in, partitions kept."""
    columns = []
    for field in avsc.fields_of(avsc.CLICK_EVENT):
        names = ", ".join((field["name"], *field.get("aliases", ())))
        columns.append(f"coalesce({names}) AS {field['name']}" if "," in names else names)
    listed = ",\n  ".join([*columns, "year", "month", "day", "hour"])
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
