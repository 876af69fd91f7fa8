"""The cookbook: the shipped questions as a document, rendered from their files.

`python -m analytics.cookbook` writes `docs/cookbook.md`; a test fails when it is not what the files say. A file begins
with the question as a comment of one line, which is also what Athena shows for the named query; comments below it say
how the answer is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConfigError

QUERIES = Path(__file__).parent / "sql" / "athena" / "queries"
DOCUMENT = Path(__file__).parents[1] / "docs" / "cookbook.md"
_FOLDER = QUERIES.relative_to(DOCUMENT.parents[1])
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "Sales": ("hourly_revenue", "order_values", "revenue_by_country", "top_products"),
    "Ways to a purchase": (
        "purchase_funnel",
        "conversion_by_device",
        "abandoned_carts",
        "search_to_purchase",
        "signup_to_purchase",
    ),
    "Where visits come from": ("traffic_channels", "campaigns", "entry_and_exit_pages", "top_pages"),
    "Users": ("active_users", "weekly_retention", "sessions_by_day", "clicks_by_country"),
    "Whether to trust it": ("hour_trust", "quarantine_reasons", "suspicious_users"),
}
_INTRODUCTION = f"""# Cookbook

Twenty questions that product teams ask, as SQL for Athena over [the tables](tables.md). Each is a file in
`{_FOLDER}/` and a named query of the workgroup that [Terraform](deploy.md) makes. This page is
rendered from the files by `python -m analytics.cookbook`.

- The day, 24 November 2026, or the month of it, is written into the query: change it there. The columns `year`, `month`
  and `day` are the partitions, so a query reads only the files of the days that it names;
  [what each one reads](cost.md#what-a-question-reads).
- Days and hours are UTC.
- A share is a `double` between 0 and 1. Amounts are whole numbers of a currency's minor unit, as the events have them.
- Percentiles are exact: the smallest value that so many percent of all do not exceed.
- Where rows tie, the last columns of `ORDER BY` decide, so that an answer is the same each time.

Every answer is compared with a recount of the raw objects in plain Python (`tests/cookbook/`), on DuckDB by `make test`
and on Trino by `make test-engines`.
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A file of the cookbook.

    Attributes:
        asked: the question, one sentence.
        reading: how the answer is read.
        sql: the query without these comments.
        text: the file.
    """

    name: str
    asked: str
    reading: str
    sql: str
    text: str


def question_of(name: str, text: str) -> Question:
    """Return what a file asks.

    Raises:
        ConfigError: it does not begin with a question and how the answer is read.
    """
    lines = text.split("\n")
    head = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    asked, *reading = (line.removeprefix("--").strip() for line in lines[:head])
    if not asked.endswith("?") or not any(reading):
        raise ConfigError(f"{name}.sql does not begin with a question and how its answer is read, as comments")
    return Question(name, asked, "\n".join(reading).strip(), "\n".join(lines[head:]).strip(), text)


def questions() -> dict[str, Question]:
    """Return the questions by name, in the order of the document.

    Raises:
        ConfigError: a file is not as it should be, or stands under no subject.
    """
    found = {path.stem: path for path in sorted(QUERIES.glob("*.sql"))}
    listed = [name for names in SUBJECTS.values() for name in names]
    if sorted(listed) != sorted(found):
        raise ConfigError(f"these are not under one subject each: {', '.join(sorted(set(listed) ^ set(found)))}")
    return {name: question_of(name, found[name].read_text(encoding="utf-8")) for name in listed}


def render() -> str:
    """Return the document."""
    return "\n".join(_parts(questions()))


def _parts(asked: Mapping[str, Question]) -> Iterator[str]:
    yield _INTRODUCTION
    for subject, names in SUBJECTS.items():
        links = (f"  - [{asked[name].asked}](#{name.replace('_', '-')})" for name in names)
        yield "\n".join([f"- {subject}", *links])
    yield ""
    for subject, names in SUBJECTS.items():
        yield f"## {subject}\n"
        for name in names:
            question = asked[name]
            yield f"### {name.replace('_', ' ')}\n"
            yield f"**{question.asked}**\n\n{question.reading}\n"
            yield f"```sh\nclickstream query -f {_FOLDER / name}.sql\n```\n"
            yield f"```sql\n{question.sql}\n```\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
