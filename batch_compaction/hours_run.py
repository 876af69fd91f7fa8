"""What a run says of its hours: what it changes in each, and where each stands afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from batch_compaction.bookkeeping import last_arrivals
from batch_compaction.hour_merge import MergedHour
from batch_compaction.hours import Change, HourRow, Version, change_of, hour_row
from batch_compaction.hours_log import HourLog
from batch_compaction.intake import ReadObject
from batch_compaction.quarantine_objects import REPAIRED_PREFIX
from schemas.lake import Partition, partition_of_hour

Files = Mapping[Partition, str | None]


def changes_by(
    log: HourLog, merged: Sequence[MergedHour], facts: Files, conflicts: Files, read: Sequence[ReadObject]
) -> dict[int, Change]:
    """Return hour -> what publishing it changes, for those of the merged hours that change.

    Args:
        log: before the run.
        merged: the hours to publish.
        facts: the addresses of their files of facts.
        conflicts: the addresses of their files of conflicts.
        read: what the run read.
    """
    came, repaired = Counter[int](), Counter[int]()
    for item in read:
        came.update(item.merged)
        if item.raw.key.startswith(REPAIRED_PREFIX):
            repaired.update(item.merged)
    history = log.history(hour.hour_us for hour in merged)
    changes = {}
    for hour in merged:
        at = partition_of_hour(hour.hour_us)
        version = Version(_name(facts[at]), _name(conflicts[at]))
        change = change_of(history[hour.hour_us], version, hour, repaired[hour.hour_us] / max(came[hour.hour_us], 1))
        if change is not None:
            changes[hour.hour_us] = change
    return changes


def rows_after(
    log: HourLog,
    read: Iterable[ReadObject],
    waiting: Mapping[int, int],
    faults: Mapping[int, Collection[str]],
    *,
    run_id: str,
    published_through_us: int,
) -> list[HourRow]:
    """Return the rows of the hours that lines were read of, once the facts are committed.

    Args:
        log: beside the facts as they are committed.
        read: what the run read.
        waiting: hour -> its lines that are not published.
        faults: hour that was judged -> what holds it back.
        run_id: the run.
        published_through_us: the watermark.
    """
    arrivals = last_arrivals(read)
    history, before = log.history(arrivals), log.rows(arrivals)
    return [
        hour_row(
            before.get(hour_us),
            history[hour_us],
            hour_us=hour_us,
            waiting_lines=waiting.get(hour_us, 0),
            faults=faults.get(hour_us),
            last_arrival_us=arrival_us,
            run_id=run_id,
            published_through_us=published_through_us,
        )
        for hour_us, arrival_us in arrivals.items()
    ]


def _name(address: str | None) -> str | None:
    return None if address is None else address.rpartition("/")[2]
