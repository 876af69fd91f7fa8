"""All that is known of a merged hour when it is judged.

What several checks need is computed once, when the first of them asks. Rows are scanned by columns and batches; what
stays is eight bytes for each fact, in a file of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from batch_compaction.arrays import Hashes
from batch_compaction.id_hashes import in_several, mapped, sorted_hashes
from batch_compaction.lean_scan import LEAN, connection, lean
from batch_compaction.limits import QualityLimits


@dataclass(frozen=True, slots=True)
class Source:
    """A raw object of the run that gave lines of the hour.

    Attributes:
        arrival_hour_us: the hour its folder names.
        lines: physical lines: accepted + quarantined + attestations + blank.
        accepted_of_hour: accepted lines of the judged hour that went into its merge.
    """

    key: str
    arrival_hour_us: int
    lines: int
    accepted: int
    quarantined: int
    attestations: int
    blank: int
    accepted_of_hour: int


@dataclass(frozen=True)
class HoursOfRun:
    """The hours that are judged together, in time order."""

    audits: Sequence[HourAudit] = ()

    @cached_property
    def ids_in_several(self) -> Hashes:
        """The hashes of event ids that may stand in the facts of more than one hour."""
        return in_several([audit.fact_ids for audit in self.audits])

    def between(self, from_us: int, before_us: int) -> list[HourAudit]:
        """Return the hours that begin at an instant or after it, and before another one."""
        return [audit for audit in self.audits if from_us <= audit.hour_us < before_us]


@dataclass(frozen=True)
class HourAudit:
    """A merged hour, what it was merged from, and what it is judged by.

    Attributes:
        facts: the facts as they would be published.
        conflicts: likewise.
        lines: the lines that came in for the hour; of their columns `click_id` is read.
        facts_before: the facts that the hour held.
        conflicts_before: likewise.
        users: the sorted hashes of `dim_users.user_id` as it would be published, by `sorted_hashes`.
        earlier_facts: the published facts of the hours before it, within the look-back; of their columns `click_id` is
            read.
        new_lines: lines that the merge counts as new.
        duplicates: new lines that the merge counts as neither a fact nor a conflict.
        sources: the raw objects of the run that hold lines of the hour.
        earlier_days: the number of facts of the same hour on earlier days, where it was published.
        of_run: the hours that would be published with it.
        kept_in: a file for what stays known until all hours are judged; without it that stays in memory.
    """

    hour_us: int
    facts: ds.Dataset
    conflicts: ds.Dataset
    lines: ds.Dataset
    facts_before: ds.Dataset
    conflicts_before: ds.Dataset
    users: Hashes
    earlier_facts: ds.Dataset
    new_lines: int
    duplicates: int
    sources: Sequence[Source]
    earlier_days: Sequence[int]
    limits: QualityLimits = field(default_factory=QualityLimits)
    of_run: HoursOfRun = field(default_factory=HoursOfRun, repr=False)
    kept_in: Path | None = None

    @cached_property
    def fact_ids(self) -> Hashes:
        """A hash for the id of every fact, sorted."""
        hashes = sorted_hashes("click_id", self.facts)
        return hashes if self.kept_in is None else mapped(hashes, self.kept_in)

    @cached_property
    def lines_held_twice(self) -> int:
        """Lines that stand in the facts and in the conflicts before, as a run that died may have left them."""
        if not self.conflicts_before.count_rows():
            return 0
        columns = ["source_object", "source_line"]
        conflicts = self.conflicts_before.to_table(columns=["click_id", *columns])
        ids = pc.field("click_id").isin(conflicts["click_id"].unique())
        facts = self.facts_before.to_table(columns=columns, filter=ids)
        both = facts.join(conflicts.select(columns), columns, join_type="inner")
        return len(both)


def schemas_of(dataset: ds.Dataset) -> list[pa.Schema]:
    """Return the schema of each file as it lies there, whatever it is read as; that of the dataset where none does."""
    files = [one for one in dataset.get_fragments() if isinstance(one, ds.ParquetFileFragment)]
    return [file.physical_schema for file in files] or [dataset.schema]


def bounds_of(dataset: ds.Dataset, columns: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Return column -> its smallest and largest value, from the statistics of a file where they say it.

    A column without any value is not there.
    """
    found: dict[str, list[Any]] = {}
    for fragment in dataset.get_fragments():
        for column, bounds in _stated(fragment, columns) or _scanned(fragment, columns):
            found.setdefault(column, []).extend(value for value in bounds.values() if value is not None)
    return {column: (min(values), max(values)) for column, values in found.items() if values}


def _stated(fragment: ds.Fragment, columns: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(fragment, ds.ParquetFileFragment):
        return []
    groups = [group.statistics for group in fragment.row_groups if group.num_rows]
    is_complete = all(column in group for group in groups for column in columns)
    return [(column, group[column]) for group in groups for column in columns] if is_complete else []


def _scanned(fragment: ds.Fragment, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for batch in fragment.to_batches(columns=list(columns), **LEAN):
        for column in columns if len(batch) else ():
            yield column, pc.min_max(batch.column(column)).as_py()


def nulls_of(dataset: ds.Dataset, column: str) -> int:
    """Return how many values of a column are null; a file whose schema rules nulls out is not read for it."""
    count = 0
    for fragment in dataset.get_fragments():
        if isinstance(fragment, ds.ParquetFileFragment) and not fragment.physical_schema.field(column).nullable:
            continue
        count += sum(batch.column(0).null_count for batch in fragment.to_batches(columns=[column], **LEAN))
    return count


def instants_of(dataset: ds.Dataset, column: str) -> tuple[int, int] | None:
    """Return the earliest and the latest instant of a timestamp column, in microseconds; None where there is none."""
    if not dataset.count_rows():
        return None
    query = f"SELECT epoch_us(min({column})), epoch_us(max({column})) FROM source"  # noqa: S608 - a name of ours
    with connection(source=lean(dataset, [column])) as opened:
        [(earliest, latest)] = opened.execute(query).fetchall()
    return None if earliest is None else (earliest, latest)
