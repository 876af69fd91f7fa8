"""The long runs behind the guarantees; resumable, ends with one line of JSON: the verdict.

A case that passed is noted under the state folder together with the commit, and is not run again for that commit,
unless files differ from it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import soak_alerts, soak_compaction, soak_kpl, soak_producers
from bench.soak_clock import LeftOutError
from infra.local.front_door import FrontDoor
from schemas.settings import state_dir_of

Case = Callable[[Path], dict[str, Any]]


def demo(*arguments: str) -> Case:
    """Return the case of a demo."""
    return lambda folder: dict(FrontDoor(folder, is_quiet=True).run_json("demo", *arguments))


CASES: dict[str, Case] = {
    "producers-seeds": soak_producers.seeds,
    "producers-kills": soak_producers.kills,
    "producers-resharding": soak_producers.resharding,
    "kpl-fuzz": soak_kpl.fuzz,
    "demo-seed-1": demo("--seed", "1"),
    "demo-seed-2": demo("--seed", "2"),
    "demo-seed-3": demo("--seed", "3"),
    "demo-300000": demo("--events", "300000"),
    "alerts-kills": soak_alerts.kills,
    "alerts-faults": soak_alerts.faults,
    "alerts-outage": soak_alerts.outage,
    "alerts-clock": soak_alerts.clock_jumps,
    "alerts-steady": soak_alerts.steady,
    "compaction-lives": soak_compaction.lives,
    "compaction-deaths": soak_compaction.deaths,
    "compaction-rollback-deaths": soak_compaction.rollback_deaths,
}


def main() -> int:
    """Run every case that has not passed yet; 0 when all have."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all without")
    chosen = parser.parse_args().cases or list(CASES)
    if unknown := [name for name in chosen if name not in CASES]:
        parser.error(f"no such case: {', '.join(unknown)}")
    console = Console(stderr=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    differing = subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True).stdout
    notes = state_dir_of({}) / "soak.json"
    noted: dict[str, dict[str, dict[str, Any]]] = json.loads(notes.read_text()) if notes.exists() else {}
    passed = {} if differing else noted.get(commit, {})
    failed: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name in chosen:
        if name in passed:
            console.print(f"{name}: passed before")
            continue
        console.print(f"{name}: running")
        with tempfile.TemporaryDirectory(prefix="clickstream-soak-") as folder:
            try:
                passed[name] = CASES[name](Path(folder))
            except LeftOutError as lacking:
                left_out[name] = str(lacking)
            except Exception as error:  # whatever it is, it is the case's verdict, and the others still run
                failed[name] = f"{type(error).__name__}: {error}"
        if not differing:
            notes.parent.mkdir(parents=True, exist_ok=True)
            notes.write_text(json.dumps({commit: passed}))
        console.print(f"{name}: {failed.get(name) or left_out.get(name) or passed[name]}", markup=False)
    report = {name: passed[name] for name in chosen if name in passed}
    verdict = {"soak": "failed" if failed else "passed", "passed": report, "failed": failed, "left_out": left_out}
    sys.stdout.write(json.dumps(verdict) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
