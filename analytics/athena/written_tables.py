"""Tables that Athena writes, by CTAS and UNLOAD, and Iceberg's CREATE TABLE: with the properties that Trino knows.

The query of a CTAS stays as it is written. A property that only says how Athena writes is left out; one that Athena
does not know is refused.

Source: Athena user guide, "CREATE TABLE AS", "Create Iceberg tables", "UNLOAD".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from analytics.athena.changes import OnTrino, Step
from analytics.athena.hive_tables import read_location, read_properties
from analytics.athena.hive_types import read_type
from analytics.athena.lexing import Kind, Reader
from schemas.errors import ConfigError

HIVE, ICEBERG = "awsdatacatalog", "iceberg"
# Athena's property of a CTAS -> Trino's; None is left out.
_HIVE_PROPERTIES = {
    "table_type": None,
    "format": "format",
    "external_location": "external_location",
    "partitioned_by": "partitioned_by",
    "bucketed_by": "bucketed_by",
    "bucket_count": "bucket_count",
    "field_delimiter": "textfile_field_separator",
    "write_compression": None,
    "parquet_compression": None,
    "orc_compression": None,
    "compression_level": None,
}
_ICEBERG_PROPERTIES = {
    "table_type": None,
    "is_external": None,
    "format": "format",
    "location": "location",
    "partitioning": "partitioning",
    "write_compression": None,
    "compression_level": None,
    "write_target_data_file_size_bytes": None,
    "optimize_rewrite_min_data_file_size_bytes": None,
    "optimize_rewrite_max_data_file_size_bytes": None,
    "optimize_rewrite_data_file_threshold": None,
    "optimize_rewrite_delete_file_threshold": None,
    "vacuum_min_snapshots_to_keep": None,
    "vacuum_max_snapshot_age_seconds": None,
    "vacuum_max_metadata_files_to_keep": None,
}
_UNLOAD_FORMATS = {"PARQUET", "ORC", "AVRO", "JSON", "TEXTFILE"}
_TRANSFORMS = {"year", "month", "day", "hour", "bucket", "truncate"}


@dataclass(frozen=True, slots=True)
class _Property:
    """A value as Trino writes it, and what it says."""

    written: str
    value: str


def quoted(*names: str) -> str:
    """Return a name of Trino's."""
    return ".".join('"{}"'.format(name.replace('"', '""')) for name in names)


def literal(text: str) -> str:
    """Return a text of Trino's."""
    return "'{}'".format(text.replace("'", "''"))


def read_ctas(reader: Reader, database: str) -> tuple[Step, ...]:
    """Read what follows CREATE TABLE, where a query comes in it.

    Raises:
        ConfigError: a property is none of Athena's, or one is missing.
    """
    unless_there = " IF NOT EXISTS" if reader.accept("IF", "NOT", "EXISTS") else ""
    database, name = reader.table(database)
    given = _read_options(reader) if reader.accept("WITH") else {}
    reader.expect("AS")
    is_iceberg = given["table_type"].value.upper() == "ICEBERG" if "table_type" in given else False
    catalog = ICEBERG if is_iceberg else HIVE
    properties = _known(given, _ICEBERG_PROPERTIES if is_iceberg else _HIVE_PROPERTIES)
    if is_iceberg:
        if "is_external" not in given or given["is_external"].value.lower() != "false":
            raise ConfigError("CTAS of an Iceberg table needs is_external = false")
        if "location" not in given:
            raise ConfigError("CTAS of an Iceberg table needs a location")
    # Athena's default; Trino's own is another.
    properties.setdefault("format", "'PARQUET'")
    table = quoted(catalog, database, name)
    return (OnTrino(f"CREATE TABLE{unless_there} {table}{_with(properties)} AS {reader.rest}"),)


def read_unload(reader: Reader, database: str) -> tuple[Step, ...]:
    """Read what follows UNLOAD: it becomes a table in that folder, which is forgotten when it is written.

    Raises:
        ConfigError: it is not Athena's, or names no format.
    """
    query = reader.bracketed()
    reader.expect("TO")
    location = read_location(reader)
    reader.expect("WITH")
    given = _read_options(reader)
    reader.end()
    known: dict[str, str | None] = {"format": "format", "partitioned_by": "partitioned_by"}
    known |= {"compression": None, "compression_level": None, "field_delimiter": "textfile_field_separator"}
    properties = _known(given, known)
    if "format" not in given or given["format"].value.upper() not in _UNLOAD_FORMATS:
        raise ConfigError(f"UNLOAD needs a format, one of {', '.join(sorted(_UNLOAD_FORMATS))}")
    properties["external_location"] = literal(location)
    digest = hashlib.sha256(f"{location}\n{query}".encode()).hexdigest()[:12]
    table = quoted(HIVE, database, f"unload_{digest}")
    return OnTrino(f"CREATE TABLE {table}{_with(properties)} AS {query}"), OnTrino(f"DROP TABLE {table}")


def read_iceberg_table(reader: Reader, database: str) -> tuple[Step, ...]:
    """Read what follows CREATE TABLE, where columns come in it.

    Raises:
        ConfigError: it is not Athena's DDL of an Iceberg table.
    """
    unless_there = " IF NOT EXISTS" if reader.accept("IF", "NOT", "EXISTS") else ""
    database, name = reader.table(database)
    reader.expect("(")
    columns = [_column(reader)]
    while reader.accept(","):
        columns.append(_column(reader))
    reader.expect(")")
    comment = f" COMMENT {literal(reader.text())}" if reader.accept("COMMENT") else ""
    partitioning: list[str] = []
    if reader.accept("PARTITIONED", "BY"):
        partitioning = _transforms(reader)
    reader.expect("LOCATION")
    location = read_location(reader)
    reader.expect("TBLPROPERTIES")
    given = {key.lower(): _Property(literal(value), value) for key, value in read_properties(reader).items()}
    reader.end()
    if "table_type" not in given or given["table_type"].value.upper() != "ICEBERG":
        raise ConfigError(f"the table {name} is neither EXTERNAL nor of table_type ICEBERG")
    only_in_ctas = ("location", "partitioning", "is_external")
    known = {key: to for key, to in _ICEBERG_PROPERTIES.items() if key not in only_in_ctas}
    properties = _known(given, known)
    properties["location"] = literal(location)
    properties.setdefault("format", "'PARQUET'")
    if partitioning:
        properties["partitioning"] = f"ARRAY[{', '.join(map(literal, partitioning))}]"
    table = quoted(ICEBERG, database, name)
    return (OnTrino(f"CREATE TABLE{unless_there} {table} ({', '.join(columns)}){comment}{_with(properties)}"),)


def _column(reader: Reader) -> str:
    column = f"{quoted(reader.name())} {read_type(reader).trino()}"
    return f"{column} COMMENT {literal(reader.text())}" if reader.accept("COMMENT") else column


def _transforms(reader: Reader) -> list[str]:
    return reader.listed(_transform)


def _transform(reader: Reader) -> str:
    fault = reader.fault(f"a column or one of {', '.join(sorted(_TRANSFORMS))} is expected")
    name = reader.name()
    if not reader.accept("("):
        return name
    if name not in _TRANSFORMS:
        raise fault
    number = ""
    if name in ("bucket", "truncate"):  # Athena has the number first, Trino the column
        number = f", {reader.take(Kind.NUMBER, what='a number').source}"
        reader.expect(",")
    column = reader.name()
    reader.expect(")")
    return f"{name}({column}{number})"


def _read_options(reader: Reader) -> dict[str, _Property]:
    """Read `(name = value, ...)` as queries have it."""
    options: dict[str, _Property] = {}
    reader.expect("(")
    while True:
        fault = reader.fault("a property that was not given before is expected")
        name = reader.name()
        if name in options:
            raise fault
        reader.expect("=")
        options[name] = _value(reader)
        if not reader.accept(","):
            break
    reader.expect(")")
    return options


def _value(reader: Reader) -> _Property:
    if reader.accept("ARRAY", "["):
        texts = [reader.text()]
        while reader.accept(","):
            texts.append(reader.text())
        reader.expect("]")
        return _Property(f"ARRAY[{', '.join(map(literal, texts))}]", ", ".join(texts))
    if reader.sees("TRUE") or reader.sees("FALSE"):
        word = reader.take(Kind.WORD, what="a value").source
        return _Property(word, word)
    is_number = reader.sees_number()
    value = reader.value()
    return _Property(value if is_number else literal(value), value)


def _known(given: Mapping[str, _Property], known: Mapping[str, str | None]) -> dict[str, str]:
    """Return Trino's properties of Athena's."""
    if strange := sorted(given.keys() - known.keys()):
        raise ConfigError(f"Athena knows no property {', '.join(strange)} here; it knows {', '.join(sorted(known))}")
    return {to: given[name].written for name, to in known.items() if to is not None and name in given}


def _with(properties: Mapping[str, str]) -> str:
    return f" WITH ({', '.join(f'{name} = {value}' for name, value in properties.items())})"
