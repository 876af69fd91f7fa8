"""The smoke test of a deployment: marked events through all of it, each accounted for, and taken back.

They happen in an hour that is kept for it (`schemas.proving`), so nobody else's event shares their partition: what is
published of them goes in one rollback of that hour. Each step is a command of the front door, against whatever the
settings name. Lines in the raw bucket and receipts stay until their bucket's rules expire them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from infra.local.front_door import FrontDoor, RunningCommand
from schemas.errors import WorkFailedError
from schemas.instants import HOUR_US, SECOND_US, format_instant_us
from schemas.lake import format_hour
from schemas.proving import END_US, FIRST_US

_POLL_S = 5
# All happens well inside of its hour.
MINUTE_US = 60 * SECOND_US
_SPAN_HOURS, _LAST_US = 0.9, 57 * MINUTE_US
_WHY = "smoke test"


@dataclass(frozen=True, slots=True)
class SmokePlan:
    """What is sent, and how long each step may take.

    Attributes:
        events: how many are sent.
        now_us: the instant; it chooses what is simulated.
        is_scheduled: the deployment's own schedule publishes the hour; else this machine does.
        alerts_s: for all alerts to reach a subscriber.
        delivery_s: for Firehose to deliver; it buffers for minutes.
        tables_s: for the hour to be published, by an hourly schedule or past a run that has the queue in hand.
    """

    events: int
    now_us: int
    is_scheduled: bool = False
    alerts_s: float = 180
    delivery_s: float = 1200
    tables_s: float = 2 * 3600


class SmokeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the events.

    Attributes:
        hour: the event hour that they happened in.
        seconds: of each step that was waited for.
        verdict: as `verify --json` has it.
        removed_facts: rows that were taken back.
    """

    hour: str
    sent: int
    alerts: int
    seconds: dict[str, float]
    verdict: dict[str, Any]
    removed_facts: int

    @property
    def faults(self) -> list[str]:
        """What is not where it belongs, and what is left; nothing of a deployment that does what it should."""
        told = [
            f"{grade['name']}: {difference['count']} {difference['kind']}"
            for grade in self.verdict["classes"]
            for difference in grade.get("differences", ())
        ]
        if self.removed_facts != self.sent:
            told.append(f"{self.sent} events were sent, and {self.removed_facts} facts taken back")
        return told


def run_smoke(plan: SmokePlan, door: FrontDoor, folder: Path, console: Console) -> SmokeReport:
    """Send events, follow them to the tables, judge them and take them back.

    Args:
        plan: what to send.
        door: commands that talk to the deployment.
        folder: where the answer key is left.
        console: is told each step.

    Raises:
        WorkFailedError: a step failed, or took too long. What was published by then is taken back.
    """
    seconds: dict[str, float] = {}
    hour_us = _free_hour(door, plan.now_us)
    hour, key = format_hour(hour_us), folder / f"smoke-{plan.now_us}.ndjson.gz"

    @contextmanager
    def step(name: str, what: str) -> Iterator[None]:
        console.print(f"[bold]{name}[/] {what}")
        began = time.monotonic()
        yield
        seconds[name] = round(time.monotonic() - began, 1)

    with door.beside("watch", "--json") as watch:
        watch.wait_until(lambda: watch.said("watching"), "watching")
        with step("send", f"{plan.events:,} events of {hour}"):
            sent = _simulate(door, plan, hour_us, key)
        try:
            with step("alerts", "to a queue of its own that subscribes to the topic"):
                purchases = sent["answer"]["purchases"]
                _wait(lambda: len(_alerted(watch, hour)) >= purchases, plan.alerts_s, "alerted")
            with step("raw", "Firehose delivers what it buffers"):
                _wait(lambda: _judged(door, key, "--only", "raw")["is_right"], plan.delivery_s, "in the raw bucket")
            with step("tables", "the deployment's schedule" if plan.is_scheduled else "compacted by this machine"):
                _wait(lambda: _publishes(door, plan, hour) >= sent["sent"], plan.tables_s, "published")
            with step("verify", "each line, row, alert and receipt"):
                verdict, alerts = _judged(door, key, "--alerts", str(watch.output)), len(_alerted(watch, hour))
        except WorkFailedError as error:
            if _take_back(door, hour, console):
                raise
            told = (
                f"the events become facts once they arrive: `clickstream rollback --hour {hour}` takes them back then"
            )
            raise WorkFailedError(f"{error}; {told}") from error
        removed = _take_back(door, hour, console)
    return SmokeReport(
        hour=hour,
        sent=sent["sent"],
        alerts=alerts,
        seconds=seconds,
        verdict=verdict,
        removed_facts=removed,
    )


def _free_hour(door: FrontDoor, now_us: int) -> int:
    """Return an hour for proving that nothing is known of: another each minute, since of a test that failed none is."""
    used = {row["hour"] for row in door.run_json("hours")["hours"]}
    every = range(FIRST_US, END_US, HOUR_US)
    for place in range(len(every)):
        hour_us = every[(now_us // MINUTE_US + place) % len(every)]
        if format_hour(hour_us) not in used:
            return hour_us
    raise WorkFailedError(f"no hour for proving is left between {format_hour(FIRST_US)} and {format_hour(END_US)}")


def _simulate(door: FrontDoor, plan: SmokePlan, hour_us: int, key: Path) -> Any:
    arguments = {
        "--events": plan.events,
        "--seed": plan.now_us % (1 << 31),
        "--hours": _SPAN_HOURS,
        "--end": format_instant_us(hour_us + _LAST_US),
        "--answer-key": key,
    }
    return door.run_json("simulate", *(str(part) for pair in arguments.items() for part in pair))


def _alerted(watch: RunningCommand, hour: str) -> set[str]:
    """Return the events of an hour that a subscriber has had an alert of; those of others come to it too."""
    watch.require_alive()
    return {alert["event_id"] for alert in watch.objects() if alert["event_timestamp"].startswith(hour)}


def _wait(is_met: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_met():
        if time.monotonic() > deadline:
            raise WorkFailedError(f"not everything was {what} within {timeout_s:g} s")
        time.sleep(min(_POLL_S, timeout_s / 10))


def _judged(door: FrontDoor, key: Path, *arguments: str) -> dict[str, Any]:
    """Return the verdict of `verify` where others may send as well, be it right or wrong."""
    told = door.run("verify", str(key), "--shared", "--json", *arguments, may_end_with={1})
    verdict: dict[str, Any] = json.loads(told.splitlines()[-1])
    return verdict


def _publishes(door: FrontDoor, plan: SmokePlan, hour: str) -> int:
    """Publish an hour where nobody else does, and return how many facts it has."""
    if not plan.is_scheduled:
        door.run_json("compact", "--hour", hour)
    return _facts(door, hour)


def _facts(door: FrontDoor, hour: str) -> int:
    rows = door.run_json("hours", "--day", hour[:10])["hours"]
    return sum(int(row["facts"]) for row in rows if row["hour"] == hour)


def _take_back(door: FrontDoor, hour: str, console: Console) -> int:
    """Take back what was published of an hour; return how many facts that were."""
    if not _facts(door, hour):
        return 0
    console.print(f"[bold]remove[/] the facts and users of {hour}")
    [back] = door.run_json("rollback", "--hour", hour, "--why", _WHY)["hours"]
    if left := _facts(door, hour):
        raise WorkFailedError(f"{left} facts of {hour} are left: run `clickstream rollback --hour {hour}`")
    return int(back["facts_before"])
