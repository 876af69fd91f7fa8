"""What a subscriber has seen, in figures: bounded, however long it watches.

Counts are exact. Latencies are quantiles to one percent. Whether an alert was seen before is known of the latest ones
only: repeats come within minutes, after a crash or a call that broke off, and ids kept for ever would be a leak.
"""

from __future__ import annotations

import hashlib

import msgspec

from stream_jobs.quantiles import Quantiles

# At 100 alerts a second a quarter of an hour; 25 MB at most.
REMEMBERED = 100_000
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles in milliseconds; none where nothing was seen."""

    p50: float | None
    p95: float | None
    p99: float | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen.

    Attributes:
        alerts: how many.
        distinct: how many of them were not among the latest `REMEMBERED` alerts before them.
        maybe_repeat: how many said that they may be a repeat.
        latency_ms: from the stream's arrival to the receipt.
    """

    alerts: int
    distinct: int
    maybe_repeat: int
    latency_ms: Latencies


class Recent:
    """Remembers the latest texts, by digest: at least as many as it is told, and at most twice that.

    Args:
        at_least: how many different ones it remembers.
    """

    def __init__(self, at_least: int) -> None:
        self._at_least = at_least
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()

    def add(self, text: str) -> bool:
        """Remember a text, and say whether it was not remembered."""
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        is_known = digest in self._new or digest in self._old
        self._new.add(digest)
        if len(self._new) > self._at_least:
            self._old, self._new = self._new, set()
        return not is_known


class Figures:
    """The figures of one watching.

    Args:
        remembered: of how many alerts it is known whether they were seen.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._recent = Recent(remembered)
        self._latencies = Quantiles()
        self._distinct = 0
        self._maybe_repeat = 0

    def add(self, rule: str, event_id: str, latency_ms: float, *, maybe_repeat: bool) -> None:
        """Take an alert in."""
        self._distinct += self._recent.add(f"{rule}\n{event_id}")
        self._maybe_repeat += maybe_repeat
        self._latencies.add(latency_ms)

    def summary(self) -> Summary:
        """Return what was seen so far."""
        found = {name: self._latencies.quantile(share) for name, share in _SHARES.items()}
        quantiles = {name: None if latency is None else round(latency, 1) for name, latency in found.items()}
        return Summary(
            alerts=self._latencies.count,
            distinct=self._distinct,
            maybe_repeat=self._maybe_repeat,
            latency_ms=Latencies(**quantiles),
        )
