"""How much of everything there is in a month: events, objects, runs, requests. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from schemas.pricing.shape import Shape
from schemas.pricing.sizes import Assumptions, Sizes
from schemas.pricing.units import (
    ARCHIVED_OBJECT_LEAST_BYTES,
    DAYS_PER_MONTH,
    FARGATE_LEAST_S,
    GB,
    HOURS_PER_MONTH,
    SECONDS_PER_MONTH,
)

# The schedules: one run an hour, and each day a reconciliation, a validation and the upkeep.
HOURLY_RUNS = HOURS_PER_MONTH
DAILY_COMMANDS = 3
_HOURS_PER_DAY = 24
_RECEIPTS_LINGER_S = 5


class MonthLine(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a month.

    Attributes:
        part: of the pipeline.
        service: what is paid for.
        formula: how it was computed, with the numbers.
        is_alternative: it stands for another line and is not in the total.
    """

    part: str
    service: str
    formula: str
    usd_month: float
    is_alternative: bool = False


@dataclass(frozen=True, slots=True)
class Volume:
    """A month."""

    sizes: Sizes
    assumed: Assumptions
    shape: Shape

    @property
    def events(self) -> float:
        """Events in the stream."""
        return self.sizes.expected_events_per_s * SECONDS_PER_MONTH

    @property
    def wire_gb(self) -> float:
        """Data of all records in the stream."""
        return self.events * self.shape.wire_bytes / GB

    @property
    def alerts(self) -> float:
        """Alerts of the stream and of dropped files."""
        return self.shape.alerts * (self.events + self.dropped_events)

    @property
    def dropped_files(self) -> float:
        """Files that others put."""
        return self.assumed.dropped_files_per_day * DAYS_PER_MONTH

    @property
    def dropped_events(self) -> float:
        """Events in them."""
        return self.dropped_files * self.assumed.dropped_file_events

    @property
    def raw_objects(self) -> float:
        """Objects that Firehose delivers: by the age of the buffer, or by its size where that comes first."""
        by_age = SECONDS_PER_MONTH / self.sizes.buffer_seconds
        by_size = self.events * self.shape.event_bytes / (self.sizes.buffer_mib * 1024**2)
        return max(by_age, by_size)

    @property
    def all_raw_objects(self) -> float:
        """Firehose's and the others'."""
        return self.raw_objects + self.dropped_files

    @property
    def raw_gb(self) -> float:
        """What comes into the raw bucket, compressed."""
        event_bytes = self.shape.event_bytes * self.assumed.raw_bytes_per_event_byte
        return (self.events + self.dropped_events) * event_bytes / GB

    @property
    def is_archived(self) -> bool:
        """Whether raw objects are large enough for the archive's tier."""
        return self.raw_gb * GB / self.all_raw_objects >= ARCHIVED_OBJECT_LEAST_BYTES

    @property
    def curated_gb(self) -> float:
        """What comes into the tables."""
        return (self.events + self.dropped_events) * self.assumed.curated_bytes_per_event / GB

    @property
    def receipts(self) -> float:
        """Objects of receipts: at most one for five seconds of each of the job's units, and one a dropped file."""
        most = self.sizes.parallelism * SECONDS_PER_MONTH / _RECEIPTS_LINGER_S
        return min(self.shape.alerts * self.events, most) + self.dropped_files

    @property
    def runs(self) -> float:
        """Tasks of the compaction that are started."""
        return HOURLY_RUNS + DAILY_COMMANDS * DAYS_PER_MONTH

    @property
    def task_hours(self) -> float:
        """Hours of the compaction's tasks: the hourly runs and the daily validation read each event once."""
        events_per_s = self.assumed.compaction_events_per_s
        hourly = (self.events + self.dropped_events) / HOURLY_RUNS / events_per_s
        seconds = (
            HOURLY_RUNS * self._task_s(hourly)
            + DAYS_PER_MONTH * self._task_s(hourly * _HOURS_PER_DAY)
            + (DAILY_COMMANDS - 1) * DAYS_PER_MONTH * self._task_s(0)
        )
        return seconds / 3600

    def _task_s(self, work_s: float) -> float:
        return max(FARGATE_LEAST_S, self.assumed.compaction_start_s + work_s)

    @property
    def puts(self) -> float:
        """PUT requests to S3: raw objects, receipts, and what each run writes."""
        return self.all_raw_objects + self.receipts + self.runs * self.assumed.run_puts

    @property
    def gets(self) -> float:
        """GET requests to S3: of compaction and validation for raw objects, of the function, of runs, of queries."""
        return 2 * self.all_raw_objects + self.dropped_files + self.runs * self.assumed.run_gets + self.query_gets

    @property
    def queries(self) -> float:
        """Queries in Athena."""
        return self.assumed.queries_per_day * DAYS_PER_MONTH

    @property
    def query_bytes(self) -> float:
        """What a query scans."""
        per_day = (self.events + self.dropped_events) / DAYS_PER_MONTH * self.assumed.query_bytes_per_event
        return per_day * self.assumed.query_days

    @property
    def query_gets(self) -> float:
        """GET requests of queries: for each hour its file, in pieces of 8 MiB, and the metadata."""
        pieces = math.ceil(self.query_bytes / max(1.0, _HOURS_PER_DAY * self.assumed.query_days) / (8 * 1024**2))
        return self.queries * (_HOURS_PER_DAY * self.assumed.query_days * pieces + 10)
