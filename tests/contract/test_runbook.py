"""The runbook has a heading for every alarm that Terraform makes, and names what exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot
from sqlglot.optimizer.qualify import qualify

from infra.facts import facts
from schemas.tables import TABLES
from tests.aws_commands import aws_commands, fault_of
from tests.contract.test_docs import named_commands

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MODULE = ROOT / "infra" / "terraform" / "modules" / "observability"
TEXT = (DOCS / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.*?)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
ALARMS = "".join(path.read_text(encoding="utf-8") for path in sorted(MODULE.glob("alarms*.tf")))


def headings_wanted() -> set[str]:
    """Return what the module's alarms lead to: their names, or the heading that several share."""
    alone = re.findall(r"^ +([a-z-]+) = (?:merge\(local\.\w+\.\w+, )?\{\n +severity ", ALARMS, re.MULTILINE)
    letters = re.findall(r"^ +([a-z-]+) += \{ queue = ", ALARMS, re.MULTILINE)
    composite = re.findall(r"^ +([a-z-]+) += \{ description = ", ALARMS, re.MULTILINE)
    shared = re.findall(r'\banchor += "([a-z-]+)"', ALARMS)
    assert min(map(len, (alone, letters, composite, shared))) > 1
    return {*alone, *letters, *composite, *shared}


def test_every_alarm_has_a_heading_and_every_heading_an_alarm() -> None:
    assert set(SECTIONS) == headings_wanted()


def test_no_alarm_of_the_module_escapes_the_comparison() -> None:
    written = ALARMS.count('severity    = "')
    alone = re.findall(r"^ +[a-z-]+ = (?:merge\(local\.\w+\.\w+, )?\{\n +severity ", ALARMS, re.MULTILINE)
    families = re.findall(r'(?:key|"[^"]*\$\{key\}[^"]*") => \{\n +severity ', ALARMS)
    assert len(alone) + len(families) == written


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_heading_says_what_it_means_how_to_look_what_to_do_and_when_it_may_wait(name: str) -> None:
    assert re.findall(r"^\*\*(Means|Look|Do|Wait:)\*\*", SECTIONS[name], re.MULTILINE) == [
        "Means",
        "Look",
        "Do",
        "Wait:",
    ]


def test_every_aws_command_exists_with_its_options() -> None:
    commands = aws_commands(TEXT)
    assert len(commands) > 60
    assert [fault for command in commands if (fault := fault_of(command))] == []


def test_a_command_that_does_not_exist_or_lacks_an_option_is_a_fault() -> None:
    [missing, unknown, other, service] = aws_commands(
        "`aws sqs purge-queue` `aws sqs purge-queue --queue-url u --force` `aws sqs empty-queue` `aws sqz purge-queue`"
    )
    assert fault_of(missing) == "aws sqs purge-queue: without ['queue-url']"
    assert fault_of(unknown) == "aws sqs purge-queue: unknown ['force']"
    assert fault_of(other) == "aws sqs empty-queue: no such operation"
    assert fault_of(service) == "aws sqz: no such service"


def test_it_names_commands_of_our_own() -> None:
    # That they exist with their options is a test of all documents.
    assert {"dead-letters redrive", "hours", "compact", "validate", "quarantine list"} <= {
        command for command, _ in named_commands(TEXT)
    }


def test_its_queries_name_columns_that_the_tables_have() -> None:
    columns: dict[str, object] = {
        table.name: {field.name: "varchar" if pa.types.is_string(field.type) else "bigint" for field in table.schema}
        for table in TABLES
    }
    queries = re.findall(r'clickstream query "(.*?)"', TEXT)
    assert queries
    for query in queries:
        qualify(sqlglot.parse_one(query, read="athena"), schema=columns, dialect="athena")


def test_the_figures_and_metrics_that_it_names_are_those_of_the_programs() -> None:
    metrics = {name for program in facts()["metrics"].values() for name in program["names"]}
    used = set(re.findall(r"local\.(?:compaction|validation|job)\.(\w+)", ALARMS)) - {"millisBehindLatest"}
    assert used
    assert used <= metrics


def anchors_of(path: Path) -> set[str]:
    """Return the anchors of a document's headings as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> Iterator[tuple[str, Path, str]]:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", TEXT):
        yield f"{target}#{anchor}", DOCS / (target or "runbook.md"), anchor


@pytest.mark.parametrize(("link", "path", "anchor"), sorted(set(links())), ids=lambda value: str(value))
def test_every_link_leads_to_a_heading(link: str, path: Path, anchor: str) -> None:
    assert anchor in anchors_of(path), link


@pytest.mark.parametrize("name", ["operations.md", "deploy-alerts.md", "alerts.md"])
def test_the_pages_that_name_what_to_watch_lead_here(name: str) -> None:
    assert "(runbook.md" in (DOCS / name).read_text(encoding="utf-8")
