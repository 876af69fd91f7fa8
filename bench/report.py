"""What the benchmarks share: which parts are asked for, and how figures are told.

A table is for a person, then one line of JSON for a program.

Absolute figures drift with the machine, so each comes with its ratio to a yardstick that ran beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

PACKAGES = ("apache-flink", "boto3", "duckdb", "moto", "msgspec", "pyarrow", "pyiceberg")


def add_only(parser: argparse.ArgumentParser, parts: tuple[str, ...]) -> None:
    """Add the option `--only`, which picks parts of a benchmark; all are picked without it."""

    def picked(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := set(names) - set(parts):
            raise argparse.ArgumentTypeError(f"no such part: {', '.join(sorted(unknown))}")
        return names

    parser.add_argument(
        "--only", type=picked, default=parts, help=f"parts with commas between them: {', '.join(parts)}"
    )


def median_of(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return name -> median over the runs, for the names of the first."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: version(name) for name in PACKAGES},
    }


def tell(title: str, rows: Sequence[tuple[str, float, str, float | None]], figures: Mapping[str, Any]) -> None:
    """Print the table of (name, value, unit, ratio to the yardstick), then the figures as one line of JSON."""
    table = Table(title=title)
    table.add_column("leg")
    table.add_column("median", justify="right")
    table.add_column("")
    table.add_column("of the yardstick", justify="right")
    for name, value, unit, ratio in rows:
        table.add_row(name, f"{value:,.0f}", unit, "" if ratio is None else f"{ratio:.3f}")
    Console().print(table)
    sys.stdout.write(json.dumps({**figures, "machine": machine()}) + "\n")
