"""The job's properties as a table for those who deploy it, rendered from their definitions.

`python -m stream_jobs.documents` writes it into `docs/deploy-alerts.md`; a test fails when it is not what the
definitions say.
"""

from __future__ import annotations

from pathlib import Path

from schemas.rendered import with_part
from stream_jobs.application_properties import PROPERTIES, RULE_MEANING, RULES_GROUP

DOCUMENT = Path(__file__).parents[1] / "docs" / "deploy-alerts.md"


def table() -> str:
    """Return the properties as a table."""
    rows = [(spec.group, spec.key, spec.default, spec.meaning) for spec in PROPERTIES]
    rows.append((RULES_GROUP, "NAME", "", RULE_MEANING))
    lines = ["| group | key | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{group}` | `{key}` | {_default(default)} | {meaning} |" for group, key, default, meaning in rows]
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """Return a document with the table as it is now, in the place marked for it."""
    return with_part(text, "properties", "stream_jobs.documents", table())


def _default(default: str | None) -> str:
    if default is None:
        return "has to be given"
    return f"`{default}`" if default else ""


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
