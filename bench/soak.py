"""The demo at the sizes that the guarantees are stated for; resumable, ends with one line of JSON: the verdict.

A case that passed is noted under the state folder together with the commit, and is not run again for that commit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from infra.local.front_door import FrontDoor
from schemas.errors import WorkFailedError
from schemas.settings import state_dir_of

CASES: dict[str, tuple[str, ...]] = {
    **{f"seed {seed}": ("--seed", str(seed)) for seed in (1, 2, 3)},
    "300,000 events": ("--events", "300000"),
}


def main() -> int:
    """Run every case that has not passed yet; 0 when all have."""
    console = Console(stderr=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    notes = state_dir_of({}) / "soak.json"
    passed: dict[str, dict[str, object]] = json.loads(notes.read_text()).get(commit, {}) if notes.exists() else {}
    failed: dict[str, str] = {}
    for name, arguments in CASES.items():
        if name in passed:
            console.print(f"{name}: passed before")
            continue
        console.print(f"{name}: running")
        with tempfile.TemporaryDirectory(prefix="clickstream-soak-") as folder:
            try:
                passed[name] = FrontDoor(Path(folder), is_quiet=True).run_json("demo", *arguments)
            except WorkFailedError as error:
                failed[name] = str(error)
        notes.parent.mkdir(parents=True, exist_ok=True)
        notes.write_text(json.dumps({commit: passed}))
        console.print(f"{name}: {'failed' if name in failed else 'passed'}")
    sys.stdout.write(json.dumps({"soak": "failed" if failed else "passed", "passed": passed, "failed": failed}) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
