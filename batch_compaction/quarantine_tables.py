"""The quarantine as it is published: counts, lines, and one line beside what S3 holds of it. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
from botocore.exceptions import ClientError

from batch_compaction import quarantine
from batch_compaction.lake_tables import Lake, LakeTable
from batch_compaction.quarantine import KEY_COLUMNS, Resolved, Selection
from batch_compaction.quarantine_objects import stored_bytes
from batch_compaction.quarantine_repair import QuarantinedLine
from batch_compaction.quarantine_report import ListedLine, ReasonCount, listed, reason_counts, shown
from schemas.lake import Partition, format_hour, hour_of_key, hour_of_partition, partition_of_hour
from schemas.tables import HOUR_PARTITION, QUARANTINE, QUARANTINE_RESOLUTIONS
from schemas.terminal import printable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_IS_GONE = {"NoSuchKey", "NoSuchBucket"}
_MOST_SHOWN = 64 * 1024


@dataclass(frozen=True, slots=True)
class QuarantineTables:
    """The two tables, each as of one snapshot, or None where nothing was ever published in it."""

    quarantined: LakeTable | None
    resolutions: LakeTable | None

    @classmethod
    def find(cls, lake: Lake) -> Self:
        """Return the tables as they are now; makes none."""
        tables = lake.find((QUARANTINE.name, QUARANTINE_RESOLUTIONS.name))
        return cls(tables.get(QUARANTINE.name), tables.get(QUARANTINE_RESOLUTIONS.name))

    def hours(self, selection: Selection) -> list[Partition]:
        """Return the arrival hours that hold rows and are meant, in order."""
        return selection.hours_of(self.quarantined.partitions if self.quarantined else ())

    def marks(self, hour: Partition) -> pa.Table:
        """Return the resolutions of an arrival hour."""
        return self.resolutions.rows([hour]) if self.resolutions else QUARANTINE_RESOLUTIONS.schema.empty_table()

    def resolved(self, hour: Partition) -> Resolved:
        """Return which lines of an arrival hour are resolved."""
        if self.resolutions is None:
            return Resolved(QUARANTINE_RESOLUTIONS.schema.empty_table())
        return Resolved(self.resolutions.dataset([hour]).to_table(columns=[*KEY_COLUMNS, "resolution"]))

    def lines(
        self, hour: Partition, selection: Selection, resolved: Resolved
    ) -> Iterator[tuple[QuarantinedLine, str | None]]:
        """Yield the lines of an arrival hour and what became of each, in order."""
        if self.quarantined is not None:
            yield from quarantine.lines(self.quarantined.dataset([hour]), selection, resolved, hour_of_partition(hour))

    def unresolved(self, hour: Partition, resolved: Resolved) -> Iterator[QuarantinedLine]:
        """Yield those lines of an arrival hour that are not among the given ones."""
        return (line for line, resolution in self.lines(hour, Selection(), resolved) if resolution is None)

    def counts(self, selection: Selection, on_step: Callable[[str], None]) -> list[ReasonCount]:
        """Return the counts by arrival hour and reason."""
        counts: list[ReasonCount] = []
        for hour in self.hours(selection):
            on_step(name := format_hour(hour_of_partition(hour)))
            if self.quarantined is not None:
                rows = self.quarantined.dataset([hour])
                counts += reason_counts(name, quarantine.count(rows, selection, self.resolved(hour)))
        return counts

    def first_lines(self, selection: Selection, limit: int, *, only_unresolved: bool) -> list[ListedLine]:
        """Return so many lines at most, in the order of hour, object and line."""
        found = (
            listed(line, resolution)
            for hour in self.hours(selection)
            for line, resolution in self.lines(hour, selection, self.resolved(hour))
            if resolution is None or not only_unresolved
        )
        return list(islice(found, limit))

    def find_line(self, s3: S3Client, bucket: str, key: str, number: int) -> dict[str, Any] | None:
        """Return all that is known of a line, for a person, and whether S3 still holds it so; None for no such line."""
        if self.quarantined is None:
            return None
        arrival_us = hour_of_key(key)
        hours: list[Partition] | None = None if arrival_us is None else [partition_of_hour(arrival_us)]
        row = _row(self.quarantined, hours, key, number)
        if row is None:
            return None
        data = row.pop("raw_bytes")
        hour = tuple(row.pop(name) for name in HOUR_PARTITION)
        mark = None if self.resolutions is None else _row(self.resolutions, [hour], key, number)
        resolution = {"resolution": "unresolved"} if mark is None else mark
        told = {
            **row,
            "arrival_hour": format_hour(hour_of_partition(hour)),
            **{name: value for name, value in resolution.items() if name not in (*HOUR_PARTITION, *KEY_COLUMNS)},
            "size_bytes": len(data),
            "line": shown(data, _MOST_SHOWN),
            "stored": _stored(s3, bucket, key, row["byte_offset"], data),
        }
        return {name: printable(value) if isinstance(value, str) else value for name, value in told.items()}


def _row(table: LakeTable, hours: list[Partition] | None, key: str, number: int) -> dict[str, Any] | None:
    is_it = (pc.field("source_object") == key) & (pc.field("source_line") == number)
    rows = quarantine.batches(table.dataset(hours), table.definition.schema.names, is_it)
    found: list[dict[str, Any]] = [row for batch in rows for row in batch.to_pylist()]
    return found[0] if found else None


def _stored(s3: S3Client, bucket: str, key: str, offset: int, data: bytes) -> str:
    """Return how the line in the raw object compares with the row."""
    try:
        stored = stored_bytes(s3, bucket, key, offset, len(data))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _IS_GONE:
            raise
        return "the raw object is gone"
    # A newline inside of an element of an array was read as the other line break.
    if data in (stored, stored.replace(b"\n", b"\r")):
        return "as it was read"
    return f"not as it was read: {shown(stored)}"
