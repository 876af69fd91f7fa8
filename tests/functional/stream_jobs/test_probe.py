"""What the job finds out before it starts Flink."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from schemas.errors import ConfigError, WorkFailedError
from schemas.settings import Settings
from stream_jobs.probe import probe
from stream_jobs.rules import rules_of

SETTINGS = Settings(
    stream="clickstream",
    raw_bucket="clickstream-raw",
    curated_bucket="clickstream-curated",
    alerts_topic_arn="arn:aws:sns:us-east-1:123456789012:PurchaseAlerts",
    dead_letter_queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/clickstream-dead-letters",
)


@pytest.fixture
def deployed() -> Iterator[None]:
    with mock_aws():
        boto3.client("kinesis").create_stream(StreamName=SETTINGS.stream, ShardCount=1)
        boto3.client("s3").create_bucket(Bucket=SETTINGS.curated_bucket)
        boto3.client("sns").create_topic(Name="PurchaseAlerts")
        boto3.client("sqs").create_queue(QueueName="clickstream-dead-letters")
        yield


@pytest.fixture
def time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def move_to(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move_to
    monkeypatch.undo()
    time.tzset()


def test_the_identity_of_a_stream_is_the_same_wherever_it_is_asked_for(
    deployed: None, time_zone: Callable[[str], None]
) -> None:
    time_zone("UTC")
    here = probe(SETTINGS, rules_of(SETTINGS))
    time_zone("America/New_York")
    assert probe(SETTINGS, rules_of(SETTINGS)) == here


def test_a_stream_that_does_not_exist_is_named(deployed: None) -> None:
    boto3.client("kinesis").delete_stream(StreamName=SETTINGS.stream)
    with pytest.raises(ConfigError, match="stream clickstream cannot be used"):
        probe(SETTINGS, rules_of(SETTINGS))


def test_a_topic_that_does_not_exist_is_named(deployed: None) -> None:
    boto3.client("sns").delete_topic(TopicArn=SETTINGS.alerts_topic_arn)
    with pytest.raises(ConfigError, match="PurchaseAlerts cannot be used"):
        probe(SETTINGS, rules_of(SETTINGS))


def test_an_unreachable_stack_is_told_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(WorkFailedError, match="clickstream up"):
            probe(SETTINGS, rules_of(SETTINGS))


def test_the_topic_of_a_rule_that_does_not_exist_is_named_too(deployed: None) -> None:
    settings = replace(SETTINGS, alert_rules=f"big: purchase where amount_minor >= 1 to {SETTINGS.alerts_topic_arn}Big")
    with pytest.raises(ConfigError, match="PurchaseAlertsBig cannot be used"):
        probe(settings, rules_of(settings))
