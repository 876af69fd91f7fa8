import os
import uuid
from typing import Any

import pytest

from schemas.settings import Settings
from tests.integration.batch_compaction.lakes import TestLake


@pytest.fixture
def lake(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> TestLake:
    for variable, value in emulator.environment.items():
        monkeypatch.setenv(variable, value)
    name = uuid.uuid4().hex[:12]
    settings = Settings(
        stream="clickstream",
        raw_bucket=f"raw-{name}",
        curated_bucket=f"curated-{name}",
        alerts_topic_arn="arn:aws:sns:us-east-1:123456789012:PurchaseAlerts",
        dead_letter_queue_url="http://127.0.0.1/queue",
        database=f"lake_{name}",
    )
    test_lake = TestLake(settings, dict(os.environ))
    for bucket in (settings.raw_bucket, settings.curated_bucket):
        test_lake.s3.create_bucket(Bucket=bucket)
    return test_lake
