"""A lake of its own for each test, on an emulator that they share."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import boto3

from batch_compaction.find import find_all
from batch_compaction.lake_tables import Lake, open_lake
from batch_compaction.plan import HourPolicy
from batch_compaction.report import RunReport
from batch_compaction.run import Run, compact
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, parse_instant_us
from schemas.lake import RAW_PREFIX, hour_folder, partition_of_hour
from schemas.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOUR = parse_instant_us("2026-11-24T10:00:00Z")
ALL_CLOSED = HourPolicy(HOUR + 48 * HOUR_US)


def event(event_id: str, minute: int = 0, hour_us: int = HOUR, **fields: Any) -> ClickEvent:
    values = {"user_id": "u", "session_id": "s", "event_type": "click"} | fields
    return ClickEvent(event_id=event_id, event_timestamp_us=hour_us + minute * 60_000_000, **values)


def make_settings() -> Settings:
    """Return settings with names that no other lake has."""
    name = uuid.uuid4().hex[:12]
    return Settings(
        stream="clickstream",
        raw_bucket=f"raw-{name}",
        curated_bucket=f"curated-{name}",
        alerts_topic_arn="arn:aws:sns:us-east-1:123456789012:PurchaseAlerts",
        dead_letter_queue_url="http://127.0.0.1/queue",
        database=f"lake_{name}",
    )


@dataclass(frozen=True)
class TestLake:
    """Buckets and a database that only one test uses; another process gets them pickled, without the clients."""

    __test__ = False
    settings: Settings
    environment: dict[str, str]

    def __getstate__(self) -> dict[str, Any]:
        return {"settings": self.settings, "environment": self.environment}

    @cached_property
    def s3(self) -> S3Client:
        client: S3Client = boto3.client("s3")
        return client

    @cached_property
    def lake(self) -> Lake:
        return open_lake(self.settings, self.environment)

    def create(self) -> None:
        """Make the buckets."""
        for bucket in (self.settings.raw_bucket, self.settings.curated_bucket):
            self.s3.create_bucket(Bucket=bucket)

    def put(self, name: str, lines: Iterable[bytes | ClickEvent], arrival_us: int = HOUR) -> str:
        """Put a raw object as Firehose does and return its key."""
        body = b"".join((encode(line) if isinstance(line, ClickEvent) else line) + b"\n" for line in lines)
        return self.put_body(f"{name}.json.gz", gzip.compress(body, mtime=0), arrival_us)

    def put_body(self, name: str, body: bytes, arrival_us: int = HOUR) -> str:
        key = f"{RAW_PREFIX}{hour_folder(arrival_us)}{name}"
        self.s3.put_object(Bucket=self.settings.raw_bucket, Key=key, Body=body)
        return key

    def compact(
        self,
        policy: HourPolicy = ALL_CLOSED,
        on_step: Callable[[str], None] = lambda _: None,
        run_id: str = "a-run",
        **options: Any,
    ) -> RunReport:
        s3 = self.s3
        found = partial(find_all, s3, self.settings.raw_bucket)
        return compact(Run(s3, found, self.lake, policy, run_id, on_step, **options))

    def rows(self, table: str, *columns: str, hours: Iterable[int] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a table, or of those of its partitions that are such hours."""
        partitions = None if hours is None else [partition_of_hour(hour_us) for hour_us in hours]
        found = self.lake.find([table]).get(table)
        rows = found.rows(partitions) if found else None
        return [] if rows is None else (rows.select(list(columns)) if columns else rows).to_pylist()

    def snapshots(self) -> dict[str, int]:
        """Return table -> number of snapshots."""
        return {name: len(table.iceberg.snapshots()) for name, table in self.lake.find().items()}

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of every table."""
        return {name: self.rows(name) for name in self.lake.find()}
