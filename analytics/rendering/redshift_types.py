"""Column types of Redshift for the columns of the tables, and the expressions that read them from the lake.

Sources: Amazon Redshift developer guide, "Supported data types with Apache Iceberg tables" (which type each column has
when Spectrum reads it), "SUPER type", "COPY from columnar data formats".
"""

from __future__ import annotations

import pyarrow as pa

from schemas.tables import TIMESTAMP, Table

# Spectrum cuts a string of an Iceberg table here. A narrower column would have one odd event fail the load of its hour:
# ids, types and URLs come from producers, and an event may have 200 KiB. Redshift stores what a value has, not this.
TEXT_BYTES = 16_384
# Texts whose length something else bounds. Source: Amazon S3 user guide, "Naming objects": a key has 1,024 bytes.
_BOUNDED_BYTES = {"source_object": 1_024}
_TYPES: dict[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.date32(): "DATE",
    # Without a zone, in UTC, as in the lake: Spectrum may not read the other kind of Iceberg.
    TIMESTAMP: "TIMESTAMP",
    pa.binary(): "VARBYTE(64000)",
}


def is_super(kind: pa.DataType) -> bool:
    """Say whether a column is SUPER: a map, a list or a struct."""
    return bool(pa.types.is_map(kind) or pa.types.is_list(kind) or pa.types.is_struct(kind))


def redshift_type(field: pa.Field) -> str:
    """Return the type of a column of a hot table."""
    if is_super(field.type):
        return "SUPER"
    if pa.types.is_string(field.type):
        return f"VARCHAR({_BOUNDED_BYTES.get(field.name, TEXT_BYTES)})"
    return _TYPES[field.type]


def columns_sql(table: Table) -> str:
    """Return the columns of a hot table, a line each, in the order of the data files.

    COPY fills columns by their place, so that order and number are those of the files.
    """
    width = max(len(name) for name in table.schema.names)
    return ",\n".join(
        f"  {field.name:<{width}} {redshift_type(field)}{'' if field.nullable else ' NOT NULL'}"
        for field in table.schema
    )


def read_sql(table: Table, alias: str = "") -> str:
    """Return the columns of a table of the lake as a hot table has them, a line each.

    Maps and lists come from Spectrum as JSON text, where `json_serialization_enable` is on.
    Source: Amazon Redshift developer guide, "Serializing complex nested JSON".

    Args:
        table: the table.
        alias: of the table, with its point.
    """
    return ",\n".join(
        f"  JSON_PARSE({alias}{field.name}) AS {field.name}" if is_super(field.type) else f"  {alias}{field.name}"
        for field in table.schema
    )


def names_sql(table: Table) -> str:
    """Return the names of the columns, a line each."""
    return ",\n".join(f"  {name}" for name in table.schema.names)
