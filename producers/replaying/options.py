"""What the options of a replay say, as values: instants, spans, and where a moved recording begins. Pure."""

from __future__ import annotations

from producers.replaying.replay import Span
from schemas.errors import ConfigError
from schemas.instants import SECOND_US, parse_instant_us
from schemas.lake import parse_hour

NOW = "now"
_DAY_S = 24 * 3600.0


def instant_of(text: str, option: str) -> int:
    """Return the instant that an hour such as `2026-11-24T03` or an ISO-8601 text with a zone names.

    Raises:
        ConfigError: neither of them.
    """
    for read in (parse_hour, parse_instant_us):
        try:
            return read(text)
        except (ValueError, OverflowError):
            continue
    raise ConfigError(
        f"{option} is {text!r}; give an hour such as 2026-11-24T03 (UTC) or an instant with its zone, "
        "such as 2026-11-24T03:30:00Z"
    )


def span_of(start: str | None, end: str | None) -> Span:
    """Return the span of time from the start on and before the end.

    Raises:
        ConfigError: one of them is no instant, or nothing is between them.
    """
    start_us = None if start is None else instant_of(start, "--start")
    end_us = None if end is None else instant_of(end, "--end")
    if start_us is not None and end_us is not None and start_us >= end_us:
        raise ConfigError(f"--start {start} is not before --end {end}")
    return Span(start_us, end_us)


def first_instant_of(shift_to: str | None, now_us: int) -> int | None:
    """Return when the first event is to happen, None for as recorded.

    Raises:
        ConfigError: neither `now` nor an instant.
    """
    if shift_to is None:
        return None
    return now_us if shift_to == NOW else instant_of(shift_to, "--shift-to")


def window_of(minutes: float | None) -> int | None:
    """Return the window of a sort in microseconds, None for none."""
    return None if minutes is None else round(minutes * 60 * SECOND_US)


def longest_run_s(speed: str, rate: float, limit: int | None) -> float:
    """Return how long a replay may take, about; a day where nothing says."""
    if rate and limit is not None:
        return limit / rate
    return 0 if speed == "max" and not rate else _DAY_S
