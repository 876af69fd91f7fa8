"""A replay: recordings one after the other, cut to a span, sorted, moved in time, and repeated, as one run of lines.

Pure. The same recordings by the same plan give the same lines in the same order, so a run that was cut off can go on
after any number of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from producers.lines import Line
from producers.position import BEGAN, texts_of
from producers.replaying.conversion import RowCounts
from producers.replaying.judging import Judge
from producers.replaying.passes import passes_of
from producers.replaying.sequencing import sorted_within, within
from schemas.instants import format_instant_us


class Recording(Protocol):
    """One file, object, or hour, that can be read again and again."""

    @property
    def name(self) -> str:
        """What to call it in errors."""
        ...

    @property
    def identity(self) -> str:
        """Text that is another once the content is."""
        ...

    @property
    def is_within_by_arrival(self) -> bool:
        """Whether the span has chosen it as a whole."""
        ...

    def faults(self) -> list[str]:
        """Return what is wrong with its beginning."""
        ...

    def lines(self, judge: Judge, counts: RowCounts) -> Iterator[Line]:
        """Yield what is sent of it; raise WorkFailedError after what is whole."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time: its first instant and the first one after it; None for no bound."""

    start_us: int | None = None
    end_us: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with the lines of a recording.

    Attributes:
        now_us: when they are sent, about: events that happened long after it are none.
        span: which are sent, by when they happened.
        window_us: how far out of order they may be to be sorted; None for as recorded.
        passes: how often they are sent; None for again and again.
        first_us: when the first event is to happen; None for as recorded.
        limit: how many lines are sent at most, over all passes; None for no limit.
    """

    now_us: int
    span: Span = Span()
    window_us: int | None = None
    passes: int | None = 1
    first_us: int | None = None
    limit: int | None = None


def fingerprint_of(recordings: Sequence[Recording], mapping_digest: str, plan: Plan) -> dict[str, str]:
    """Return what decides which lines a replay sends, as texts by name."""
    identities = "\n".join(recording.identity for recording in recordings)
    return {
        BEGAN: format_instant_us(plan.now_us),
        "recordings": f"{len(recordings)} with digest {hashlib.sha256(identities.encode()).hexdigest()[:16]}",
        "mapping": mapping_digest,
        **texts_of(plan),
    }


def replayed(recordings: Sequence[Recording], plan: Plan, counts: RowCounts) -> Iterator[Line]:
    """Yield the lines of recordings.

    Raises:
        WorkFailedError: one of them is damaged; all lines before the damage were yielded.
    """
    judge = Judge(plan.now_us)

    def one_pass() -> Iterator[Line]:
        lines = _chosen(recordings, plan.span, judge, counts)
        return lines if plan.window_us is None else sorted_within(lines, plan.window_us, counts)

    return islice(passes_of(one_pass, plan.passes, plan.first_us), plan.limit)


def _chosen(recordings: Sequence[Recording], span: Span, judge: Judge, counts: RowCounts) -> Iterator[Line]:
    for recording in recordings:
        lines = recording.lines(judge, counts)
        is_whole = span == Span() or recording.is_within_by_arrival
        yield from lines if is_whole else within(lines, span.start_us, span.end_us, counts)
