"""Bytes that each question of the cookbook reads, beside `SELECT *` over the raw JSON of all days; ends with JSON.

Thirty days of simulated traffic on emulated AWS, as raw objects and as the tables that the compaction makes of them,
and Trino on both: the bytes are those that it read from S3 (`physicalInputBytes`). A question of one day is one that
names it. Trino reads the last 48 KiB of a Parquet file for its footer, so files must be well above that: fewer events
make the questions look dearer than they are.

`--keep FILE` writes the figures as the JSON that `clickstream cost --scanned` takes and `docs/cost.md` shows.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from analytics.cookbook import questions
from bench.report import machine
from bench.scan_lake import Days, Filled, fill
from infra.local.description import connect
from infra.local.front_door import FrontDoor
from infra.local.stack import Options, down, start_emulator
from infra.local.trino.server import Trino, running_trino
from schemas.hive import RAW_TABLE
from schemas.pricing.scanned import Question, Scanned
from schemas.settings import Settings, load_settings

# Every object is read to its end, and no row comes out of it.
_ALL_RAW = f"SELECT * FROM {RAW_TABLE} WHERE year = 2026 AND month IN (10, 11) AND user_id = ''"
_ONE_DAY = re.compile(r"\bday = \d+")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--events-a-day", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="clickstream-bench-") as folder:
        scanned = run(Days(options.days, options.events_a_day), Path(folder), console.print)
    Console().print(table_of(scanned))
    figures = msgspec.to_builtins(scanned)
    if options.keep:
        options.keep.write_bytes(msgspec.json.format(msgspec.json.encode(scanned), indent=2) + b"\n")
    line = {"bench": "scan", **figures, "least_ratio_of_one_day": round(scanned.least_ratio, 1), "machine": machine()}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")


def run(days: Days, folder: Path, say: Callable[[str], None]) -> Scanned:
    """Return what is read, from a fresh emulator that is gone afterwards."""
    state_dir = folder / "state"
    state_dir.mkdir()
    try:
        environ = start_emulator(state_dir, Options()).environment
        os.environ |= environ
        door = FrontDoor(state_dir, is_quiet=True, keeps_settings=True)
        settings = load_settings(environ, folder)
        filled = fill(days, connect(environ).s3, door, settings.raw_bucket, say)
        with running_trino({**os.environ, **environ}, folder / "trino", say) as trino:
            return measure(filled, trino, settings, say)
    finally:
        down(state_dir)


def measure(filled: Filled, trino: Trino, settings: Settings, say: Callable[[str], None]) -> Scanned:
    """Return what each question reads of the tables, and `SELECT *` of the raw objects."""

    def bytes_of(sql: str, database: str) -> int:
        cursor = trino.connect(database).cursor()
        cursor.execute(sql).fetchall()
        return int(cursor.stats["physicalInputBytes"])

    say("asking Trino")
    raw_bytes = bytes_of(_ALL_RAW, settings.raw_database)
    asked = []
    for name, question in questions().items():
        read = bytes_of(question.text, settings.database)
        asked.append(Question(name=name, is_of_one_day=_ONE_DAY.search(question.sql) is not None, bytes=read))
    return Scanned(
        as_of=datetime.now(UTC).date(),
        engine="Trino 476",
        days=filled.days.days,
        events=filled.days.events,
        raw_objects=filled.raw_objects,
        raw_bytes=raw_bytes,
        plain_bytes=filled.plain_bytes,
        fact_files=filled.table_files["fact_clicks"],
        fact_bytes=filled.table_bytes["fact_clicks"],
        table_bytes=sum(filled.table_bytes.values()),
        questions=asked,
    )


def table_of(scanned: Scanned) -> Table:
    """Return the figures for a person."""
    table = Table(
        title=f"{scanned.events:,} events of {scanned.days} days; SELECT * over raw: {scanned.raw_bytes:,} bytes"
    )
    for name in ("question", "days", "bytes", "times less than raw"):
        table.add_column(name, justify="left" if name == "question" else "right")
    for question in scanned.questions:
        days = "1" if question.is_of_one_day else "more"
        table.add_row(question.name, days, f"{question.bytes:,}", f"{scanned.raw_bytes / question.bytes:,.0f}")
    return table


if __name__ == "__main__":
    main()
