"""What the questions of the cookbook read of thirty days, an hour of each, beside the raw JSON.

Files of an hour are smaller here than Athena would see, and each has its footer read, so the ratio is a lower bound.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from bench.scan import measure
from bench.scan_lake import Days, fill
from infra.local.front_door import FrontDoor
from schemas.hive import raw_glue_table
from tests.integration.batch_compaction.lakes import TestLake, make_settings

LEAST_RATIO = 20


def test_a_question_of_one_day_reads_a_twentieth_of_thirty_days_of_raw_json(
    engine: Any, engine_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings()
    settings = replace(settings, raw_database=f"raw_{settings.database}")
    for variable, value in settings.as_environment().items():
        monkeypatch.setenv(variable, value)
    lake = TestLake(settings, dict(os.environ))
    lake.create()
    glue = engine.client("glue")
    glue.create_database(DatabaseInput={"Name": settings.raw_database})
    glue.create_table(DatabaseName=settings.raw_database, TableInput=raw_glue_table(settings.raw_bucket))

    door = FrontDoor(engine.state_dir, is_quiet=True, keeps_settings=True)
    filled = fill(Days(days=30, events_a_day=6_000, hours=1), lake.s3, door, settings.raw_bucket, print)
    scanned = measure(filled, engine.trino, settings, print)
    assert filled.raw_objects == 30
    # What is read of a text file is the file.
    assert scanned.raw_bytes == filled.raw_bytes
    one_day = {question.name: question.bytes for question in scanned.questions if question.is_of_one_day}
    assert len(one_day) >= 12
    assert {name: read for name, read in one_day.items() if read * LEAST_RATIO > scanned.raw_bytes} == {}
