"""Every file of `analytics/sql` that is rendered: its folder, its name, the sentence that says what it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analytics.rendering.blanks import EXAMPLE, Blanks

_RENDERED = "-- Rendered by `python -m analytics.rendering`: change what renders it."


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One file.

    Attributes:
        folder: the engine that it is for.
        name: without its folder and suffix.
        summary: one sentence.
        notes: paragraphs that follow it as comments.
        body: its SQL with given values; statements end with a semicolon where there are several.
    """

    folder: str
    name: str
    summary: str
    notes: tuple[str, ...]
    body: Callable[[Blanks], str]

    @property
    def path(self) -> str:
        """Its path below `analytics/sql`."""
        return f"{self.folder}/{self.name}.sql"

    def text(self, blanks: Blanks = EXAMPLE) -> str:
        """Return the whole file."""
        notes = [line for note in self.notes for line in ("--", *_wrapped(note))]
        return "\n".join([f"-- {self.summary}", _RENDERED, *notes, self.body(blanks)]) + "\n"


def _wrapped(note: str, width: int = 117) -> list[str]:
    lines = [""]
    for word in note.split():
        if len(lines[-1]) + len(word) + 1 > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [f"-- {line}" for line in lines]
