"""Hive's CREATE EXTERNAL TABLE, as Athena takes it, as the table that Glue is asked for.

Source: Athena user guide, "CREATE TABLE", and for the classes behind the words Apache Hive's language manual, "DDL".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from analytics.athena.changes import CreateTable
from analytics.athena.hive_types import read_type
from analytics.athena.lexing import Kind, Reader
from schemas.errors import ConfigError

_LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_IO = "org.apache.hadoop.hive.ql.io"
# STORED AS -> what reads, what would write, and the SerDe where no other is named.
_FORMATS = {
    "TEXTFILE": ("org.apache.hadoop.mapred.TextInputFormat", f"{_IO}.HiveIgnoreKeyTextOutputFormat", _LAZY),
    "SEQUENCEFILE": (
        "org.apache.hadoop.mapred.SequenceFileInputFormat",
        f"{_IO}.HiveSequenceFileOutputFormat",
        _LAZY,
    ),
    "PARQUET": (
        f"{_IO}.parquet.MapredParquetInputFormat",
        f"{_IO}.parquet.MapredParquetOutputFormat",
        f"{_IO}.parquet.serde.ParquetHiveSerDe",
    ),
    "ORC": (f"{_IO}.orc.OrcInputFormat", f"{_IO}.orc.OrcOutputFormat", f"{_IO}.orc.OrcSerde"),
    "AVRO": (
        f"{_IO}.avro.AvroContainerInputFormat",
        f"{_IO}.avro.AvroContainerOutputFormat",
        "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
    ),
}
# The words of ROW FORMAT DELIMITED -> the SerDe's parameter; the third one is spelt so in Hive.
_DELIMITERS = (
    (("FIELDS", "TERMINATED", "BY"), "field.delim"),
    (("ESCAPED", "BY"), "escape.delim"),
    (("COLLECTION", "ITEMS", "TERMINATED", "BY"), "colelction.delim"),
    (("MAP", "KEYS", "TERMINATED", "BY"), "mapkey.delim"),
    (("LINES", "TERMINATED", "BY"), "line.delim"),
    (("NULL", "DEFINED", "AS"), "serialization.null.format"),
)


@dataclass(slots=True)
class _Clauses:
    """What follows the columns; each clause may come once."""

    comment: str | None = None
    partitions: list[dict[str, str]] = field(default_factory=list)
    buckets: dict[str, Any] = field(default_factory=dict)
    serde: str | None = None
    serde_parameters: dict[str, str] = field(default_factory=dict)
    formats: tuple[str, str, str] = _FORMATS["TEXTFILE"]
    location: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


def read_external_table(reader: Reader, database: str) -> CreateTable:
    """Read what follows CREATE EXTERNAL TABLE.

    Raises:
        ConfigError: it is not Athena's DDL.
    """
    unless_there = reader.accept("IF", "NOT", "EXISTS")
    database, name = reader.table(database)
    columns = read_columns(reader)
    clauses = _read_clauses(reader)
    if clauses.location is None:
        raise ConfigError(f"the table {name} needs a LOCATION")
    names = [column["Name"] for column in (*columns, *clauses.partitions)]
    if twice := sorted({column for column in names if names.count(column) > 1}):
        raise ConfigError(f"the table {name} has the column {', '.join(twice)} twice")
    reads, writes, serde = clauses.formats
    table_input = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **_commented(clauses.comment), **clauses.properties},
        "PartitionKeys": clauses.partitions,
        "StorageDescriptor": {
            "Columns": columns,
            "Location": clauses.location,
            "InputFormat": reads,
            "OutputFormat": writes,
            "SerdeInfo": {
                "SerializationLibrary": clauses.serde or serde,
                "Parameters": clauses.serde_parameters,
            },
            **clauses.buckets,
        },
    }
    return CreateTable(database, table_input, unless_there)


def read_columns(reader: Reader) -> list[dict[str, str]]:
    """Read columns in brackets, as Glue keeps them."""
    return reader.listed(_column)


def read_properties(reader: Reader) -> dict[str, str]:
    """Read `('name' = 'value', ...)`."""
    properties: dict[str, str] = {}
    reader.expect("(")
    while True:
        name = reader.text()
        reader.expect("=")
        properties[name] = reader.text()
        if not reader.accept(","):
            break
    reader.expect(")")
    return properties


def read_location(reader: Reader) -> str:
    """Read a folder of S3.

    Raises:
        ConfigError: it is another address.
    """
    location = reader.text()
    if not location.startswith("s3://"):
        raise ConfigError(f"the location {location} is none of S3")
    return location


def _column(reader: Reader) -> dict[str, str]:
    column = {"Name": reader.name(), "Type": read_type(reader).glue()}
    return column | ({"Comment": reader.text()} if reader.accept("COMMENT") else {})


def _commented(comment: str | None) -> dict[str, str]:
    return {} if comment is None else {"comment": comment}


def _read_clauses(reader: Reader) -> _Clauses:
    clauses, seen = _Clauses(), set()
    readers = {
        ("COMMENT",): _read_comment,
        ("PARTITIONED", "BY"): _read_partitions,
        ("CLUSTERED", "BY"): _read_buckets,
        ("ROW", "FORMAT"): _read_row_format,
        ("STORED", "AS"): _read_format,
        ("WITH", "SERDEPROPERTIES"): _read_serde_properties,
        ("LOCATION",): _read_location,
        ("TBLPROPERTIES",): _read_table_properties,
    }
    while not reader.is_done():
        clause = next((words for words in readers if reader.sees(*words)), None)
        if clause is None or clause in seen:
            raise reader.fault("another clause of CREATE EXTERNAL TABLE is expected")
        seen.add(clause)
        reader.expect(*clause)
        readers[clause](reader, clauses)
    return clauses


def _read_comment(reader: Reader, clauses: _Clauses) -> None:
    clauses.comment = reader.text()


def _read_partitions(reader: Reader, clauses: _Clauses) -> None:
    clauses.partitions = read_columns(reader)


def _read_buckets(reader: Reader, clauses: _Clauses) -> None:
    reader.expect("(")
    columns = [reader.name()]
    while reader.accept(","):
        columns.append(reader.name())
    reader.expect(")")
    reader.expect("INTO")
    number = int(reader.take(Kind.NUMBER, what="a number of buckets").source)
    reader.expect("BUCKETS")
    clauses.buckets = {"BucketColumns": columns, "NumberOfBuckets": number}


def _read_row_format(reader: Reader, clauses: _Clauses) -> None:
    if reader.accept("SERDE"):
        clauses.serde = reader.text()
        if reader.accept("WITH", "SERDEPROPERTIES"):
            _read_serde_properties(reader, clauses)
        return
    reader.expect("DELIMITED")
    clauses.serde = _LAZY
    for words, parameter in _DELIMITERS:
        if reader.accept(*words):
            clauses.serde_parameters[parameter] = reader.text()
    if delimiter := clauses.serde_parameters.get("field.delim"):
        clauses.serde_parameters["serialization.format"] = delimiter


def _read_format(reader: Reader, clauses: _Clauses) -> None:
    if reader.accept("INPUTFORMAT"):
        reads = reader.text()
        reader.expect("OUTPUTFORMAT")
        clauses.formats = (reads, reader.text(), _LAZY)
        return
    fault = reader.fault(f"one of {', '.join(_FORMATS)} is expected")
    name = reader.name().upper()
    if name not in _FORMATS:
        raise fault
    clauses.formats = _FORMATS[name]


def _read_serde_properties(reader: Reader, clauses: _Clauses) -> None:
    clauses.serde_parameters |= read_properties(reader)


def _read_location(reader: Reader, clauses: _Clauses) -> None:
    clauses.location = read_location(reader)


def _read_table_properties(reader: Reader, clauses: _Clauses) -> None:
    clauses.properties = read_properties(reader)
