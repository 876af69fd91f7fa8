"""What a leg of the compaction benchmark left behind, as numbers that are equal where its rows are.

Of facts, users and the quarantine: how many rows, and a hash of all their columns that does not depend on their order;
of the facts also in how many places a file is not in order. Reasons for a quarantine are each engine's own words and no
part of it.

    python -m bench.compaction_check FOLDER [--lake]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.compaction_services import lake_of
from schemas.tables import DIM_USERS, FACT_CLICKS, QUARANTINE

# A gzip twin has the name of its plain object and an ending.
_SOURCE = "source_object.regexp_replace('[.]gz$', '')"
_METADATA = "list_sort(map_entries(metadata))"
_ROWS = {
    FACT_CLICKS.name: f"""click_id, user_id, session_id, event_type, epoch_us(event_timestamp), device_type, page_url,
        referrer_url, {_METADATA}, year::INTEGER, month::INTEGER, day::INTEGER, hour::INTEGER,
        producer_id, producer_seq, {_SOURCE}, source_line""",
    DIM_USERS.name: """user_id, country, signup_date, device_preferences, epoch_us(last_seen), epoch_us(first_seen),
        events""",
    QUARANTINE.name: f"{_SOURCE}, source_line, raw_bytes",
}


def main() -> None:
    """Print what is in a folder as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lake", action="store_true", help="what the catalog there has committed, not every file")
    options = parser.parse_args()
    sys.stdout.write(json.dumps(told_of(options.folder, options.lake)) + "\n")


def told_of(folder: Path, is_lake: bool) -> dict[str, int]:
    """Return name -> number of what a leg left."""
    paths = {name: _committed(folder, name) if is_lake else _files(folder, name) for name in _ROWS}
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    told: dict[str, int] = {}
    for name, columns in _ROWS.items():
        rows = digest = 0
        if paths[name]:
            # The files of a lake hold the columns of their folders, those that Spark writes do not.
            query = f"SELECT count(*), sum(hash({columns})::HUGEINT) FROM read_parquet($1, hive_partitioning = $2)"
            rows, digest = connection.execute(query, [paths[name], not is_lake]).fetchall()[0]
        told |= {f"{name}_rows": rows, f"{name}_hash": digest}
    told["out_of_order"] = sum(map(_out_of_order, paths[FACT_CLICKS.name]))
    return told


def _files(folder: Path, table: str) -> list[str]:
    return sorted(map(str, (folder / table).rglob("*.parquet")))


def _committed(folder: Path, table: str) -> list[str]:
    found = lake_of(folder).find([table])
    return [f"{folder}/{path.removeprefix('s3://')}" for path in found[table].paths()] if found else []


def _out_of_order(path: str) -> int:
    """Return how many rows of a file are less than the row before."""
    rows = pq.read_table(path, columns=list(FACT_CLICKS.order), partitioning=None).combine_chunks()
    instants, ids = (rows[name].chunk(0) for name in FACT_CLICKS.order)
    is_tie = pc.equal(instants[1:], instants[:-1])
    is_less = pc.or_(pc.less(instants[1:], instants[:-1]), pc.and_(is_tie, pc.less(ids[1:], ids[:-1])))
    return pc.sum(is_less).as_py() or 0


if __name__ == "__main__":
    main()
