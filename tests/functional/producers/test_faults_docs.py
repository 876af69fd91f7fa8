"""docs/faults.md names every fault, key, default and field that there is, and its example is a plan."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import typer
from typer.main import get_command

import producers.simulate_cli
from producers.answer_key import Accepted, Refused, Run, Total, Unsendable
from producers.faults.fault_plan import parse_plan, tables_of_plan
from producers.faults.fault_tables import DamageReason
from schemas.event import RejectReason

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
ENTRIES: dict[str, Any] = {
    "run": Run,
    "event": Accepted,
    "refused": Refused,
    "unsendable": Unsendable,
    "total": Total,
}


def sections() -> tuple[str, str]:
    plan, key = DOCS.split("## The answer key")
    return plan, key


@pytest.mark.parametrize("name", tables_of_plan())
def test_every_fault_is_told_with_its_keys_and_their_defaults(name: str) -> None:
    plan, _ = sections()
    (row,) = re.findall(rf"^\| `{name}` \|(.*)\|$", plan, re.MULTILINE)
    for field in msgspec.structs.fields(tables_of_plan()[name]):
        if field.name in ("share", "at"):
            continue
        assert f"`{field.name}`" in row
        if isinstance(field.default, int | float | str):
            assert f"`{field.name}` ({field.default}" in row
        elif name != "corrupt":
            assert all(f"`{value}`" in row for value in field.default)


def test_there_is_no_fault_but_those_told() -> None:
    plan, _ = sections()
    assert set(re.findall(r"^\| `(\w+)` \|", plan, re.MULTILINE)) == tables_of_plan().keys()


def test_every_reason_is_told_and_every_one_that_a_producer_causes_is_in_the_plan() -> None:
    assert set(get_args(DamageReason)) == set(RejectReason) - {RejectReason.TOO_LARGE, RejectReason.DAMAGED_OBJECT}
    (told,) = re.findall(r"The reasons are those of the quarantine: (.*?)\.\n", DOCS, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == {*get_args(DamageReason), "too_large"}


def test_the_fields_of_the_key_are_those_that_there_are() -> None:
    _, key = sections()
    told = {
        name: set(re.findall(r"`(\w+)`", cells))
        for name, cells in re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", key, re.MULTILINE)
    }
    assert told == {name: set(kind.__struct_fields__) for name, kind in ENTRIES.items()}
    decoder = msgspec.json.Decoder(Run | Accepted | Refused | Unsendable | Total)
    examples = re.search(r"```json\n(.*?)```", key, re.DOTALL)
    assert examples is not None
    assert [type(decoder.decode(line)) for line in examples[1].splitlines()] == [Accepted, Refused]


def test_the_example_is_a_plan() -> None:
    (toml,) = re.findall(r"^```toml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    assert parse_plan(toml, "example").throttle[0].calls == 3


def test_options_and_files_that_are_told_are_there() -> None:
    app = typer.Typer()
    producers.simulate_cli.register(app)
    options = {option for parameter in get_command(app).params for option in parameter.opts}
    assert set(re.findall(r"(?<!compact )--[a-z][a-z-]+", DOCS)) <= options
    assert all((ROOT / path).is_file() for path in re.findall(r"bench/[\w/.]+\.toml", DOCS))
    assert all((ROOT / "docs" / path).is_file() for path in re.findall(r"\]\((\w[\w-]*\.md)", DOCS))
