"""A verdict for a person: a table of the classes, each difference with examples, and the next steps.

Pure; texts from outside are shown as they are printable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from producers.verify.grades import EXTRA, MISSING, Grade, NotAsked
from producers.verify.judging_key import Verdict
from schemas.terminal import printable


def view_of(verdict: Verdict) -> Iterator[RenderableType]:
    """Yield what is shown, in order."""
    table = Table(title="what the key asks for, and what is there")
    table.add_column("class")
    for name in ("expected", "got", "missing", "extra", "wrong"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for grade in verdict.classes:
        table.add_row(*_row(grade))
    yield table
    for grade in verdict.classes:
        if isinstance(grade, Grade):
            yield from _details(grade)
        else:
            yield f"[dim]{grade.name} not asked: {escape(grade.why)}[/]"
    for hint in verdict.hints:
        yield f"[yellow]next:[/] {escape(hint)}"
    color = "green" if verdict.is_right else "red"
    yield (
        f"[bold {color}]{verdict.percent:.2f} %[/] right: {verdict.right:,} of {verdict.expected:,}, "
        + ("no difference" if verdict.is_right else "with differences")
    )


def _row(grade: Grade | NotAsked) -> tuple[str, ...]:
    if isinstance(grade, NotAsked):
        return (grade.name, "", "", "", "", "", "[dim]not asked[/]")
    numbers = (grade.expected, grade.got, grade.count(MISSING), grade.count(EXTRA), grade.wrong)
    return (
        grade.name,
        *(f"{number:,}" for number in numbers),
        "[green]right[/]" if grade.is_right else "[bold red]wrong[/]",
    )


def _details(grade: Grade) -> Iterator[str]:
    if figures := {name: value for name, value in grade.figures.items() if value}:
        yield f"[dim]{grade.name}: {escape(_pairs(figures))}[/]"
    for difference in grade.differences:
        yield f"[bold]{grade.name}, {difference.kind}: {difference.count:,}[/]"
        yield from (f"  {escape(_pairs(example))}" for example in difference.examples)
        if difference.count > len(difference.examples):
            yield "  …"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {printable(_text(value))}" for name, value in values.items())


def _text(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
