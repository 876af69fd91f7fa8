"""The traffic of the cookbook as published tables, by the compaction in three runs."""

from __future__ import annotations

from batch_compaction.limits import QualityLimits
from batch_compaction.plan import HourPolicy
from schemas.instants import HOUR_US, parse_instant_us
from tests.cookbook import trust
from tests.cookbook.traffic import Objects, Runs
from tests.integration.batch_compaction.lakes import TestLake

_NOW_US = parse_instant_us("2026-11-27T00:00:00Z")
_LIMITS = QualityLimits(
    min_lines=trust.MIN_LINES,
    max_duplicate_ratio=trust.MAX_DUPLICATES,
    late_after_hours=trust.LATE_AFTER.seconds // 3600,
    max_late_ratio=trust.MAX_LATE,
    max_quarantine_ratio=1,
    min_earlier_days=99,
)


def publish(lake: TestLake, objects: Objects, runs: Runs) -> None:
    """Put the objects of each run and compact them."""
    for number, keys in enumerate(runs):
        for key in keys:
            lake.s3.put_object(Bucket=lake.settings.raw_bucket, Key=key, Body=objects[key])
        report = lake.compact(HourPolicy(_NOW_US + number * HOUR_US), run_id=f"run-{number}", limits=_LIMITS)
        assert not report.held
