"""Recounting a closed day from the raw objects, by a way that shares nothing with how they were compacted.

Any raw object may hold events of any hour: read are those that `raw_objects` says touch the day, those that arrived in
it, and all that `raw_objects` does not know. The objects are listed and read anew, line by line; what the lines should
have become is compared with what the tables hold. Repairs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException

from batch_compaction.hours import changes_of, hours_of
from batch_compaction.lake_tables import Lake, LakeTable
from batch_compaction.plan import HELD, HourPolicy
from batch_compaction.recount import ATTESTATION, CONFLICT, FACT, REJECTED, Anomaly, Recount, partition_of, totals_of
from batch_compaction.recount_attestations import content_of
from batch_compaction.recount_events import COLUMNS
from batch_compaction.recount_objects import (
    KNOWN_COLUMNS,
    RawDay,
    RawObject,
    miscounted,
    never_read,
    objects_of,
    read,
    unreadable,
)
from batch_compaction.validation_report import (
    HourRolledBack,
    RecountedHour,
    ValidationReport,
    anomalies_table,
    audit_key,
    rolled_back,
    told,
)
from schemas import lake as layout
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import DAY_US, HOUR_US, format_instant_us
from schemas.tables import (
    ANOMALIES,
    ATTESTATIONS,
    CONFLICTS,
    FACT_CLICKS,
    HOUR_CHANGES,
    HOUR_PARTITION,
    HOURS,
    QUARANTINE,
    RAW_OBJECTS,
    Table,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BATCH_ROWS = 8192
_MAX_OPENINGS = 5
_TOLD = 20

Tables = dict[str, LakeTable]
Unpublished = Counter[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Validation:
    """What a validation is given.

    Attributes:
        day_us: the start of the day, UTC.
        now_us: the instant to judge by.
        scratch: an empty folder for what does not fit into memory.
        thorough: read every raw object, also those that `raw_objects` says do not touch the day.
        on_step: told each step as it begins, for progress.
    """

    s3: S3Client
    raw_bucket: str
    lake: Lake
    day_us: int
    now_us: int
    scratch: Path
    thorough: bool
    on_step: Callable[[str], None]

    @property
    def hours(self) -> range:
        """The hours of the day."""
        return range(self.day_us, self.day_us + DAY_US, HOUR_US)


def validate(run: Validation) -> tuple[ValidationReport, list[Anomaly]]:
    """Return the report of a day and what is wrong with it.

    Raises:
        ConfigError: the day is not over yet.
        WorkFailedError: runs kept publishing in between, so that tables and raw objects belong to different moments.
    """
    if not HourPolicy(run.now_us).is_closed(run.hours[-1]):
        raise ConfigError("the day is not closed yet: its last hour closes 20 minutes after its end")
    tables = _opened(run)
    run.on_step("find raw objects")
    day = RawDay(run.s3, run.raw_bucket, run.hours, run.thorough)
    known = tables.get(RAW_OBJECTS.name)
    objects = objects_of(day, _rows(known, None, KNOWN_COLUMNS) if known else ())
    recount = Recount(run.scratch / "recount.sqlite", objects)
    try:
        read_back = _read_objects(run, day, objects.values(), recount)
        run.on_step("read the tables")
        _add_tables(run, tables, recount, read_back.as_given)
        run.on_step("compare")
        back = _rolled_back(run, tables, read_back.unpublished)
        anomalies = [*read_back.anomalies, *_waiting(read_back.unpublished, back), *recount.compare(run.hours)]
        hours = [_hour(recount, hour, read_back.unpublished) for hour in run.hours]
    finally:
        recount.close()
    report = ValidationReport(
        day=layout.format_hour(run.day_us)[:10],
        validated_at=format_instant_us(run.now_us),
        objects=sum(item.etag is not None for item in objects.values()),
        waiting=read_back.waiting,
        without_events=read_back.without_events[:_TOLD],
        hours=[hour for hour in hours if not hour.is_empty],
        rolled_back=back,
        anomalies=totals_of(anomalies),
        examples=[told(anomaly) for anomaly in anomalies[:_TOLD]],
    )
    return report, anomalies


def publish(run: Validation, report: ValidationReport, anomalies: Iterable[Anomaly]) -> str:
    """Make the day's rows of `anomalies` those of the report, keep it as an audit object, and return that one's key.

    Raises:
        WorkFailedError: validations of other days kept coming first.
    """
    rows = anomalies_table(anomalies, run.day_us, run.now_us)
    for _ in range(_MAX_OPENINGS):
        with suppress(CommitFailedException):
            run.lake.open(ANOMALIES).replace(
                {partition_of(run.day_us)[:3]: rows}, {"clickstream.validated": report.day}
            )
            break
    else:
        raise WorkFailedError("other validations committed first: validate again when they are over")
    key = audit_key(run.day_us, report.validated_at)
    run.s3.put_object(Bucket=run.lake.bucket, Key=key, Body=msgspec.json.encode(report), ContentType="application/json")
    return key


def _opened(run: Validation) -> Tables:
    """Return the tables at one moment: runs commit `raw_objects` last, so it must not have moved meanwhile."""
    names = [
        table.name for table in (RAW_OBJECTS, FACT_CLICKS, CONFLICTS, QUARANTINE, ATTESTATIONS, HOURS, HOUR_CHANGES)
    ]
    for _ in range(_MAX_OPENINGS):
        before, tables, after = (run.lake.find(wanted) for wanted in ([names[0]], names, [names[0]]))
        snapshots = {
            table.iceberg.metadata.current_snapshot_id
            for found in (before, tables, after)
            for table in _raw_objects(found)
        }
        if len(snapshots) <= 1:
            return tables
    raise WorkFailedError("runs publish all the time: validate again when none is under way")


def _raw_objects(tables: Tables) -> Iterable[LakeTable]:
    return [table for name, table in tables.items() if name == RAW_OBJECTS.name]


@dataclass(frozen=True, slots=True)
class _ReadBack:
    """What reading the raw objects of a day came to.

    Attributes:
        unpublished: event hour and state -> lines that are not said to be published.
        as_given: objects whose lines are not recounted; what the tables hold of them is taken as it is.
        waiting: objects that the next run will read.
        without_events: objects that no run has read, and that hold no event: other files than events, most likely.
    """

    anomalies: list[Anomaly]
    unpublished: Unpublished
    as_given: set[str]
    waiting: int
    without_events: list[str]


def _read_objects(run: Validation, day: RawDay, objects: Iterable[RawObject], recount: Recount) -> _ReadBack:
    found: list[Anomaly] = []
    without_events: list[str] = []
    unpublished, as_given, waiting = Unpublished(), set[str](), 0
    for item in objects:
        if not item.is_readable:
            found.append(unreadable(item))
            as_given.add(item.key)
            continue
        run.on_step(f"read {item.key}")
        read(day, item, recount, unpublished)
        if item.known is not None:
            found += miscounted(item)
        elif anomaly := never_read(day, item):
            if not HourPolicy(run.now_us).is_closed(item.arrival_hour_us):
                as_given.add(item.key)  # a run that is under way may have published its facts
                waiting += 1
            elif item.accepted or item.others[ATTESTATION]:
                found.append(anomaly)
            else:
                without_events.append(item.key)
    return _ReadBack(found, unpublished, as_given, waiting, without_events)


def _rolled_back(run: Validation, tables: Tables, unpublished: Unpublished) -> list[HourRolledBack]:
    """Return the hours of the day that are rolled back."""
    if HOURS.name not in tables:
        return []
    rows, changes = (tables[table.name].rows([partition_of(run.day_us)[:3]]) for table in (HOURS, HOUR_CHANGES))
    held = {hour_us: count for (hour_us, state), count in unpublished.items() if state == HELD}
    return rolled_back(hours_of(rows).values(), changes_of(changes), held)


def _waiting(unpublished: Unpublished, back: Iterable[HourRolledBack]) -> Iterator[Anomaly]:
    """Yield the hours whose lines wait, but for lines that are held because the hour was rolled back."""
    rolled_back_us = {layout.parse_hour(hour.hour) for hour in back}
    waiting = Counter[int]()
    for (hour_us, state), count in unpublished.items():
        if state != HELD or hour_us not in rolled_back_us:
            waiting[hour_us] += count
    for hour_us, count in sorted(waiting.items()):
        yield Anomaly(
            "lines_unpublished", hour_us, None, None, None, f"{count} lines in the tables", "they wait", count
        )


def _add_tables(run: Validation, tables: Tables, recount: Recount, as_given: Collection[str]) -> None:
    """Take the rows of the day; those of objects that cannot be read again are their own proof."""
    columns = [*COLUMNS, *HOUR_PARTITION, "source_object", "source_line"]
    for kind, table in ((FACT, FACT_CLICKS), (CONFLICT, CONFLICTS)):
        for hour_us, row in _rows_by_hour(run, tables, table, columns):
            event = {name: row[name] for name in COLUMNS} | {"metadata": dict(row["metadata"])}
            key, line = row["source_object"], row["source_line"]
            recount.add_held(kind, hour_us, event, key, line, [row[name] for name in HOUR_PARTITION])
            if key in as_given:
                recount.add_line(hour_us, event, key, line)
    columns = ["source_object", "source_line", "reason", "raw_bytes"]
    for hour_us, row in _rows_by_hour(run, tables, QUARANTINE, columns):
        key, line = row["source_object"], row["source_line"]
        if key not in as_given:
            recount.add_held_other(REJECTED, hour_us, key, line, row["reason"], row["raw_bytes"])
    columns = [name for name in ATTESTATIONS.schema.names if name not in HOUR_PARTITION]
    for hour_us, row in _rows_by_hour(run, tables, ATTESTATIONS, columns):
        key, line = row.pop("source_object"), row.pop("source_line")
        if key not in as_given:
            recount.add_held_other(ATTESTATION, hour_us, key, line, ATTESTATION, content_of(row))


def _rows_by_hour(
    run: Validation, tables: Tables, table: Table, columns: list[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    if table.name in tables:
        for hour_us in run.hours:
            for row in _rows(tables[table.name], [partition_of(hour_us)], columns):
                yield hour_us, row


def _rows(table: LakeTable, partitions: list[tuple[int, ...]] | None, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Yield rows; instants of the event in microseconds."""
    for batch in table.dataset(partitions).to_batches(columns=columns, batch_size=_BATCH_ROWS):
        arrays = [
            array.cast(pa.int64()) if name == "event_timestamp" else array
            for name, array in zip(columns, batch.columns, strict=True)
        ]
        yield from pa.RecordBatch.from_arrays(arrays, columns).to_pylist()


def _hour(recount: Recount, hour_us: int, unpublished: Unpublished) -> RecountedHour:
    counts = Counter(recount.counts(hour_us))
    return RecountedHour(
        hour=layout.format_hour(hour_us),
        lines=counts["lines"],
        expected_facts=counts["facts_expected"],
        facts=counts["facts_held"],
        duplicates=counts["lines"] - counts["facts_expected"] - counts["conflicts_expected"],
        expected_conflicts=counts["conflicts_expected"],
        conflicts=counts["conflicts_held"],
        unpublished=sum(count for (hour, _), count in unpublished.items() if hour == hour_us),
        quarantined=recount.others_by_reason(REJECTED, hour_us),
        attestations=sum(recount.others_by_reason(ATTESTATION, hour_us).values()),
    )
