"""The wall clock of the job's shell; pure modules are handed it."""

from __future__ import annotations

import time


def now_us() -> int:
    """Return the instant, in microseconds since the epoch."""
    return time.time_ns() // 1000


def now_ms() -> int:
    """Return the instant, in milliseconds since the epoch, as Flink counts processing time."""
    return time.time_ns() // 1_000_000
