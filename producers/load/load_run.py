"""One load: its processes, what is seen meanwhile, and the report at the end.

The schedule runs by the clock alone: neither what a process does nor what is watched holds it up.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from rich.console import Console

from producers.delivery import StopFlag
from producers.faults.fault_plan import FaultPlan
from producers.faults.key_files import check_writable, duty_in_force, join_keys, part_file, this_command
from producers.faults.stream_faults import open_stream_faults
from producers.load.assessment import Report, Setup, assess
from producers.load.live_view import Scene, View
from producers.load.messages import Begin, Ended, Measured, Told
from producers.load.onlookers import AlertJob, Receipts, Watch
from producers.load.profiles import Profile, profile_of
from producers.load.timeline import Timeline, interval_s
from producers.load.workers import Worker, await_ready, plans_of
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import format_instant_us
from schemas.pricing.prices import Prices

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Between the last process's readiness and the start.
_LEAD_S = 0.2
_SHOW_EVERY_S = 0.5
# Receipts of the last purchases come after them; where none come for so long, no more are waited for.
_RECEIPTS_PATIENCE_S = 15.0


@dataclass(slots=True)
class Load:
    """A load under way.

    Attributes:
        failures: of processes, in the order in which they were told.
        spools: files that keep what could not be sent.
    """

    setup: Setup
    profile: Profile
    timeline: Timeline
    start_s: float
    failures: list[str] = field(default_factory=list)
    spools: list[str] = field(default_factory=list)

    @property
    def at_s(self) -> float:
        """How long it has been going."""
        return time.monotonic() - self.start_s


def run_load(
    setup: Setup,
    prices: Prices,
    *,
    faults: FaultPlan,
    key: Path | None,
    s3: S3Client,
    bucket: str,
    state_dir: Path,
    console: Console,
) -> tuple[Report, bool, list[str]]:
    """Run a load to its end, or until Ctrl-C, and return its report.

    Args:
        setup: what to run.
        prices: for the estimate.
        faults: what goes wrong with the stream meanwhile, by the share of the time that is over.
        key: where to write the answer key; None for none.
        s3: reads the receipts.
        bucket: where they are.
        state_dir: where the alert job has its record.
        console: where progress is shown.

    Returns:
        The report, whether Ctrl-C ended it, and the files that keep what could not be sent.

    Raises:
        ConfigError: the load cannot be, or the processes found no stream or credentials.
        WorkFailedError: the processes could not begin.
    """
    seconds = setup.minutes * 60
    profile = profile_of(setup.profile, setup.rate, seconds)
    stop = StopFlag()
    told: queue.Queue[Told] = queue.Queue()
    keys = [part_file(key, (index, setup.processes)) for index in range(setup.processes)] if key else []
    duty = None
    if key is not None:
        check_writable(key)
        duty = duty_in_force(time.time_ns() // 1000, seconds)
    workers = [Worker(plan, told) for plan in plans_of(setup, seconds, keys, duty, this_command())]
    try:
        with stop.on_interrupt():
            await_ready(told, len(workers), stop)
            start_s, start_us = time.monotonic() + _LEAD_S, time.time_ns() // 1000 + round(_LEAD_S * 1e6)
            for worker in workers:
                worker.tell(Begin(start_s=start_s, start_us=start_us))
            setup = msgspec.structs.replace(setup, started=format_instant_us(start_us))
            load = Load(setup, profile, Timeline(profile, interval_s(seconds), start_us), start_s)
            watch = Watch(load.timeline, Receipts(s3, bucket, start_us), AlertJob(state_dir), start_s)
            view = View(console)
            with watch.looking(), view.open():
                with _failing(load, faults) as reach:
                    stopped_s = _follow(load, workers, told, stop, watch, view, reach)
                _await_receipts(load, watch, stop, view)
        if key is not None and len(keys) > 1:
            try:
                join_keys(keys, key)
            except WorkFailedError as error:
                load.failures.append(str(error))
    except BaseException:
        for worker in workers:
            worker.interrupt()
        raise
    finally:
        for worker in workers:
            worker.end()
    ran_s = profile.seconds if stopped_s is None else max(0.0, min(stopped_s, profile.seconds))
    report = assess(setup, load.timeline, prices, seconds=ran_s, failure="; ".join(load.failures), notes=watch.troubles)
    return report, stop.is_set, load.spools


@contextmanager
def _failing(load: Load, faults: FaultPlan) -> Iterator[Callable[[float], None]]:
    """Give what has the stream fail when so many seconds are over; where it cannot, the load has failed."""
    with ExitStack() as stack:
        try:
            stream_faults = stack.enter_context(open_stream_faults(faults, load.profile.seconds, to_file=False))
        except WorkFailedError as error:
            load.failures.append(str(error))

        def reach(at_s: float) -> None:
            try:
                if stream_faults is not None:
                    stream_faults.reach(at_s)
            except WorkFailedError as error:
                load.failures.append(str(error))

        yield reach
        try:
            stack.close()
        except WorkFailedError as error:
            load.failures.append(str(error))


def _follow(
    load: Load,
    workers: Sequence[Worker],
    told: queue.Queue[Told],
    stop: StopFlag,
    watch: Watch,
    view: View,
    reach: Callable[[float], object],
) -> float | None:
    """Take what the processes tell until all have ended; return when that was before their time, None where never."""
    stopped_s: float | None = None
    running = len(workers)
    shown_s = 0.0
    while running:
        if stopped_s is None and (stop.is_set or load.failures):
            stopped_s = load.at_s
            for worker in workers:
                worker.ask_to_stop()
        try:
            message = told.get(timeout=_SHOW_EVERY_S)
        except queue.Empty:
            message = None
        if isinstance(message, Measured):
            load.timeline.add(message.sample)
        elif isinstance(message, Ended):
            running -= 1
            load.failures += [message.failure] if message.failure else []
            load.spools += [message.spool] if message.spool else []
        if load.at_s >= shown_s + _SHOW_EVERY_S:
            shown_s = load.at_s
            reach(load.at_s)
            watch.collect()
            notes = ["ending: sending what is held; Ctrl-C again saves it instead"] if stopped_s is not None else []
            view.show(_scene(load, watch, notes))
    return load.at_s if stopped_s is None and load.failures else stopped_s


def _await_receipts(load: Load, watch: Watch, stop: StopFlag, view: View) -> None:
    """Wait for the alerts of the last purchases, as long as such come."""
    watch.collect()
    purchases = sum(row.purchases for row in load.timeline.rows(load.profile.seconds))
    news_s = load.at_s
    while watch.alerts and watch.alerts < purchases and not stop.is_set:
        if watch.collect():
            news_s = load.at_s
        if load.at_s - news_s > _RECEIPTS_PATIENCE_S:
            return
        view.show(_scene(load, watch, ["all is sent; waiting for the last alerts"]))
        time.sleep(_SHOW_EVERY_S)


def _scene(load: Load, watch: Watch, notes: list[str]) -> Scene:
    setup, timeline = load.setup, load.timeline
    at_s = max(0.0, load.at_s)
    title = f"{setup.profile}, up to {setup.rate:,.6g} events a second, {setup.processes} processes"
    rows = timeline.rows(min(at_s, load.profile.seconds))
    return Scene(title, at_s, load.profile.seconds, rows, timeline.step_s, [*notes, *watch.troubles])


class ReportFiles(NamedTuple):
    """The two files of a report."""

    json: Path
    html: Path


def report_files(path: Path, profile: str) -> ReportFiles:
    """Return where a load's report will be, in a folder that is made where it is missing.

    Args:
        path: a folder; or a file whose name ends with .json or .html, which gets the other one beside it.
        profile: names the files in a folder, with the time.

    Raises:
        ConfigError: nothing can be written there.
    """
    if path.suffix in (".json", ".html"):
        base = path.with_suffix("")
    else:
        base = path / f"load-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{profile}"
    files = ReportFiles(base.with_name(f"{base.name}.json"), base.with_name(f"{base.name}.html"))
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write {files.html}: {error.strerror}") from error
    for file in files:
        check_writable(file)
    return files


def write_report(report: Report, page: str, files: ReportFiles) -> None:
    """Write the report as JSON, and its page.

    Raises:
        WorkFailedError: it cannot be written.
    """
    try:
        files.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
        files.html.write_text(page, encoding="utf-8")
    except OSError as error:
        raise WorkFailedError(f"the report cannot be written: {error}") from error
