"""The job's properties as a table for those who deploy it, rendered from their definitions.

`python -m stream_jobs.documents` writes it into `docs/deploy-alerts.md`; a test fails when it is not what the
definitions say.
"""

from __future__ import annotations

from pathlib import Path

from stream_jobs.application_properties import PROPERTIES, RULE_MEANING, RULES_GROUP

DOCUMENT = Path(__file__).parents[1] / "docs" / "deploy-alerts.md"
_BEGIN = "<!-- properties: rendered by `python -m stream_jobs.documents` -->\n"
_END = "<!-- end of properties -->\n"


def table() -> str:
    """Return the properties as a table."""
    rows = [(spec.group, spec.key, spec.default, spec.meaning) for spec in PROPERTIES]
    rows.append((RULES_GROUP, "NAME", "", RULE_MEANING))
    lines = ["| group | key | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{group}` | `{key}` | {_default(default)} | {meaning} |" for group, key, default, meaning in rows]
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """Return a document with the table as it is now, in the place marked for it."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"no place for the properties: it is marked by {_BEGIN.strip()} and {_END.strip()}")
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


def _default(default: str | None) -> str:
    if default is None:
        return "has to be given"
    return f"`{default}`" if default else ""


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
