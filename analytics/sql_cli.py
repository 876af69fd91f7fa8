"""The commands `sql list` and `sql show`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import ConfigError
from schemas.instants import HOUR_US, parse_instant_us
from schemas.lake import parse_hour
from schemas.settings import load_settings

if TYPE_CHECKING:
    from analytics.rendering.blanks import Blanks
    from analytics.rendering.sql_files import SqlFile

SQL = Path(__file__).parent / "sql"
QUERIES = "athena/queries"


def register(app: typer.Typer) -> None:
    """Add the commands to the front door."""
    commands = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    commands.command("list")(list_files)
    commands.command("show")(show)
    app.add_typer(
        commands, name="sql", help="The SQL that is shipped for Athena and Redshift.", rich_help_panel="Tables"
    )


def list_files(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: name -> what it is for.")] = False,
) -> None:
    """List the SQL that is shipped, each with a sentence.

    Example: `clickstream sql list`
    """
    from analytics.rendering.catalog import FILES

    known = {file.path.removesuffix(".sql"): file.summary for file in FILES} | {
        name: text.partition("\n")[0].removeprefix("-- ") for name, text in _queries().items()
    }
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(known).decode() + "\n")
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    width = max(map(len, known))
    for name, summary in known.items():
        console.print(f"{name:<{width}}  {summary}")


def show(
    name: Annotated[str, typer.Argument(help="A name of `sql list`, or the end of one.", show_default=False)],
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DDTHH", help="The first hour that it is about, UTC.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DDTHH", help="The hour before which it ends.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="The moment that it looks back to, ISO-8601.")
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            "--role", metavar="ARN", help="The role by which Redshift reads the lake, if another than its default."
        ),
    ] = None,
) -> None:
    """Print a file of SQL for this deployment: its buckets and databases filled in, to run as it is printed.

    Example: `clickstream sql show redshift/load_hours --from 2026-11-24T00 --to 2026-11-25T00`
    """
    from analytics.rendering.catalog import FILES

    rendered = {file.path.removesuffix(".sql"): file for file in FILES}
    queries = _queries()
    chosen = _chosen(name, [*rendered, *queries])
    given = {
        option: value
        for option, value in {"--from": first, "--to": end, "--as-of": as_of, "--role": role}.items()
        if value is not None
    }
    if chosen in queries:
        if given:
            raise ConfigError(f"{chosen} has nothing that {', '.join(given)} would change")
        sys.stdout.write(queries[chosen])
        return
    blanks = _blanks(given)
    _check_used(rendered[chosen], given)
    sys.stdout.write(rendered[chosen].text(blanks))


def _queries() -> dict[str, str]:
    """Return name -> text of the named queries, which are files as they are."""
    return {
        f"{QUERIES}/{path.stem}": path.read_text(encoding="utf-8") for path in sorted((SQL / QUERIES).glob("*.sql"))
    }


def _chosen(name: str, known: list[str]) -> str:
    wanted = name.removesuffix(".sql")
    found = [each for each in known if each == wanted or each.endswith(f"/{wanted}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"{name!r} is one of {', '.join(found)}: give more of the name")
    raise ConfigError(f"there is no SQL {name!r}: see `clickstream sql list`")


def _blanks(given: dict[str, str]) -> Blanks:
    from dataclasses import replace

    from analytics.rendering.blanks import Blanks

    changes: dict[str, Any] = {}
    faults = []
    for option, field, parse, form in (
        ("--from", "from_us", parse_hour, "an hour like 2026-11-24T10"),
        ("--to", "to_us", parse_hour, "an hour like 2026-11-24T10"),
        ("--as-of", "as_of_us", parse_instant_us, "an instant like 2026-11-24T10:30:00Z"),
    ):
        if option in given:
            try:
                changes[field] = parse(given[option])
            except ValueError:
                faults.append(f"{option} {given[option]!r} is not {form}")
    if ("--from" in given) != ("--to" in given):
        faults.append("--from and --to go together")
    elif not faults and "--from" in given and changes["to_us"] <= changes["from_us"]:
        faults.append("--to is not after --from")
    if faults:
        raise ConfigError(faults)
    settings = load_settings(os.environ, Path.cwd())
    changes["role"] = given.get("--role", Blanks().role)
    return replace(
        Blanks(settings.raw_bucket, settings.curated_bucket, settings.database, settings.raw_database), **changes
    )


def _check_used(file: SqlFile, given: dict[str, str]) -> None:
    """Refuse an option that changes nothing in a file: whoever gave it meant another one."""
    from dataclasses import replace

    from analytics.rendering.blanks import EXAMPLE

    others: dict[str, Blanks] = {
        "--from": replace(EXAMPLE, from_us=EXAMPLE.from_us - HOUR_US * 24 * 40),
        "--to": replace(EXAMPLE, from_us=EXAMPLE.from_us - HOUR_US * 24 * 40),
        "--as-of": replace(EXAMPLE, as_of_us=EXAMPLE.as_of_us + HOUR_US),
        "--role": replace(EXAMPLE, role="another"),
    }
    if unused := [option for option in given if file.text(others[option]) == file.text()]:
        raise ConfigError(f"{file.path} has nothing that {', '.join(unused)} would change")
