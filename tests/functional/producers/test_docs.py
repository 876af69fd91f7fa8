"""The producers' documents: the worked example works as it says, and they name the options that there are."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.main import get_command

import producers.load_cli
import producers.record_cli
import producers.replay_cli
import producers.simulate_cli
import producers.verify_cli
from clickstream import app as front_door
from producers.batching import FULL_AGGREGATE_BYTES, MAX_AGGREGATE_BYTES, MAX_AGGREGATE_LINES
from producers.lane import MAX_BUFFERED_S
from producers.pacing import Backoff
from producers.producer import WINDOW_BYTES
from producers.replaying.conversion import RowCounts, lines_by_mapping
from producers.replaying.mapping import parse_mapping, shipped_mappings
from producers.replaying.rows import rows_of
from producers.run import summary_of
from producers.shop.funnel import FUNNEL
from producers.sinks import WINDOW_LINES, Tally
from producers.verify.judging_key import CLASSES
from schemas.attestation import Attestation

DOCS = Path(__file__).parents[3] / "docs"
# What several commands share is told once.
SHARED = "producers.md"
COMMANDS = {
    "producers.md": [producers.simulate_cli],
    "replay.md": [producers.replay_cli, producers.record_cli],
    "load-test.md": [producers.load_cli],
    "verify.md": [producers.verify_cli],
}


def text_of(document: str) -> str:
    return (DOCS / document).read_text(encoding="utf-8")


def options_in(document: str) -> set[str]:
    return set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", text_of(document)))


def options_of(app: typer.Typer) -> set[str]:
    commands: dict[str, Any] = vars(get_command(app))["commands"]
    return {
        option
        for command in commands.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", text_of("replay.md"), re.MULTILINE | re.DOTALL)
    assert isinstance(text, str)
    return text


def test_the_worked_example_sends_what_it_says() -> None:
    mapping = parse_mapping(block("toml"), "visits.toml")
    recorded = block("csv").encode().splitlines(keepends=True)
    lines = lines_by_mapping(rows_of(recorded, mapping), mapping, RowCounts())
    assert [line.data.decode() for line in lines] == block("json").splitlines()


@pytest.mark.parametrize(("document", "commands"), COMMANDS.items(), ids=COMMANDS)
def test_every_option_of_a_command_is_told(document: str, commands: list[ModuleType]) -> None:
    app = typer.Typer(callback=lambda: None)
    for command in commands:
        command.register(app)
    assert options_of(app) <= options_in(document) | options_in(SHARED)


@pytest.mark.parametrize("document", COMMANDS)
def test_every_option_told_is_one_of_some_command(document: str) -> None:
    assert options_in(document) <= options_of(front_door)


def test_the_classes_of_verify_are_told() -> None:
    assert tuple(re.findall(r"^\| `([a-z]+)` \|", text_of("verify.md"), re.MULTILINE)) == CLASSES


def test_every_shipped_mapping_is_told() -> None:
    assert all(f"`{name}`" in text_of("replay.md") for name in shipped_mappings())


def test_the_funnel_told_is_the_one_that_there_is() -> None:
    names = {"arrival": "arrive", "the page of arrival": "landing", "sign-up": "signup", "end": "leave"}
    header, _, *rows = re.findall(r"^\| after .*?(?=\n\n)", text_of(SHARED), re.MULTILINE | re.DOTALL)[0].splitlines()
    columns = [cell.strip() for cell in header.strip("|").split("|")]
    told: dict[str, dict[str, int]] = {}
    for row in rows:
        after, *percents = (cell.strip() for cell in row.strip("|").split("|"))
        told[after] = {name: int(percent) for name, percent in zip(columns[1:], percents, strict=True) if percent}
    funnel = {
        names.get(after, after): {names.get(name, name): percent for name, percent in row.items()}
        for after, row in told.items()
    }
    expected = {
        after.replace("_", " "): {
            ("page view" if name == "landing" else name.replace("_", " ")): percent for name, percent in row.items()
        }
        for after, row in FUNNEL.items()
    }
    assert funnel == expected


def test_what_may_be_under_way_and_how_long_it_is_tried_is_what_is_told() -> None:
    backoff, told = Backoff(), text_of(SHARED)
    assert f"At most {WINDOW_LINES:,} events or {WINDOW_BYTES >> 20} MiB" in told
    assert f"{MAX_AGGREGATE_LINES} events" in told and f"up to {MAX_AGGREGATE_BYTES >> 10} KiB" in told
    assert (backoff.tries, backoff.throttled_s, FULL_AGGREGATE_BYTES >> 10) == (8, 60, 50)
    assert f"{MAX_BUFFERED_S * 1000:g} ms" in told


def test_the_attestation_told_is_the_one_that_there_is() -> None:
    told = text_of(SHARED).partition("## Attestation")[2].partition("## In your")[0]
    rows = re.findall(r"^\| (`.*?) \|", told, re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == [*Attestation.__struct_fields__]


def test_the_figures_told_are_those_of_the_summary() -> None:
    told = text_of(SHARED).partition("| figure |")[2].partition("## Simulate")[0]
    rows = re.findall(r"^\| (`.*?) \|", told, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(summary_of(Tally(), 1.0))
