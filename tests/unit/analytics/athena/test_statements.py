"""What each statement of Athena's comes to, on Trino and in Glue."""

from __future__ import annotations

import pytest

from analytics.athena.changes import (
    AddPartitions,
    ChangeTable,
    CreateDatabase,
    DropDatabase,
    DropPartitions,
    ListPartitions,
    OnTrino,
    Partition,
    changed_table,
    partition_input,
)
from analytics.athena.statements import _REFUSED, steps_of
from schemas.errors import ConfigError


def on_trino(sql: str) -> list[str]:
    steps = steps_of(sql, "lake")
    assert all(isinstance(step, OnTrino) for step in steps)
    return [step.sql for step in steps if isinstance(step, OnTrino)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 7/2, 'it''s', \"$path\" FROM \"t$partitions\" -- of all\nWHERE a = 'C:\\'",
        "WITH a AS (SELECT 1) SELECT * FROM a FOR TIMESTAMP AS OF TIMESTAMP '2026-11-24 00:00:00 UTC'",
        "/* why; so */ (SELECT ';') UNION ALL VALUES (2)",
        "INSERT INTO t SELECT * FROM s",
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
        "CREATE OR REPLACE VIEW v AS SELECT 1 AS a",
        "EXPLAIN ANALYZE SELECT 1",
    ],
)
def test_queries_stay_as_they_are_to_the_letter(sql: str) -> None:
    assert on_trino(sql) == [sql]
    assert on_trino(f"\n {sql}\n;\n") == [sql]


@pytest.mark.parametrize("words", _REFUSED, ids=" ".join)
def test_what_only_trino_has_is_refused_by_name(words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="Athena has no "):
        steps_of(" ".join(words).lower() + " x", "lake")


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        (" -- nothing\n", "there is no statement"),
        ("SELECT 1; SELECT 2", "line 1, column 9: one statement is run at a time"),
        ("SELECT 'a", "line 1, column 8: .* not closed"),
        ("SELECT 1 /* a", "column 10: .* not closed"),
        ("FLY TO x", "column 1: a statement of Athena's is expected, not FLY"),
        ("MSCK REPAIR TABLE t DROP", "nothing more is expected, not DROP"),
        ("ALTER TABLE t ADD PARTITON (a=1)", "PARTITION is expected, not PARTITON"),
        ("ALTER TABLE t DROP PARTITION (a=1) PARTITION (a=2)", ", is expected"),
        ("ALTER TABLE t ADD PARTITION (a=1, a=2)", "not named before"),
        ("ALTER TABLE t RENAME TO u", "ADD, DROP, .* is expected, not RENAME"),
        ("CREATE TABLE t (a int) LOCATION 's3://b/' TBLPROPERTIES ('x'='y')", "neither EXTERNAL nor of table_type"),
        ("CREATE TABLE t WITH (formatt = 'ORC') AS SELECT 1 a", "no property formatt here"),
        ("CREATE TABLE t WITH (format = 'ORC', format = 'ORC') AS SELECT 1 a", "not given before"),
        ("CREATE TABLE t WITH (table_type = 'ICEBERG', location = 's3://b/') AS SELECT 1 a", "is_external = false"),
        ("CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 1 a", "needs a location"),
        ("UNLOAD (SELECT 1) TO 's3://b/' WITH (compression = 'gzip')", "UNLOAD needs a format"),
        ("UNLOAD (SELECT 1 TO 's3://b/' WITH (format = 'ORC')", "a closing bracket is expected"),
    ],
)
def test_what_is_no_statement_of_athena_is_refused(sql: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        steps_of(sql, "lake")


def test_a_ctas_of_hive_keeps_its_query_and_loses_its_compression() -> None:
    sql = """CREATE TABLE raw.t
        WITH (format = 'ORC', write_compression = 'SNAPPY', partitioned_by = ARRAY['a', 'b'], bucket_count = 4,
              external_location = 's3://b/it''s/') AS
        SELECT 'WITH (' AS x, 1/2 AS y"""
    assert on_trino(sql) == [
        "CREATE TABLE \"awsdatacatalog\".\"raw\".\"t\" WITH (format = 'ORC', external_location = 's3://b/it''s/',"
        " partitioned_by = ARRAY['a', 'b'], bucket_count = 4) AS SELECT 'WITH (' AS x, 1/2 AS y"
    ]


def test_a_ctas_without_a_format_is_athena_s_parquet_and_not_trino_s_orc() -> None:
    assert on_trino("CREATE TABLE t AS SELECT 1 a") == [
        'CREATE TABLE "awsdatacatalog"."lake"."t" WITH (format = \'PARQUET\') AS SELECT 1 a'
    ]


def test_a_ctas_of_iceberg_goes_to_that_catalog() -> None:
    sql = """CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false, location = 's3://b/t/',
        partitioning = ARRAY['month(at)', 'bucket(u, 16)'], vacuum_max_snapshot_age_seconds = 60) AS SELECT 1 a"""
    assert on_trino(sql) == [
        'CREATE TABLE "iceberg"."lake"."t" WITH (location = \'s3://b/t/\','
        " partitioning = ARRAY['month(at)', 'bucket(u, 16)'], format = 'PARQUET') AS SELECT 1 a"
    ]


def test_an_iceberg_table_gets_trino_s_types_and_transforms() -> None:
    sql = """CREATE TABLE IF NOT EXISTS t (a int, b string COMMENT 'it''s', c struct<x:binary,y:array<float>>,
        d timestamp, e decimal(9,2)) PARTITIONED BY (a, bucket(16, b), month(d)) LOCATION 's3://b/t/'
        TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'orc', 'write_compression' = 'zstd')"""
    assert on_trino(sql) == [
        'CREATE TABLE IF NOT EXISTS "iceberg"."lake"."t" ("a" integer, "b" varchar COMMENT \'it\'\'s\','
        ' "c" row("x" varbinary, "y" array(real)), "d" timestamp(6), "e" decimal(9, 2))'
        " WITH (format = 'orc', location = 's3://b/t/', partitioning = ARRAY['a', 'bucket(b, 16)', 'month(d)'])"
    ]


def test_an_unload_is_a_table_that_is_forgotten() -> None:
    made, forgotten = on_trino("UNLOAD (SELECT max(a) AS a FROM t) TO 's3://b/o/' WITH (format = 'JSON')")
    name = forgotten.removeprefix("DROP TABLE ")
    assert name.startswith('"awsdatacatalog"."lake"."unload_')
    assert made == (
        f"CREATE TABLE {name} WITH (format = 'JSON', external_location = 's3://b/o/') AS SELECT max(a) AS a FROM t"
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "MSCK REPAIR TABLE `raw`.`t`",
            ["CALL \"awsdatacatalog\".\"system\".sync_partition_metadata('raw', 't', 'ADD')"],
        ),
        (
            "OPTIMIZE t REWRITE DATA USING BIN_PACK WHERE year = 2026",
            ['ALTER TABLE "iceberg"."lake"."t" EXECUTE optimize WHERE year = 2026'],
        ),
        (
            "VACUUM t",
            [
                'ALTER TABLE "iceberg"."lake"."t" EXECUTE expire_snapshots(retention_threshold => \'5d\')',
                'ALTER TABLE "iceberg"."lake"."t" EXECUTE remove_orphan_files(retention_threshold => \'5d\')',
            ],
        ),
        ("DROP TABLE IF EXISTS `T`", ['DROP TABLE IF EXISTS "awsdatacatalog"."lake"."t"']),
        ("DROP VIEW raw.v", ['DROP VIEW "awsdatacatalog"."raw"."v"']),
        ("DESCRIBE `t`", ['DESCRIBE "awsdatacatalog"."lake"."t"']),
        ("SHOW COLUMNS IN raw.t", ['DESCRIBE "awsdatacatalog"."raw"."t"']),
        ("SHOW TABLES IN raw", ['SHOW TABLES FROM "awsdatacatalog"."raw"']),
        ("SHOW DATABASES", ['SHOW SCHEMAS FROM "awsdatacatalog"']),
        ("SHOW CREATE VIEW v", ['SHOW CREATE VIEW "awsdatacatalog"."lake"."v"']),
    ],
)
def test_statements_that_trino_says_otherwise(sql: str, expected: list[str]) -> None:
    assert on_trino(sql) == expected


def test_several_partitions_are_added_by_one_statement() -> None:
    sql = """ALTER TABLE raw.t ADD IF NOT EXISTS
        PARTITION (`year` = 2026, month = '01') LOCATION 's3://b/x/' PARTITION (year=2026, month='02')"""
    first = Partition({"year": "2026", "month": "01"}, "s3://b/x/")
    second = Partition({"year": "2026", "month": "02"})
    assert steps_of(sql, "lake") == (AddPartitions("raw", "t", (first, second), True),)


def test_changes_of_glue() -> None:
    assert steps_of("ALTER TABLE t DROP PARTITION (a=1), PARTITION (a=2)", "lake") == (
        DropPartitions("lake", "t", (Partition({"a": "1"}), Partition({"a": "2"})), False),
    )
    assert steps_of("ALTER TABLE t ADD COLUMNS (b map<string,int>)", "lake") == (
        ChangeTable("lake", "t", more_columns=({"Name": "b", "Type": "map<string,int>"},)),
    )
    assert steps_of("ALTER TABLE t REPLACE COLUMNS (b int)", "lake") == (
        ChangeTable("lake", "t", columns=({"Name": "b", "Type": "int"},)),
    )
    assert steps_of("ALTER TABLE t SET LOCATION 's3://b/'", "lake") == (ChangeTable("lake", "t", location="s3://b/"),)
    assert steps_of("ALTER TABLE t SET TBLPROPERTIES ('a'='b')", "lake") == (
        ChangeTable("lake", "t", properties={"a": "b"}),
    )
    assert steps_of("SHOW PARTITIONS raw.t", "lake") == (ListPartitions("raw", "t"),)
    assert steps_of("DROP SCHEMA IF EXISTS d CASCADE", "lake") == (DropDatabase("d", True, True),)
    sql = "CREATE DATABASE IF NOT EXISTS d COMMENT 'c' LOCATION 's3://b/d' WITH DBPROPERTIES ('k'='v')"
    database = {"Name": "d", "Description": "c", "LocationUri": "s3://b/d", "Parameters": {"k": "v"}}
    assert steps_of(sql, "lake") == (CreateDatabase(database, True),)


TABLE = {
    "Name": "t",
    "DatabaseName": "lake",
    "VersionId": "3",
    "PartitionKeys": [{"Name": "a", "Type": "int"}, {"Name": "b", "Type": "string"}],
    "StorageDescriptor": {"Columns": [{"Name": "x", "Type": "int"}], "Location": "s3://b/t/", "InputFormat": "i"},
    "Parameters": {"k": "v"},
}


def test_a_partition_is_stored_as_its_table_in_the_folder_that_hive_would_make() -> None:
    partition = Partition({"b": "x=y/z é", "a": "1"})
    assert partition_input(TABLE, partition) == {
        "Values": ["1", "x=y/z é"],
        "StorageDescriptor": {**TABLE["StorageDescriptor"], "Location": "s3://b/t/a=1/b=x%3Dy%2Fz é/"},  # type: ignore[dict-item]
    }
    with pytest.raises(ConfigError, match="t is partitioned by a, b, and a partition is named by a"):
        partition_input(TABLE, Partition({"a": "1"}))


def test_a_changed_table_keeps_what_is_not_changed() -> None:
    changed = changed_table(TABLE, ChangeTable("lake", "t", properties={"n": "1"}, location="s3://c/"))
    assert changed["Parameters"] == {"k": "v", "n": "1"}
    assert changed["StorageDescriptor"] == {
        "Columns": [{"Name": "x", "Type": "int"}],
        "Location": "s3://c/",
        "InputFormat": "i",
    }
    assert "VersionId" not in changed and "DatabaseName" not in changed
    with pytest.raises(ConfigError, match="t has a column b already"):
        changed_table(TABLE, ChangeTable("lake", "t", more_columns=({"Name": "b", "Type": "int"},)))
