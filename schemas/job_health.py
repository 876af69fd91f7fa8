"""What the alert job puts on record about itself, and that record as one line for a person. Pure.

The job writes it every second while it lives, so that a record which is old tells of a job that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from schemas.instants import SECOND_US

# A job says something every second; Flink may keep it busy for longer, but not for so long.
STALE_AFTER_US = 30 * SECOND_US
# While it stops it waits for its savepoint, and says nothing.
STOP_STALE_AFTER_US = 120 * SECOND_US
NOT_RUNNING = "not running"
# What the job's operators call.
_FAR_SIDES = {"poll": "stream", "publish": "topic", "receipts": "bucket", "dead-letters": "queue"}
_MS_US = 1_000
# Receipts are collected for some seconds.
_LONG_MS = 10_000
_LIVING = ("starting", "running", "restarting", "stopping")


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The job's `status.json`, as far as its health is concerned.

    Attributes:
        state: `starting`, `running`, `restarting`, `stopping`, `stopped` or `failed`.
        pid: the job's process.
        updated_us: when it was written.
        restarts: how often Flink began the job anew.
        counters: counts by name, those of dead letters by reason.
        behind_ms: how far the source is behind the newest record of the stream, where it knows.
        oldest_unsettled_ms: for how long the oldest message has been under way.
        failing_for_ms: by operator, for how long its calls to its far side have been failing.
        last_failure: why Flink restarted it, where it did.
    """

    state: str
    updated_us: int
    pid: int | None = None
    restarts: int = 0
    counters: dict[str, int | dict[str, int]] = {}
    behind_ms: int | None = None
    oldest_unsettled_ms: int = 0
    failing_for_ms: dict[str, int] = {}
    last_failure: str | None = None


def is_said_to_live(record: JobRecord) -> bool:
    """Say whether a process should stand behind a record."""
    return record.state in _LIVING


def health_of(record: JobRecord | None, now_us: int, *, is_alive: bool = True) -> str:
    """Return how the job does, in one line.

    Args:
        record: what it said last; None where it never ran here.
        now_us: the instant of the question.
        is_alive: whether the process that the record names is there.
    """
    if record is None:
        return NOT_RUNNING
    silent_us = max(0, now_us - record.updated_us)
    heard = f"last heard {_duration(silent_us)} ago"
    last_failure = f"; last failure: {record.last_failure}" if record.last_failure else ""
    if not is_said_to_live(record):
        return f"{NOT_RUNNING}, {record.state}, {heard}{last_failure}"
    if not is_alive:
        return f"stale: said {record.state}, but its process is gone, {heard}{last_failure}"
    if silent_us > (STOP_STALE_AFTER_US if record.state == "stopping" else STALE_AFTER_US):
        return f"stale: said {record.state}, {heard}{last_failure}"
    return f"{record.state}, {', '.join(_figures(record))}, {heard}{_troubles(record)}{last_failure}"


def _figures(record: JobRecord) -> Iterator[str]:
    yield f"{_count(record, 'events'):,} events"
    yield f"{_count(record, 'published'):,} alerts"
    yield f"{_count(record, 'dead_letters'):,} dead letters"
    if record.behind_ms is not None:
        yield f"{_duration(record.behind_ms * _MS_US)} behind"
    yield "1 restart" if record.restarts == 1 else f"{record.restarts:,} restarts"


def _troubles(record: JobRecord) -> str:
    told = [
        f"calls to the {_FAR_SIDES.get(operator, operator)} fail for {_duration(for_ms * _MS_US)}"
        for operator, for_ms in record.failing_for_ms.items()
    ]
    if record.oldest_unsettled_ms >= _LONG_MS:
        told.append(f"the oldest message waits for {_duration(record.oldest_unsettled_ms * _MS_US)}")
    return "".join(f"; {text}" for text in told)


def _count(record: JobRecord, name: str) -> int:
    value = record.counters.get(name, 0)
    return value if isinstance(value, int) else sum(value.values())


def _duration(us: int) -> str:
    seconds = us // SECOND_US
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
