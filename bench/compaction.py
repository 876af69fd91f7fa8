"""The compaction's cost beside its baselines, on the same input in the same minutes; ends with one line of JSON.

Four parts, each of which can be run alone with `--only`:

- plain: a whole run over plain objects, checks and Iceberg commits included; beside it the same job as plain DuckDB SQL
  and as PySpark on two local cores, and as the machine's yardstick a bare `orjson.loads` of every line.
- gzip: a run over the same lines compressed, beside one over the plain ones.
- growth: peak memory of a run over many more events, and of one over half as many again.
- shapes: peak memory where one user has 30 % of all events, where one hour has 90 %, with 10,000 small objects, and
  with one large.

Every run is a process of its own and all runs are one after another; CPU time is that of all its processes, start-up
included. Raw objects are files, read through the real S3 client, and the tables lie in files under the real catalog: no
network and no emulator takes part. Ratios are medians of each round's ratio. What every run left behind is compared:
the same facts, users and quarantined bytes to the bit, each with its raw object and line. The baselines do less: no
checks, no conflicts, no state of raw objects, no commits.

Inputs stay in the cache, but for the large ones of growth and shapes. What they hold: `compaction_lines`; how it is
measured: `compaction_meter`; what is compared: `compaction_check`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.compaction_input import GZIP, PLAIN, Input, Shape, Written, make
from bench.compaction_meter import Taken, measure
from bench.report import add_only, tell

PARTS = ("plain", "gzip", "growth", "shapes")
OURS, OURS_GZIP, DUCKDB, PYSPARK, ORJSON = "ours", "ours_gzip", "duckdb", "pyspark", "orjson"
_MODULES = {OURS: "ours", OURS_GZIP: "ours", DUCKDB: "duckdb", PYSPARK: "pyspark", ORJSON: "loads"}
_LEGS = {"plain": (ORJSON, OURS, DUCKDB, PYSPARK), "gzip": (OURS, OURS_GZIP)}
# How they follow each other: what is short beside what it is compared with, since machines change their pace.
_ORDER = (ORJSON, OURS, OURS_GZIP, DUCKDB, PYSPARK)
_RATE, _PEAK = "events_per_s_core", "peak_rss_mib"
# 20 kB, and a gigabyte.
_SMALL_OBJECT_LINES, _LARGE_OBJECT_LINES = 50, 2_500_000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_only(parser, PARTS)
    parser.add_argument("--runs", type=int, default=3, help="rounds of the parts plain and gzip")
    parser.add_argument("--events", type=int, default=2_000_000, help="lines in the parts plain and gzip")
    parser.add_argument("--large", type=int, default=8_000_000, help="lines in the parts growth and shapes")
    parser.add_argument("--cache", type=Path, default=_cache(), help="where inputs are kept")
    parser.add_argument("--quick", action="store_true", help="one small run of everything, to see whether it works")
    options = parser.parse_args()
    scale = 1
    if options.quick:
        options.runs, options.events, options.large, scale = 1, 100_000, 200_000, 50
    if "plain" in options.only and importlib.util.find_spec("pyspark") is None:
        parser.error("PySpark is not installed: use `make bench-compaction`, or uv run --group engines")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="clickstream-bench-") as folder:
        bench = _Bench(Path(folder), options.cache, Console(stderr=True))
        wanted = {leg for part in options.only for leg in _LEGS.get(part, ())}
        legs = [leg for leg in _ORDER if leg in wanted]
        if legs:
            figures |= figures_of(bench.rounds(legs, options.events, options.runs), options.events)
        if "growth" in options.only:
            figures |= bench.growth(options.large)
        if "shapes" in options.only:
            figures |= bench.shapes(options.large, scale)
    told = {"bench": "compaction", "runs": options.runs, "events": options.events} | figures | {"versions": _versions()}
    tell("compaction", rows_of(figures), told)


class _Bench:
    def __init__(self, folder: Path, cache: Path, console: Console) -> None:
        self._folder = folder
        self._cache = cache
        self._console = console
        self._first_left: dict[Path, dict[str, Any]] = {}

    def rounds(self, legs: Sequence[str], events: int, runs: int) -> dict[str, list[Taken]]:
        """Return leg -> what it took in each round."""
        forms = [PLAIN, GZIP] if OURS_GZIP in legs else [PLAIN]
        given = make(self._cache, Shape(events), forms, self._console.print)
        taken: dict[str, list[Taken]] = {leg: [] for leg in legs}
        for number in range(runs):
            self._console.print(f"round {number + 1} of {runs}")
            for leg in legs:
                taken[leg].append(self._run(leg, given))
        return taken

    def growth(self, events: int) -> dict[str, Any]:
        """Return the peak memory of a run over so many events, and how it grows."""
        more = events + events // 2
        peaks = {count: self._large(Shape(count)).peak_rss_mib for count in (events, more)}
        return {
            f"peak_rss_mib_{_short(events)}": round(peaks[events]),
            f"peak_rss_mib_{_short(more)}": round(peaks[more]),
            "growth_bytes_per_event": round((peaks[more] - peaks[events]) * 2**20 / (more - events), 1),
        }

    def shapes(self, events: int, scale: int) -> dict[str, Any]:
        """Return the peak memory of each shape; the sizes of those that are about objects are divided by the scale."""
        small_objects = 10_000 // scale
        shapes = {
            "hot_user": Shape(events, hot_user=0.3),
            "hot_hour": Shape(events, hot_hour=0.9),
            "small_objects": Shape(small_objects * _SMALL_OBJECT_LINES, objects=small_objects),
            "one_object": Shape(_LARGE_OBJECT_LINES // scale, objects=1),
        }
        figures: dict[str, Any] = {}
        for name, shape in shapes.items():
            taken = self._large(shape)
            figures[f"{name}_peak_rss_mib"] = round(taken.peak_rss_mib)
            figures[f"{name}_events_per_s_core"] = round(shape.events / taken.cpu_s)
        return figures

    def _large(self, shape: Shape) -> Taken:
        given = make(self._cache, shape, [PLAIN], self._console.print)
        try:
            return self._run(OURS, given)
        finally:
            shutil.rmtree(given.folder)

    def _run(self, leg: str, given: Input) -> Taken:
        with self._fresh_folder(leg) as target:
            source = given.buckets(GZIP if leg == OURS_GZIP else PLAIN)
            module = f"bench.compaction_{_MODULES[leg]}"
            environment = os.environ | {"TMPDIR": str(self._folder)}
            taken = measure([sys.executable, "-m", module, str(source), str(target)], environment)
            self._console.print(
                f"  {leg}: {taken.cpu_s:,.1f} s CPU, {taken.wall_s:,.1f} s, {taken.peak_rss_mib:,.0f} MiB"
            )
            if leg != ORJSON:
                self._compare(given, target, is_ours=leg in (OURS, OURS_GZIP))
        return taken

    def _compare(self, given: Input, target: Path, is_ours: bool) -> None:
        """Raise unless a run left what is in its input, and what the first run over that input left."""
        command = [sys.executable, "-m", "bench.compaction_check", str(target), *(["--lake"] if is_ours else [])]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        compare(found, self._first_left.setdefault(given.folder, found), given.written)

    @contextmanager
    def _fresh_folder(self, name: str) -> Iterator[Path]:
        folder = self._folder / name
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def compare(found: Mapping[str, int], first: Mapping[str, int], written: Written) -> None:
    """Raise where a run left something else than the first one did, or than was written.

    Args:
        found: what `compaction_check` told of the run.
        first: the same of the first run over that input.
        written: what the input holds.
    """
    expected = {**first, **expected_of(written)}
    if found != expected:
        wrong = [f"{name} is {found[name]}, not {expected[name]}" for name in expected if found[name] != expected[name]]
        raise RuntimeError(f"a run left other rows: {'; '.join(wrong)}")


def expected_of(written: Written) -> dict[str, int]:
    """Return what `compaction_check` finds where all that was written is where it belongs."""
    return {"fact_clicks_rows": written.facts, "quarantine_rows": written.bad, "out_of_order": 0}


def figures_of(taken: Mapping[str, Sequence[Taken]], events: int) -> dict[str, Any]:
    """Return the medians of every leg, and our CPU time over that of what ran beside it.

    Args:
        taken: leg -> what its runs took; runs of the same place ran beside each other.
        events: lines of the input.
    """
    figures: dict[str, Any] = {}
    for leg, runs in taken.items():
        prefix = "" if leg == OURS else f"{leg}_"
        cpu_s = statistics.median(run.cpu_s for run in runs)
        figures[f"{prefix}events_per_s_core"] = round(events / cpu_s)
        figures[f"{prefix}cpu_s"] = round(cpu_s, 2)
        figures[f"{prefix}wall_s"] = round(statistics.median(run.wall_s for run in runs), 2)
        figures[f"{prefix}peak_rss_mib"] = round(statistics.median(run.peak_rss_mib for run in runs))
    for leg in (DUCKDB, PYSPARK, ORJSON):
        if leg in taken:
            figures[f"cpu_ratio_{leg}"] = _ratio(taken[OURS], taken[leg])
    if OURS_GZIP in taken:
        figures["gzip_cpu_ratio"] = _ratio(taken[OURS_GZIP], taken[OURS])
    return figures


def _ratio(runs: Sequence[Taken], others: Sequence[Taken]) -> float:
    pairs = zip(runs, others, strict=True)
    return round(statistics.median(run.cpu_s / other.cpu_s for run, other in pairs), 3)


def rows_of(figures: Mapping[str, Any]) -> list[tuple[str, float, str, float | None]]:
    """Return the rows of the table: rates beside that of the yardstick, then peaks of memory."""
    yardstick = figures.get(f"{ORJSON}_{_RATE}")
    rows: list[tuple[str, float, str, float | None]] = [
        (_name(name, _RATE), value, "events/s/core", yardstick and value / yardstick)
        for name, value in figures.items()
        if name.endswith(_RATE)
    ]
    return rows + [
        (_name(name, _PEAK), value, "MiB at the peak", None) for name, value in figures.items() if _PEAK in name
    ]


def _name(figure: str, kind: str) -> str:
    return figure.replace(kind, "").strip("_").replace("_", " ") or OURS


def _short(count: int) -> str:
    for size, unit in ((1_000_000, "m"), (1_000, "k")):
        if count % size == 0:
            return f"{count // size}{unit}"
    return str(count)


def _versions() -> dict[str, str]:
    """Return what the machine's report does not name; PySpark is there for its part only."""
    names = [name for name in ("numpy", "orjson", "pyspark") if importlib.util.find_spec(name)]
    return {name: version(name) for name in names}


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clickstream-bench"


if __name__ == "__main__":
    main()
