"""For Athena: tables made from a query, and the tables' own past."""

from __future__ import annotations

from analytics.rendering.blanks import Blanks, days_sql
from analytics.rendering.sql_files import SqlFile
from schemas import avsc, hive
from schemas.instants import us_to_datetime
from schemas.tables import FACT_CLICKS, HOUR_PARTITION, TIMESTAMP

SAMPLE_PERCENT = 1
_WORKGROUP = (
    "Where the workgroup says where results go, as Terraform's does, the table's files go there as well and an "
    "external_location is refused; whoever runs this needs rights of their own, since analysts only read. Drop the "
    "table when you are done: its files stay, and end with the lifecycle of their bucket."
)


def day_table(blanks: Blanks) -> str:
    """Return the name of the table that holds the first of the days."""
    return f"click_events_{us_to_datetime(blanks.from_us):%Y_%m_%d}"


def _day_to_parquet(blanks: Blanks) -> str:
    names = [field["name"] for field in avsc.fields_of(avsc.CLICK_EVENT)]
    columns = ",\n  ".join(names)
    day = us_to_datetime(blanks.from_us)
    return (
        f"CREATE TABLE {blanks.raw_database}.{day_table(blanks)}\n"
        "WITH (format = 'PARQUET', write_compression = 'SNAPPY', partitioned_by = ARRAY['hour'])\n"
        f"AS SELECT\n  {columns},\n  {_typed_instant()} AS event_time,\n  hour\n"
        f"FROM {blanks.raw_database}.{hive.RAW_VIEW}\n"
        f"WHERE year = {day.year} AND month = {day.month} AND day = {day.day}"
    )


def _typed_instant() -> str:
    """Return the instant of a raw event: ISO-8601 with a zone, or epoch milliseconds; null for what is neither.

    In milliseconds and cut to them: Hive's timestamp has no more, and rounding would move an event into the next hour.
    """
    readings = (
        "CAST(from_unixtime(CAST(event_timestamp AS bigint) / 1000e0) AT TIME ZONE 'UTC' AS timestamp(6))",
        "CAST(from_iso8601_timestamp(event_timestamp) AT TIME ZONE 'UTC' AS timestamp(6))",
    )
    tried = ",\n    ".join(f"try({reading})" for reading in readings)
    return f"CAST(date_trunc('millisecond', coalesce(\n    {tried}\n  )) AS timestamp(3))"


def _sample(blanks: Blanks) -> str:
    columns = [
        f"CAST(date_trunc('millisecond', {field.name}) AS timestamp(3)) AS {field.name}"
        if field.type == TIMESTAMP
        else field.name
        for field in FACT_CLICKS.schema
        if field.name not in HOUR_PARTITION
    ]
    listed = ",\n  ".join([*columns, *HOUR_PARTITION])
    return (
        f"CREATE TABLE {blanks.raw_database}.fact_clicks_sample\n"
        "WITH (format = 'PARQUET', write_compression = 'SNAPPY')\n"
        f"AS SELECT\n  {listed}\n"
        f"FROM {blanks.database}.{FACT_CLICKS.name}\n"
        f"WHERE {days_sql(blanks)}\n"
        f"  AND crc32(to_utf8(user_id)) % 100 < {SAMPLE_PERCENT}"
    )


def _then(blanks: Blanks) -> str:
    moment = us_to_datetime(blanks.as_of_us)
    return f"{blanks.database}.{FACT_CLICKS.name} FOR TIMESTAMP AS OF TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S} UTC'"


def _as_of(blanks: Blanks) -> str:
    return (
        "SELECT event_type, count(*) AS clicks, count(DISTINCT user_id) AS users\n"
        f"FROM {_then(blanks)}\n"
        f"WHERE {days_sql(blanks)}\n"
        "GROUP BY event_type\nORDER BY clicks DESC, event_type"
    )


def _changed_since(blanks: Blanks) -> str:
    def clicks(table: str) -> str:
        return (
            f"  SELECT hour, count(*) AS clicks\n  FROM {table}\n"  # noqa: S608 (names of ours)
            f"  WHERE {days}\n  GROUP BY hour\n"
        )

    day = us_to_datetime(blanks.from_us)
    days = f"year = {day.year} AND month = {day.month} AND day = {day.day}"
    now = f"{blanks.database}.{FACT_CLICKS.name}"
    return (
        "SELECT coalesce(later.hour, earlier.hour) AS hour,\n"
        "       coalesce(earlier.clicks, 0) AS clicks_then,\n"
        "       coalesce(later.clicks, 0) AS clicks_now\n"
        f"FROM (\n{clicks(now)}) AS later\n"
        f"FULL JOIN (\n{clicks(_then(blanks))}) AS earlier\n"
        "  ON earlier.hour = later.hour\n"
        "WHERE coalesce(earlier.clicks, 0) <> coalesce(later.clicks, 0)\n"
        "ORDER BY hour"
    )


FILES = (
    SqlFile(
        "athena",
        "raw_day_to_parquet",
        "A day of raw events as a Parquet table, an hour a partition, to ask many questions of.",
        (
            _WORKGROUP,
            "event_time is the instant, cut to milliseconds; event_timestamp stays as it came. A table from a query "
            "has 100 partitions at most, so a day of hours fits. Cost: the day is read once as JSON; each question "
            "after that reads only the columns that it names, a small part of it. fact_clicks is such a table "
            "already, without duplicates.",
        ),
        _day_to_parquet,
    ),
    SqlFile(
        "athena",
        "sample_table",
        f"The facts of {SAMPLE_PERCENT} user in 100, whole users, as a small table to try things on.",
        (
            _WORKGROUP,
            "Users are picked by a hash of their id: the same ones each time, with all that they did, so that "
            "sessions and funnels stay whole. Timestamps are cut to milliseconds, which is all that a table of Hive's "
            "kind has. Cost: the days are read once, all columns.",
        ),
        _sample,
    ),
    SqlFile(
        "athena",
        "facts_as_of",
        "The facts of a day as they were at a moment: each republished hour as it was then.",
        (
            "Snapshots are kept for as long as `clickstream maintain` keeps them; before the first one there is "
            "nothing to ask. A snapshot's own number works as well: FOR VERSION AS OF, with one from "
            "facts_snapshots.sql.",
            "Cost: as of today's facts, the files of the day.",
        ),
        _as_of,
    ),
    SqlFile(
        "athena",
        "facts_changed_since",
        "The hours of a day whose number of facts changed since a moment, by late events or a rollback.",
        (
            "hour_changes says why. Cost: one column of the day twice; count(*) alone is answered by the files' "
            "metadata.",
        ),
        _changed_since,
    ),
    SqlFile(
        "athena",
        "facts_partitions",
        "The hours of the facts with their rows, files and bytes, from the table's metadata.",
        ("Cost: metadata alone is read, and no data file.",),
        lambda blanks: (
            "SELECT partition.year, partition.month, partition.day, partition.hour,\n"
            "       record_count, file_count, total_size\n"
            f'FROM {blanks.database}."{FACT_CLICKS.name}$partitions"\n'
            "ORDER BY partition.year, partition.month, partition.day, partition.hour"
        ),
    ),
    SqlFile(
        "athena",
        "facts_snapshots",
        "The snapshots of the facts: when each was committed, and by what.",
        (
            "The summary names the run (clickstream.run-id) and how far everything was published "
            "(clickstream.published-through). Cost: metadata alone is read, and no data file.",
        ),
        lambda blanks: (
            "SELECT committed_at, snapshot_id, parent_id, operation,\n"
            "       element_at(summary, 'clickstream.run-id') AS run_id,\n"
            "       element_at(summary, 'clickstream.published-through') AS published_through\n"
            f'FROM {blanks.database}."{FACT_CLICKS.name}$snapshots"\n'
            "ORDER BY committed_at, snapshot_id"
        ),
    ),
)
