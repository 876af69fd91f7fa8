"""Which files of the facts came since a mark, and the mark that says so.

Every snapshot of an Iceberg table has a number of its sequence, and so has every file: that of the snapshot which
brought it. `hour_changes` tells by the same number what happened to an hour; the files say it themselves, also where a
run died before it could write that table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.dataset as ds
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table.snapshots import Snapshot

from batch_compaction.lake_tables import LakeTable
from schemas.lake import Partition
from schemas.tables import FACT_CLICKS, HOUR_PARTITION

# The property of the derived table.
MARK = "clickstream.enriched-through"


@dataclass(frozen=True, slots=True)
class FactsMark:
    """Up to where the facts were looked at.

    Attributes:
        table: the identity of the table, which a table of that name made anew does not have.
        sequence: the number of the newest snapshot that was looked at; 0 for none.
    """

    table: str
    sequence: int

    def __str__(self) -> str:
        """Return the mark as a property holds it."""
        return f"{self.table}:{self.sequence}"


@dataclass(frozen=True, slots=True)
class NewFacts:
    """What is to be looked at.

    Attributes:
        hours: the partitions of which files came.
        rows: those of these files.
        mark: what the derived table is to carry once they were looked at; None where there is no table of facts.
    """

    hours: frozenset[Partition]
    rows: ds.Dataset
    mark: FactsMark | None


def mark_of(text: str | None) -> FactsMark | None:
    """Return the mark that a property holds; None for one that is missing or is not ours."""
    table, colon, sequence = (text or "").rpartition(":")
    return FactsMark(table, int(sequence)) if colon and sequence.isdecimal() else None


def new_facts(facts: LakeTable | None, since: FactsMark | None) -> NewFacts:
    """Return what came after a mark, as of the current snapshot; everything where the mark is of another table."""
    if facts is None:
        return NewFacts(frozenset(), ds.dataset(FACT_CLICKS.schema.empty_table()), None)
    identity, snapshot = str(facts.iceberg.metadata.table_uuid), facts.iceberg.current_snapshot()
    after = since.sequence if since and since.table == identity else 0
    files = [] if snapshot is None else list(_files_after(after, snapshot, facts.iceberg.io))
    hours = frozenset(tuple(file.partition[index] for index in range(len(HOUR_PARTITION))) for file in files)
    rows = facts.dataset_of(sorted(file.file_path for file in files))
    return NewFacts(hours, rows, FactsMark(identity, (snapshot.sequence_number or 0) if snapshot else 0))


def _files_after(sequence: int, snapshot: Snapshot, io: FileIO) -> Iterator[DataFile]:
    for manifest in snapshot.manifests(io):
        # None of its files is newer than a manifest itself.
        if manifest.sequence_number > sequence:
            for entry in manifest.fetch_manifest_entry(io, discard_deleted=True):
                if (entry.sequence_number or 0) > sequence:
                    yield entry.data_file
