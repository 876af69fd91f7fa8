"""The commands `quarantine list`, `show`, `preview` and `replay`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batch_compaction.hour_options import named_hours
from schemas.errors import ConfigError, WorkFailedError
from schemas.settings import load_settings

if TYPE_CHECKING:
    from batch_compaction.quarantine import Selection
    from batch_compaction.quarantine_replay import Replay, Step
    from batch_compaction.quarantine_report import ListedLine, ReasonCount, RepairReport
    from batch_compaction.repair_rules import Rules

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_RulesFile = Annotated[Path, typer.Argument(help="The rules, TOML; see docs/quarantine.md.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands to the front door."""
    commands = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    commands.command("list")(list_lines)
    commands.command("show")(show)
    commands.command("preview")(preview)
    commands.command("replay")(replay)
    app.add_typer(
        commands,
        name="quarantine",
        help="Look at the lines that are no event, and repair them by rules.",
        rich_help_panel="Tables",
    )


def list_lines(
    reason: Annotated[
        list[str] | None, typer.Option("--reason", help="Only lines with this reason, such as not_json; repeatable.")
    ] = None,
    hour: Annotated[
        list[str] | None,
        typer.Option("--hour", metavar="YYYY-MM-DDTHH", help="Only lines that arrived in this hour, UTC; repeatable."),
    ] = None,
    source_object: Annotated[
        str, typer.Option("--object", metavar="KEY", help="Only lines of raw objects whose key begins so.")
    ] = "",
    only_unresolved: Annotated[
        bool, typer.Option("--unresolved/--all", help="Show only lines that are not resolved, or all of them.")
    ] = True,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many lines to show at most.")] = 20,
    as_json: _Json = False,
) -> None:
    """Count the quarantined lines by hour and reason, then show the first of them.

    Example: `clickstream quarantine list --reason missing_field --hour 2026-11-24T10`
    """
    selection = _selection(reason, hour, source_object)
    settings = load_settings(os.environ, Path.cwd())

    from batch_compaction.lake_tables import open_lake
    from batch_compaction.quarantine_tables import QuarantineTables

    with _progress("counting") as on_step:
        tables = QuarantineTables.find(open_lake(settings, os.environ))
        counts = tables.counts(selection, on_step)
        lines = tables.first_lines(selection, limit, only_unresolved=only_unresolved)
    if as_json:
        _print_json({"counts": counts, "lines": lines})
    else:
        _show_list(counts, lines, only_unresolved=only_unresolved)


def show(
    source_object: Annotated[str, typer.Argument(metavar="OBJECT", help="The raw object's key.", show_default=False)],
    source_line: Annotated[int, typer.Argument(metavar="LINE", min=1, help="The line in it.", show_default=False)],
    as_json: _Json = False,
) -> None:
    """Show one quarantined line: why it is no event, its bytes, what became of it, and whether S3 still holds it so.

    Example: `clickstream quarantine show clickstream/year=2026/month=11/day=24/hour=10/a.json.gz 17`
    """
    settings = load_settings(os.environ, Path.cwd())

    import boto3

    from batch_compaction.lake_tables import open_lake
    from batch_compaction.quarantine_tables import QuarantineTables

    with _progress("looking for the line"):
        tables = QuarantineTables.find(open_lake(settings, os.environ))
        found = tables.find_line(boto3.client("s3"), settings.raw_bucket, source_object, source_line)
    if found is None:
        raise WorkFailedError(f"line {source_line} of {source_object} is not in the quarantine")
    if as_json:
        _print_json(found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        typer.echo(f"{name:<{width}}  {'' if value is None else value}")


def preview(rules_file: _RulesFile, as_json: _Json = False) -> None:
    """Say what rules would make of the lines that are not resolved; write nothing.

    Example: `clickstream quarantine preview repair.toml`
    """
    from batch_compaction import quarantine_replay

    with _progress("previewing") as on_step:
        report = quarantine_replay.preview(_run(rules_file, on_step))
    _tell(report, as_json=as_json)


def replay(rules_file: _RulesFile, as_json: _Json = False) -> None:
    """Repair lines by rules: those that pass are written to the raw bucket for `compact`, and marked as resolved.

    It may be killed at any moment and run again; a second time changes nothing. Lines that still are no event, or that
    no rule takes, stay as they are.

    Example: `clickstream quarantine replay repair.toml`
    """
    from batch_compaction import quarantine_replay

    with _progress("replaying") as on_step:
        report = quarantine_replay.replay(_run(rules_file, on_step))
    _tell(report, as_json=as_json)


def _run(rules_file: Path, on_step: Step) -> Replay:
    rules = _rules(rules_file)
    settings = load_settings(os.environ, Path.cwd())

    import boto3

    from batch_compaction.lake_tables import open_lake
    from batch_compaction.quarantine_replay import Replay

    return Replay(
        s3=boto3.client("s3"),
        raw_bucket=settings.raw_bucket,
        lake=open_lake(settings, os.environ),
        rules=rules,
        now_us=time.time_ns() // 1000,
        on_step=on_step,
    )


def _rules(path: Path) -> Rules:
    from batch_compaction.repair_rules import parse_rules

    try:
        return parse_rules(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise ConfigError(f"rules {path.name}: not UTF-8: {error}") from error
    except OSError as error:
        raise ConfigError(f"rules {path}: {error.strerror}") from error


def _selection(reasons: list[str] | None, hours: list[str] | None, source_object: str) -> Selection:
    from batch_compaction.quarantine import Selection
    from schemas.event import RejectReason
    from schemas.lake import partition_of_hour

    faults = [
        f"--reason {reason!r} is none: there are {', '.join(RejectReason)}"
        for reason in reasons or ()
        if reason not in tuple(RejectReason)
    ]
    arrivals, unnamed = named_hours(hours or ())
    faults += unnamed
    if faults:
        raise ConfigError(faults)
    return Selection(tuple(reasons or ()), tuple(map(partition_of_hour, arrivals)), source_object)


@contextmanager
def _progress(what: str) -> Iterator[Step]:
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(what) as status:
        yield lambda step: status.update(escape(f"{what}: {step}"))


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _show_list(counts: list[ReasonCount], lines: list[ListedLine], *, only_unresolved: bool) -> None:
    from schemas.terminal import printable

    if not counts:
        typer.echo("no line of these is in the quarantine")
        return
    columns = ("lines", "repaired", "dismissed", "unresolved")
    typer.echo("".join([f"{'hour':<14}{'reason':<18}", *(f"{name:>12}" for name in columns)]))
    for count in counts:
        numbers = (getattr(count, name) for name in columns)
        typer.echo("".join([f"{count.hour:<14}{count.reason:<18}", *(f"{number:>12}" for number in numbers)]))
    for line in lines:
        typer.echo(printable(f"{line.source_object} {line.source_line}"))
        typer.echo(f"    {line.resolution or 'unresolved'}  {line.reason}: {printable(line.detail)}")
        typer.echo(f"    {line.size_bytes} bytes, first read by run {line.first_seen_run}  {line.shown}")
    meant = sum(count.unresolved if only_unresolved else count.lines for count in counts)
    typer.echo(f"{len(lines)} of {meant} {'unresolved lines' if only_unresolved else 'lines'} shown")


def _tell(report: RepairReport, *, as_json: bool) -> None:
    if as_json:
        _print_json(report)
        return
    for group in report.groups:
        rule = "no rule" if group.rule is None else f"rule {group.rule}"
        still = f", still {group.still}" if group.still else ""
        typer.echo(f"{group.fate}: {group.lines} lines, {rule}, {group.reason}{still}")
        for sample in group.samples:
            typer.echo(f"    {sample.source_object} {sample.source_line}\n        {sample.before}")
            if sample.after:
                typer.echo(f"     -> {sample.after}")
    typer.echo(
        f"{report.passes} pass, {report.fails} fail, {report.dismissed} dismissed, {report.untaken} taken by no rule"
    )
    if report.adopted:
        typer.echo(f"{report.adopted} that an earlier replay had written were marked")
    for key in report.objects:
        typer.echo(f"written: {key}")
