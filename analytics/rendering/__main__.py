"""`python -m analytics.rendering` writes the rendered files of `analytics/sql`; a test fails where one is old."""

from __future__ import annotations

from pathlib import Path

from analytics.rendering.catalog import FILES

SQL = Path(__file__).parents[1] / "sql"


def main() -> None:
    """Write the files, and remove what is rendered no more."""
    wanted = {SQL / file.path: file.text() for file in FILES}
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in {path for folder in {path.parent for path in wanted} for path in folder.glob("*.sql")} - wanted.keys():
        path.unlink()


if __name__ == "__main__":
    main()
