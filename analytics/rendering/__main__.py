"""`python -m analytics.rendering` writes the rendered files of `analytics/sql`; a test fails where one is old."""

from __future__ import annotations

from pathlib import Path

from analytics.rendering.catalog import FILES
from schemas.rendered import with_part

SQL = Path(__file__).parents[1] / "sql"
DOCUMENTS = {folder: Path(__file__).parents[2] / "docs" / f"{folder}.md" for folder in ("athena", "redshift")}


def with_files(folder: str, text: str) -> str:
    """Return a document with the table of a folder's files as they are now."""
    rows = [
        f"| [{file.name}](../analytics/sql/{file.path}) | {file.summary} |" for file in FILES if file.folder == folder
    ]
    return with_part(text, "files", "analytics.rendering", "\n".join(["| file | what |", "|---|---|", *rows]) + "\n")


def main() -> None:
    """Write the files and the tables of them in the documents, and remove what is rendered no more."""
    for folder, document in DOCUMENTS.items():
        document.write_text(with_files(folder, document.read_text(encoding="utf-8")), encoding="utf-8")
    wanted = {SQL / file.path: file.text() for file in FILES}
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in {path for folder in {path.parent for path in wanted} for path in folder.glob("*.sql")} - wanted.keys():
        path.unlink()


if __name__ == "__main__":
    main()
