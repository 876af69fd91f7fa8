"""The commands `dead-letters list` and `dead-letters redrive`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from schemas.errors import BadRecordError, ConfigError, WorkFailedError
from schemas.settings import Settings, load_settings

if TYPE_CHECKING:
    from stream_jobs.found_letters import Found, Selection
    from stream_jobs.letters import LetterQueue
    from stream_jobs.listing import Listed
    from stream_jobs.payloads import Payloads
    from stream_jobs.redrive import Redrive, Tally

# What is read is hidden from other readers this long where a process does not live to give it back.
HIDDEN_S = 300
# How long a far side may fail before the command does; several calls in a row stay below the time above.
PATIENCE_S = 60.0
_THREADS = 8
_MOST_REASONS_TOLD = 20
_CUT = "there are more letters than one run looks at: narrow it down by --reason or --stage, or run it again"
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


class LetterStage(StrEnum):
    """Where a record failed."""

    FRAME = "frame"
    DECODE = "decode"
    PUBLISH = "publish"


_Reasons = Annotated[
    list[str] | None, typer.Option("--reason", help="Only letters with this reason, such as not_json; repeatable.")
]
_Stage = Annotated[LetterStage | None, typer.Option("--stage", help="Only letters of this stage.")]
_Ids = Annotated[list[str] | None, typer.Option("--id", help="Only the letter with this message id; repeatable.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the front door."""
    commands = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    commands.command("list")(list_letters)
    commands.command("redrive")(redrive)
    app.add_typer(
        commands,
        name="dead-letters",
        help="Look at what could not become an alert, and send it again.",
        rich_help_panel="Alerts",
    )


def list_letters(
    reason: _Reasons = None,
    stage: _Stage = None,
    message_id: _Ids = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many letters to show at most.")] = 20,
    show_all: Annotated[bool, typer.Option("--all", help="Every letter, however many there are.")] = False,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show the original bytes, also those that lie in the lake.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object for each letter, with the bytes that lie in the queue.")
    ] = False,
) -> None:
    """Show dead letters without taking them out of the queue.

    Whoever else reads the queue does not see them for the moment that this takes.

    Example: `clickstream dead-letters list --stage decode --payload`
    """
    import msgspec

    from stream_jobs.listing import HEADING, line_of, payload_line_of
    from stream_jobs.patience import StoppedError

    settings = load_settings(os.environ, Path.cwd())
    selection = _selection(reason, stage, message_id)
    shown = about = elsewhere = 0
    is_cut = False
    missing = set(selection.ids)
    with suppress(StoppedError), _reading(settings) as (queue, payloads, stopped):
        about = queue.start().visible
        for found in _meant(queue, selection, stopped):
            letter = _listed(found, payloads, from_lake=payload, inline=payload or as_json)
            if as_json:
                typer.echo(msgspec.json.encode(letter).decode())
            else:
                typer.echo(line_of(letter) if shown else f"{HEADING}\n{line_of(letter)}")
                if payload:
                    typer.echo(payload_line_of(letter))
            shown += 1
            missing.discard(found.message_id)
            if shown == count and not show_all:
                break
        elsewhere, is_cut = queue.elsewhere(), queue.is_cut
    _tell(f"{shown} shown of about {about} in the queue")
    if elsewhere:
        _tell(_elsewhere(elsewhere))
    if is_cut:
        _tell(_CUT)
    if missing:
        raise WorkFailedError(_missing(missing))


def redrive(
    reason: _Reasons = None,
    stage: _Stage = None,
    message_id: _Ids = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide only: publish and delete nothing.")] = False,
    fifo: Annotated[
        bool, typer.Option("--fifo", help="Publish to the main topic's FIFO twin, whose name ends in .fifo.")
    ] = False,
    drop_without_alert: Annotated[
        bool,
        typer.Option("--drop-without-alert", help="Delete also letters of which today's rules alert nobody."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout.")] = False,
) -> None:
    """Send dead letters again: decide by today's code and rules, publish the alerts, delete the letters.

    The rules are those of this folder's `clickstream.toml` and of this shell; they are told first. A letter that is
    still bad, or of which these rules alert nobody, stays in the queue, and one that another reader holds is not
    tried: the exit code is 1.

    Example: `clickstream dead-letters redrive --reason bad_timestamp --dry-run`
    """
    from stream_jobs.patience import StoppedError

    settings = load_settings(os.environ, Path.cwd())
    selection = _selection(reason, stage, message_id)
    with _redriving(settings, fifo=fifo, drop_without_alert=drop_without_alert) as run:
        try:
            run.run(selection, dry=dry_run)
        except StoppedError as error:
            raise WorkFailedError("stopped; what is not done is in the queue") from error
        finally:
            _show(run.tally, as_json=as_json)
        left = _left(run)
        try:
            if not dry_run:
                run.forget_old_marks()
        except (WorkFailedError, StoppedError) as error:
            left.append(f"marks of earlier redrives stay for now, which does no harm: {error}")
    if left:
        raise WorkFailedError("; ".join(left))


@contextmanager
def _reading(settings: Settings) -> Iterator[tuple[LetterQueue, Payloads, threading.Event]]:
    """Give the queue and the payloads, and what a signal sets."""
    from stream_jobs import aws_calls
    from stream_jobs.asking import require_queue
    from stream_jobs.letters import LetterQueue
    from stream_jobs.patience import Patience
    from stream_jobs.payloads import Payloads

    sqs, queue_url = aws_calls.client("sqs"), settings.dead_letter_queue_url
    require_queue(sqs, queue_url)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())

    def patience() -> Patience:
        return aws_calls.patience(PATIENCE_S, stopped.wait)

    payloads = Payloads(aws_calls.client("s3"), settings.curated_bucket, patience)
    with LetterQueue(sqs, queue_url, HIDDEN_S, patience, stopped.wait, _tell) as queue:
        yield queue, payloads, stopped


@contextmanager
def _redriving(settings: Settings, *, fifo: bool, drop_without_alert: bool) -> Iterator[Redrive]:
    """Give a redrive, put together from the settings."""
    from stream_jobs import aws_calls
    from stream_jobs.doors import AwsDoors
    from stream_jobs.marks import Marks
    from stream_jobs.redeciding import Decider
    from stream_jobs.redrive import Redrive, Ways
    from stream_jobs.rules import rules_of
    from stream_jobs.topic import fifo_twin

    if fifo:
        settings = replace(settings, alerts_topic_arn=fifo_twin(settings.alerts_topic_arn))
    rules = rules_of(settings)
    for name, topic_arn in sorted(rules.topic_arns().items()):
        _tell(f"rule {name} to {topic_arn}")
    with (
        _reading(settings) as (queue, payloads, stopped),
        ThreadPoolExecutor(_THREADS) as threads,
        _errors.status("redriving") as status,
    ):
        doors = AwsDoors(settings, rules, PATIENCE_S, 0)
        s3 = aws_calls.client("s3")
        ways = Ways(
            queue,
            payloads,
            Marks(s3, settings.curated_bucket, lambda: aws_calls.patience(PATIENCE_S, stopped.wait)),
            doors.topics(stopped.wait),
            doors.receipts(stopped.wait),
            doors.dead_letters(stopped.wait),
            threads,
        )
        yield Redrive(
            ways,
            Decider(rules, drop_without_alert=drop_without_alert),
            stopped.is_set,
            lambda tally: status.update(f"{tally.redriven} letters redriven, {tally.still_bad} still bad"),
            _Telling(),
        )


def _left(run: Redrive) -> list[str]:
    """Return what is not done, each in words."""
    tally, left = run.tally, []
    if tally.missing:
        left.append(_missing(tally.missing))
    if tally.still_bad:
        left.append(f"letters that are still bad and stay in the queue: {tally.still_bad}")
    if tally.elsewhere:
        left.append(_elsewhere(tally.elsewhere))
    if run.is_cut:
        left.append(_CUT)
    return left


def _missing(ids: Iterable[str]) -> str:
    return f"not in the queue, or in the hands of another reader: {', '.join(sorted(ids))}"


def _elsewhere(letters: int) -> str:
    return (
        f"about {letters} more are hidden: another reader holds them now, or was killed in the last {HIDDEN_S} s; "
        "try again later"
    )


def _selection(reasons: list[str] | None, stage: LetterStage | None, ids: list[str] | None) -> Selection:
    from schemas.dead_letter import BROKEN_FRAME, PUBLISH_REJECTED
    from schemas.event import RejectReason
    from stream_jobs.found_letters import Selection

    known = {BROKEN_FRAME, PUBLISH_REJECTED, *RejectReason}
    if unknown := sorted(set(reasons or ()) - known):
        raise ConfigError(f"no letter has the reason {', '.join(unknown)}: there are {', '.join(sorted(known))}")
    return Selection(frozenset(ids or ()), frozenset(reasons or ()), None if stage is None else stage.value)


def _meant(queue: LetterQueue, selection: Selection, stopped: threading.Event) -> Iterator[Found]:
    left = set(selection.ids)
    for found_now in queue.rounds():
        yield from filter(selection.takes, found_now)
        left -= {found.message_id for found in found_now}
        if stopped.is_set() or (selection.ids and not left):
            return


def _listed(found: Found, payloads: Payloads, *, from_lake: bool, inline: bool) -> Listed:
    from stream_jobs.listing import listed

    if found.letter is None:
        return listed(found, found.body.encode())
    if not (from_lake if found.letter.payload_base64 is None else inline):
        return listed(found, None)
    try:
        return listed(found, payloads.of(found.letter))
    except BadRecordError as error:
        return listed(found, None, str(error))


class _Telling:
    """Tells why letters stay, of the first ones."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, found: Found, why: str) -> None:
        from schemas.terminal import printable

        self._told += 1
        if self._told <= _MOST_REASONS_TOLD:
            _tell(printable(f"stays: {found.message_id} {found.reason}: {why}"))
        elif self._told == _MOST_REASONS_TOLD + 1:
            _tell("stays: and more")


def _show(tally: Tally, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        typer.echo(msgspec.json.encode(tally).decode())
        return
    for name, value in msgspec.to_builtins(tally).items():
        if name != "missing":
            typer.echo(f"{name:<14} {value}")


def _tell(text: str) -> None:
    _errors.print(text, markup=False)
