"""docs/producers.md: its example works as it says, and it names the options that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

import producers.replay_cli
import producers.simulate_cli
import producers.verify_cli
from producers.mapping import parse_mapping, shipped_mappings
from producers.recordings import rows_of
from producers.replay import RowCounts, lines_by_mapping
from producers.verify.judging_key import CLASSES

FOLDER = Path(__file__).parents[3] / "docs"
DOCS = (FOLDER / "producers.md").read_text(encoding="utf-8")
VERIFY_DOCS = (FOLDER / "verify.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    assert isinstance(text, str)
    return text


def test_the_worked_example_sends_what_it_says() -> None:
    mapping = parse_mapping(block("toml"), "visits.toml")
    recorded = block("csv").encode().splitlines(keepends=True)
    lines = lines_by_mapping(rows_of(recorded, mapping), mapping, RowCounts())
    assert [line.data.decode() for line in lines] == block("json").splitlines()


def test_the_options_told_are_those_that_there_are() -> None:
    app = typer.Typer()
    for package in (producers.simulate_cli, producers.replay_cli):
        package.register(app)
    commands: dict[str, Any] = vars(get_command(app))["commands"]
    declared = {
        option
        for command in commands.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert set(re.findall(r"--[a-z][a-z-]+", DOCS)) == declared


def test_the_options_and_classes_of_verify_are_told() -> None:
    app = typer.Typer()
    producers.verify_cli.register(app)
    options = {option for parameter in get_command(app).params for option in parameter.opts if option.startswith("--")}
    own_code = VERIFY_DOCS.replace("`clickstream compact --include-open`", "").replace("`clickstream watch --json`", "")
    assert set(re.findall(r"--[a-z][a-z-]+", own_code)) == options - {"--install-completion", "--show-completion"}
    assert tuple(re.findall(r"^\| `([a-z]+)` \|", VERIFY_DOCS, re.MULTILINE)) == CLASSES


def test_every_shipped_mapping_is_told() -> None:
    assert all(f"`{name}`" in DOCS for name in shipped_mappings())
