"""A run with every fault, through the whole local stack, is right by the key that it wrote itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.front_door import FrontDoor

if TYPE_CHECKING:
    from tests.conftest import LocalStack

EVERYTHING = Path(__file__).parents[3] / "bench" / "faults" / "everything.toml"


def test_every_fault_becomes_what_the_key_says(stack: LocalStack, tmp_path: Path) -> None:
    door = FrontDoor(stack.state_dir, is_quiet=True)
    key = tmp_path / "key.ndjson.gz"
    door.run_json("simulate", "--events", "3000", "--faults", str(EVERYTHING), "--answer-key", str(key))
    door.run("flush")
    door.run("compact", "--include-open")
    verdict: dict[str, Any] = json.loads(door.run("verify", str(key), "--json").splitlines()[-1])
    judged = {grade["name"]: grade for grade in verdict["classes"] if grade["verdict"] == "judged"}
    assert verdict["is_right"] and verdict["percent"] == 100.0
    assert judged.keys() == {"raw", "facts", "conflicts", "duplicates", "quarantine", "unsendable"}
    assert all(grade["expected"] > 0 for grade in judged.values())
