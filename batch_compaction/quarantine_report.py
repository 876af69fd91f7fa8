"""The quarantine as it is shown: counts and lines, and what rules make of them, counted and by samples.

Pure. Bytes from outside are shown as text only where they are text, and what is not printable in it as its escape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from batch_compaction.quarantine import DISMISSED, REPAIRED
from batch_compaction.quarantine_repair import Fate, Judgement, QuarantinedLine
from schemas.lake import format_hour
from schemas.terminal import printable

SAMPLES = 3
_MOST_SHOWN = 400
_MOST_LISTED = 120


class ReasonCount(msgspec.Struct, frozen=True):
    """Quarantined lines of an arrival hour: lines = repaired + dismissed + unresolved."""

    hour: str
    reason: str
    lines: int
    repaired: int
    dismissed: int
    unresolved: int


class ListedLine(msgspec.Struct, frozen=True):
    """One quarantined line; `resolution` is null where it has none."""

    hour: str
    source_object: str
    source_line: int
    reason: str
    detail: str
    resolution: str | None
    first_seen_run: str
    size_bytes: int
    shown: str


class Sample(msgspec.Struct, frozen=True):
    """A line as it was, and as it would be read or why it still cannot be."""

    source_object: str
    source_line: int
    before: str
    after: str


class Group(msgspec.Struct):
    """Lines that met the same fate.

    Attributes:
        rule: the number of the rule in its file, from 1; None where none took them.
        reason: why they are quarantined.
        still: for lines that fail, the reason after the repair.
    """

    fate: Fate
    rule: int | None
    reason: str
    still: str | None
    lines: int = 0
    samples: list[Sample] = []


class Tally:
    """Counts judgements by what decided them."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, int, str, str], Group] = {}

    def add(self, line: QuarantinedLine, judgement: Judgement) -> None:
        """Count one line; the first ones of their kind are kept as samples."""
        rule = None if judgement.rule is None else judgement.rule + 1
        still = None if judgement.rejection is None else judgement.rejection.reason.value
        key = (judgement.fate.value, rule or 0, line.reason, still or "")
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(judgement.fate, rule, line.reason, still, samples=[])
        group.lines += 1
        if len(group.samples) < SAMPLES:
            group.samples.append(_sample(line, judgement))

    def lines(self, fate: Fate) -> int:
        """Return how many lines met a fate."""
        return sum(group.lines for group in self._groups.values() if group.fate is fate)

    def groups(self) -> list[Group]:
        """Return the groups by fate, rule and reason."""
        order = list(Fate)
        return sorted(
            self._groups.values(),
            key=lambda group: (order.index(group.fate), group.rule or 0, group.reason, group.still or ""),
        )


class RepairReport(msgspec.Struct, frozen=True):
    """What rules make of the lines that are not resolved yet: their sum is the four counts.

    Attributes:
        adopted: lines marked because an earlier replay, which died, had written them already.
        objects: keys of the raw objects that hold repaired lines and were written by this replay.
    """

    rules_digest: str
    passes: int
    fails: int
    dismissed: int
    untaken: int
    groups: list[Group]
    adopted: int = 0
    objects: Sequence[str] = ()


def reason_counts(hour: str, counted: Mapping[tuple[str, str | None], int]) -> list[ReasonCount]:
    """Return the counts of an hour by reason, of (reason, what became of it) -> lines."""
    counts = []
    for reason in sorted({reason for reason, _ in counted}):
        repaired, dismissed, unresolved = (counted.get((reason, state), 0) for state in (REPAIRED, DISMISSED, None))
        counts.append(
            ReasonCount(hour, reason, repaired + dismissed + unresolved, repaired, dismissed, unresolved),
        )
    return counts


def listed(line: QuarantinedLine, resolution: str | None) -> ListedLine:
    """Return a line as listed."""
    return ListedLine(
        format_hour(line.arrival_hour_us),
        line.origin.object,
        line.origin.line,
        line.reason,
        line.detail,
        resolution,
        line.first_seen_run,
        len(line.data),
        shown(line.data, _MOST_LISTED),
    )


def report_of(digest: str, tally: Tally, adopted: int = 0, objects: Sequence[str] = ()) -> RepairReport:
    """Return the report of a preview or a replay."""
    return RepairReport(
        rules_digest=digest,
        passes=tally.lines(Fate.PASSES),
        fails=tally.lines(Fate.FAILS),
        dismissed=tally.lines(Fate.DISMISSED),
        untaken=tally.lines(Fate.UNTAKEN),
        groups=tally.groups(),
        adopted=adopted,
        objects=objects,
    )


def shown(data: bytes, most: int = _MOST_SHOWN) -> str:
    """Return the beginning of some bytes for a person: text where they are UTF-8, else `hex:` and their digits."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"hex:{data[:most].hex()}{'…' if len(data) > most else ''}"
    return printable(text[:most]) + ("…" if len(text) > most else "")


def _sample(line: QuarantinedLine, judgement: Judgement) -> Sample:
    after = shown(judgement.data)
    if judgement.rejection is not None:
        after = f"{judgement.rejection.reason}: {printable(judgement.rejection.detail)}"
    return Sample(line.origin.object, line.origin.line, shown(line.data), after)
