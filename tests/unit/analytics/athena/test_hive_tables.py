"""Hive's CREATE EXTERNAL TABLE becomes the table that Glue keeps."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.athena.changes import CreateTable
from analytics.athena.statements import steps_of
from schemas import hive
from schemas.errors import ConfigError


def table_of(sql: str) -> CreateTable:
    (step,) = steps_of(sql, "lake")
    assert isinstance(step, CreateTable)
    return step


def storage_of(clauses: str, columns: str = "a int") -> Any:
    sql = f"CREATE EXTERNAL TABLE t ({columns}) {clauses} LOCATION 's3://b/t/'"
    return table_of(sql).table_input["StorageDescriptor"]


@pytest.mark.parametrize("table", [hive.RAW, hive.RECEIPTS], ids=lambda table: str(table.name))
def test_our_own_tables_are_those_that_glue_is_given_directly(table: hive.HiveTable) -> None:
    step = table_of(table.ddl("clickstream_raw", "bucket"))
    assert (step.database, step.unless_there) == ("clickstream_raw", True)
    # What the crawler and Glue's own jobs go by; Athena's statement has no word for it.
    parameters = {**step.table_input["Parameters"], "classification": "json"}
    assert {**step.table_input, "Parameters": parameters} == table.glue_table("bucket")


def test_every_clause_has_its_place() -> None:
    step = table_of(
        """
        -- what it is
        CREATE EXTERNAL TABLE `Lake2`.`T`(
          `Id` bigint COMMENT 'who''s',
          parts ARRAY< STRUCT<`Name`: string, sizes : map<string, decimal(10, 2)>> >
        )
        COMMENT "all of it"
        PARTITIONED BY (day string COMMENT 'UTC')
        CLUSTERED BY (id) INTO 8 BUCKETS
        STORED AS PARQUET
        LOCATION 's3://b/t/'
        TBLPROPERTIES ('parquet.compression'='SNAPPY', 'k' = 'v');
        """
    )
    assert step.database == "lake2" and not step.unless_there
    assert step.table_input == {
        "Name": "t",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "comment": "all of it", "parquet.compression": "SNAPPY", "k": "v"},
        "PartitionKeys": [{"Name": "day", "Type": "string", "Comment": "UTC"}],
        "StorageDescriptor": {
            "Columns": [
                {"Name": "id", "Type": "bigint", "Comment": "who's"},
                {"Name": "parts", "Type": "array<struct<name:string,sizes:map<string,decimal(10,2)>>>"},
            ],
            "Location": "s3://b/t/",
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
                "Parameters": {},
            },
            "BucketColumns": ["id"],
            "NumberOfBuckets": 8,
        },
    }


def test_delimiters_are_what_their_escapes_say() -> None:
    serde = storage_of(r"ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' MAP KEYS TERMINATED BY '\003'")["SerdeInfo"]
    assert serde["SerializationLibrary"].endswith("LazySimpleSerDe")
    assert serde["Parameters"] == {"field.delim": "\t", "mapkey.delim": "\x03", "serialization.format": "\t"}


def test_a_serde_may_be_named_with_its_classes() -> None:
    storage = storage_of(
        "ROW FORMAT SERDE 'a.B' WITH SERDEPROPERTIES ('x'='y') STORED AS INPUTFORMAT 'r' OUTPUTFORMAT 'w'"
    )
    assert (storage["InputFormat"], storage["OutputFormat"]) == ("r", "w")
    assert storage["SerdeInfo"] == {"SerializationLibrary": "a.B", "Parameters": {"x": "y"}}


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("CREATE EXTERNAL TABLE t (a int)", "needs a LOCATION"),
        ("CREATE EXTERNAL TABLE t (a int) LOCATION 'hdfs://b/'", "none of S3"),
        ("CREATE EXTERNAL TABLE t (a integer) LOCATION 's3://b/'", "column 28: .* in DDL it is called int"),
        ("CREATE EXTERNAL TABLE t (a varchar2) LOCATION 's3://b/'", "a type of Hive's DDL is expected, not varchar2"),
        ("CREATE EXTERNAL TABLE t (a varchar) LOCATION 's3://b/'", "a type of Hive's DDL is expected"),
        ("CREATE EXTERNAL TABLE t (a map<string>) LOCATION 's3://b/'", "map of 2 is expected"),
        ("CREATE EXTERNAL TABLE t (a int, A string) LOCATION 's3://b/'", "the column a twice"),
        ("CREATE EXTERNAL TABLE t (a int) PARTITIONED BY (a int) LOCATION 's3://b/'", "the column a twice"),
        ("CREATE EXTERNAL TABLE t (a int) STORED AS PARQUETT LOCATION 's3://b/'", "one of TEXTFILE, .* not PARQUETT"),
        ("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://b/' LOCATION 's3://c/'", "another clause"),
        ("CREATE EXTERNAL TABLE t (a int)\nLOCATED AT 's3://b/'", "line 2, column 1: another clause"),
        ("CREATE EXTERNAL TABLE a.b.c (a int) LOCATION 's3://b/'", "named by database and name"),
        ("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://b/", "not closed"),
    ],
)
def test_what_is_no_ddl_of_athena_is_refused_with_its_place(sql: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        steps_of(sql, "lake")
