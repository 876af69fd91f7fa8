"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest
import typer

from clickstream import app
from schemas import documents

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FRONT_DOOR = typer.main.get_command(app)
assert isinstance(FRONT_DOOR, typer.core.TyperGroup)
COMMANDS = FRONT_DOOR.commands


def named_commands(text: str) -> list[tuple[str, list[str]]]:
    """Return (command, its options) of every `clickstream ...` in code."""
    code = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`(clickstream [^`]*)`", text))
    found = re.findall(r"\bclickstream ([a-z-]+)([^\n#|>]*)", code)
    return [(command, re.findall(r"(?<!\S)--[a-z-]+", rest)) for command, rest in found]


def options_of(command: str) -> set[str]:
    return {name for parameter in COMMANDS[command].params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_names_exists_with_its_options(path: Path) -> None:
    for command, options in named_commands(path.read_text(encoding="utf-8")):
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


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
