"""Which program asks AWS for what, `infra/terraform/calls.json`: in one form, of all programs and of nothing else."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import typer

import clickstream
from tests.aws_calls import known
from tests.aws_calls.actions import action_of, actions_in_source, actions_of_package
from tests.aws_calls.recorder import PROGRAMS, Call
from tests.aws_commands import service

ROOT = Path(__file__).parents[2]
CALLS = known.read()
# Commands that are no part of a deployment and ask AWS for nothing themselves.
LOCAL = {"analytics.sql_cli", "infra.cost_cli", "infra.local.cli", "infra.local.demo_cli", "infra.local.trino.cli"}
PACKAGES = {
    "stream_jobs/msf/main.py": "alert-job",
    "stream_jobs/lambda_handler.py": "dropped-files",
    "stream_jobs/dead_letters_cli.py": "dead-letters",
}
# Files, the services that they call by boto3, and the programs that they are of.
SOURCES = [
    (
        "batch_compaction/*.py",
        ("s3", "sqs"),
        ("compact", "validate", "maintain", "quarantine", "hours", "rollback"),
    ),
    ("analytics/warehouse/*.py", ("s3",), ("redshift-manifest",)),
    ("producers/put.py", ("kinesis",), ("simulate", "replay", "load")),
    ("producers/faults/resharding.py", ("kinesis",), ("resharding",)),
    ("producers/load/*.py", ("s3",), ("load",)),
    ("producers/recording/*.py", ("kinesis",), ("record",)),
    ("producers/replaying/*.py", ("s3",), ("replay",)),
    ("producers/verify/*.py", ("s3",), ("verify",)),
    ("analytics/query/*.py", ("athena",), ("query-athena",)),
    ("stream_jobs/watching.py", ("sns", "sqs"), ("watch",)),
]


def test_the_file_is_in_the_form_that_recording_writes() -> None:
    assert known.merged(CALLS, {}) == CALLS
    assert json.dumps(CALLS, indent=2) + "\n" == known.FILE.read_text(encoding="utf-8")


def test_the_file_names_operations_that_there_are_below_the_action_that_each_needs() -> None:
    for program, actions in CALLS.items():
        for action, operations in actions.items():
            name = action.partition(":")[0]
            for operation in (operation.partition(" by ")[0] for operation in operations):
                assert operation in service(name).operation_names, f"{program} {operation}"
                assert action_of(name, operation) == action, f"{program} {operation}"


def test_every_program_begins_where_there_is_something() -> None:
    for places in PROGRAMS.values():
        for place in places:
            module, _, function = place.partition(":")
            path = ROOT / f"{module.replace('.', '/')}.py"
            if module == "main":  # on AWS, of the package
                continue
            assert path.is_file(), place
            names = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
            assert not function or function in names, place


def commands(app: typer.Typer) -> list[str]:
    """Return `module:function` of every command."""
    found = [command.callback for command in app.registered_commands]
    groups = [group.typer_instance for group in app.registered_groups if group.typer_instance]
    inner = [place for group in groups for place in commands(group)]
    return [f"{callback.__module__}:{callback.__name__}" for callback in found if callback] + inner


@pytest.mark.parametrize("place", commands(clickstream.app))
def test_every_command_is_a_program(place: str) -> None:
    places = {place for places in PROGRAMS.values() for place in places}
    assert not places.isdisjoint({place, place.partition(":")[0]}) or place.partition(":")[0] in LOCAL


@pytest.mark.parametrize("entry", PACKAGES)
def test_a_package_makes_the_calls_that_stand_in_it(entry: str) -> None:
    assert actions_of_package(ROOT, entry) == set(CALLS[PACKAGES[entry]])


@pytest.mark.parametrize(("files", "services", "programs"), SOURCES)
def test_every_call_that_stands_in_a_program_is_made_by_a_test(
    files: str, services: tuple[str, ...], programs: tuple[str, ...]
) -> None:
    found = sorted(ROOT.glob(files))
    made = {action for program in programs for action in CALLS[program]}
    assert found
    assert actions_in_source(found, services) - made == set()


@pytest.mark.parametrize(("files", "services", "programs"), SOURCES)
def test_no_program_is_put_down_for_a_call_that_stands_nowhere_in_its_package(
    files: str, services: tuple[str, ...], programs: tuple[str, ...]
) -> None:
    stands = actions_in_source(sorted((ROOT / files.partition("/")[0]).rglob("*.py")), services)
    for program in programs:
        by_boto3 = {
            action
            for action, operations in CALLS[program].items()
            if action.partition(":")[0] in services and any(" by " not in operation for operation in operations)
        }
        assert by_boto3 - stands == set(), program


def test_a_call_that_is_not_known_is_told_with_the_action_that_it_needs() -> None:
    found = known.known_of([Call("watch", "sqs", "SendMessageBatch", "boto3")])
    assert found == {"watch": {"sqs:SendMessage": ["SendMessageBatch"]}}
    assert known.beyond(found, {}) == ["watch asks for SendMessageBatch, which needs sqs:SendMessage"]
    assert known.beyond(found, found) == []
