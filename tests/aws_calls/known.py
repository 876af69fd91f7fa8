"""The file that says which program asks AWS for what: its form, and what tests may find beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.aws_calls.actions import action_of
from tests.aws_calls.recorder import Call

FILE = Path(__file__).parents[2] / "infra" / "terraform" / "calls.json"
HOW_TO_RECORD = f"`make test ARGS=--record-aws-calls` writes {FILE.relative_to(FILE.parents[2])} anew"
# program -> IAM action -> the operations that need it, Arrow's and Flink's own with their names.
Known = dict[str, dict[str, list[str]]]


def known_of(calls: Iterable[Call]) -> Known:
    """Return what calls are in the form of the file: everything in order."""
    found: dict[str, dict[str, set[str]]] = {}
    for call in calls:
        of_program = found.setdefault(call.program, {})
        operation = call.operation if call.client == "boto3" else f"{call.operation} by {call.client}"
        of_program.setdefault(action_of(call.service, call.operation), set()).add(operation)
    return {
        program: {action: sorted(operations) for action, operations in sorted(actions.items())}
        for program, actions in sorted(found.items())
    }


def read(file: Path | None = None) -> Known:
    """Return what is in the file; `FILE` where none is given."""
    known: Known = json.loads((file or FILE).read_bytes())
    return known


def write(known: Known, file: Path | None = None) -> None:
    """Write the file; `FILE` where none is given."""
    (file or FILE).write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def beyond(found: Known, known: Known) -> list[str]:
    """Return what was found and is not known, a line each."""
    return [
        f"{program} asks for {operation}, which needs {action}"
        for program, actions in found.items()
        for action, operations in actions.items()
        for operation in operations
        if operation not in known.get(program, {}).get(action, [])
    ]


def merged(one: Known, other: Known) -> Known:
    """Return what is in either."""
    result: dict[str, dict[str, set[str]]] = {}
    for known in (one, other):
        for program, actions in known.items():
            for action, operations in actions.items():
                result.setdefault(program, {}).setdefault(action, set()).update(operations)
    return {
        program: {action: sorted(operations) for action, operations in sorted(actions.items())}
        for program, actions in sorted(result.items())
    }
