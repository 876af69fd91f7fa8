"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest
import typer

from analytics import cookbook
from clickstream import app
from schemas import documents, hive

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands_of(group: object, prefix: str = "") -> dict[str, typer.core.TyperCommand]:
    """Return every command by its whole name, those inside of groups too."""
    assert isinstance(group, typer.core.TyperGroup)
    found: dict[str, typer.core.TyperCommand] = {}
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperCommand):
            found[prefix + name] = command
        else:
            found |= commands_of(command, f"{prefix}{name} ")
    return found


FRONT_DOOR = typer.main.get_command(app)
COMMANDS = commands_of(FRONT_DOOR)
GROUPS = {name.partition(" ")[0] for name in COMMANDS if " " in name}


def named_commands(text: str) -> list[tuple[str, list[str]]]:
    """Return (command, its options) of every `clickstream ...` in code."""
    code = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`(clickstream [^`]*)`", text))
    found = [
        (f"{command} {words[0]}" if command in GROUPS and (words := rest.split()) else command, rest)
        for command, rest in re.findall(r"\bclickstream ([a-z-]+)([^\n#|>]*)", code)
    ]
    return [(command, re.findall(r"(?<!\S)--[a-z-]+", rest)) for command, rest in found]


def options_of(command: str) -> set[str]:
    return {name for parameter in COMMANDS[command].params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_names_exists_with_its_options(path: Path) -> None:
    for command, options in named_commands(path.read_text(encoding="utf-8")):
        if command in GROUPS and not options:
            continue  # the group as such
        assert command in COMMANDS, f"clickstream {command}"
        assert set(options) <= options_of(command), f"clickstream {command} {options}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_every_make_target_that_a_document_names_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", path.read_text(encoding="utf-8")))
    assert named
    assert named <= targets


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(name: str) -> None:
    text = COMMANDS[name].help or ""
    assert f"Example: `clickstream {name}" in text, text


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_says_what_it_is(name: str) -> None:
    for parameter in COMMANDS[name].params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_the_tables_document_is_what_the_definitions_say() -> None:
    assert documents.DOCUMENT.read_text(encoding="utf-8") == documents.render()


def test_the_cookbook_is_what_the_queries_say() -> None:
    assert cookbook.DOCUMENT.read_text(encoding="utf-8") == cookbook.render()


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()


def test_the_alerts_document_shows_the_view_over_the_receipts_as_it_is() -> None:
    assert hive.alerts_view_sql("clickstream_raw") in (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
