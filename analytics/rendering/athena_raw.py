"""For Athena: tables and views over the JSON lines of the lake, from `schemas.hive`."""

from __future__ import annotations

from analytics.rendering.blanks import Blanks
from analytics.rendering.sql_files import SqlFile
from schemas import hive, lake

PARTITIONED_TABLE = f"{hive.RAW_TABLE}_partitions"
_COST = (
    "Athena asks money for the bytes that it reads. JSON is read whole, whatever columns are asked for, and so is a "
    "gzip object: name the hours by year, month, day and hour."
)
_COST_OF_RAW = f"Cost: {_COST} Ask fact_clicks where it has the answer."


def _added_partitions(blanks: Blanks) -> str:
    lines = [f"ALTER TABLE `{blanks.raw_database}`.`{PARTITIONED_TABLE}` ADD IF NOT EXISTS"]
    for hour_us in blanks.hours:
        folder = lake.hour_folder(hour_us)
        # As the folder has them, with their zeros: a repair names an hour by its folder, and would add `09` beside `9`.
        values = ", ".join(
            f"`{name}` = '{value}'" for name, _, value in (part.partition("=") for part in _parts(folder))
        )
        lines.append(f"  PARTITION ({values})")
        lines.append(f"    LOCATION '{hive.RAW.location(blanks.raw_bucket)}{folder}'")
    return "\n".join(lines)


def _parts(folder: str) -> list[str]:
    return folder.rstrip("/").split("/")


FILES = (
    SqlFile(
        "athena",
        "raw_table",
        "The raw objects as a table: each line as it stands, hours by partition projection.",
        (
            "With projection Athena works out the folders from the query's own conditions: no partition is ever "
            "added, and an hour is there with its first object. Terraform makes this table already. Fields are text "
            "as they came; aliases are columns of their own, which the view click_events folds in.",
            "ignore.malformed.json: a line that is no JSON is a row of nulls, which count(*) counts and the view "
            "leaves out.",
            f"{_COST_OF_RAW} A query that names no hours lists the folder of every hour of a century.",
        ),
        lambda blanks: hive.RAW.ddl(blanks.raw_database, blanks.raw_bucket),
    ),
    SqlFile(
        "athena",
        "raw_table_without_projection",
        "The raw objects as a table whose hours are partitions that somebody adds.",
        (
            "For engines that know no partition projection, such as Spark's own Hive reader and Redshift Spectrum. "
            "Such a table holds no hour until it is added: by raw_add_partitions.sql hour by hour, or by "
            "raw_repair_partitions.sql.",
            _COST_OF_RAW,
        ),
        lambda blanks: hive.RAW.ddl(blanks.raw_database, blanks.raw_bucket, PARTITIONED_TABLE, is_projected=False),
    ),
    SqlFile(
        "athena",
        "raw_add_partitions",
        "Adds hours to the table without projection, all in one statement.",
        (
            "An hour that is there stays as it is, and one without objects has no rows. Values are written as the "
            "folders have them, hour = '09' and not 9: raw_repair_partitions.sql names hours so, and an hour under "
            "two names is counted twice. Cost: no object is read.",
        ),
        _added_partitions,
    ),
    SqlFile(
        "athena",
        "raw_repair_partitions",
        "Adds every hour that has a folder to the table without projection.",
        (
            "It lists the whole prefix to find them, and so takes longer from month to month, and times out in the "
            "end: add hours by raw_add_partitions.sql as they come, and keep this for the first time. It removes "
            "none. Cost: S3 asks for the listing, a request for each 1,000 objects.",
        ),
        lambda blanks: f"MSCK REPAIR TABLE `{blanks.raw_database}`.`{PARTITIONED_TABLE}`",
    ),
    SqlFile(
        "athena",
        "click_events_view",
        "The raw events: one column for each field, aliases folded in, without lines that are no event.",
        (
            "Duplicates are in it, and late events stand in the hour of their arrival: fact_clicks has neither.",
            _COST_OF_RAW,
        ),
        lambda blanks: hive.raw_view_sql(blanks.raw_database),
    ),
    SqlFile(
        "athena",
        "receipts_table",
        "The receipts of published alerts as a table: each line as it stands, hours by partition projection.",
        (
            "An alert that was published again has several lines; the view purchase_alerts has one for each message. "
            "Terraform makes this table already.",
            f"Cost: {_COST}",
        ),
        lambda blanks: hive.RECEIPTS.ddl(blanks.raw_database, blanks.curated_bucket),
    ),
    SqlFile(
        "athena",
        "purchase_alerts_view",
        "The published alerts: one row, the earliest receipt, for each message of an hour.",
        ("Cost: name the hours by year, month, day and hour; they reach through the view to the folders.",),
        lambda blanks: hive.alerts_view_sql(blanks.raw_database),
    ),
)
