"""An emulated stream in this process, and the settings that name it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

SETTINGS = {
    "CLICKSTREAM_STREAM": "clickstream",
    "CLICKSTREAM_RAW_BUCKET": "clickstream-raw",
    "CLICKSTREAM_CURATED_BUCKET": "clickstream-curated",
    "CLICKSTREAM_ALERTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:PurchaseAlerts",
    "CLICKSTREAM_DEAD_LETTER_QUEUE_URL": "http://127.0.0.1/123456789012/clickstream-dead-letters",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("CLICKSTREAM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def kinesis(environment: None) -> Iterator[KinesisClient]:
    with mock_aws():
        client = boto3.client("kinesis")
        client.create_stream(StreamName="clickstream", ShardCount=2)
        yield client
