"""Watching a topic, with emulated SNS and SQS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from schemas.alert import PurchaseAlert, encode_alert
from stream_jobs.watching import Bounds, subscribed, watch


@pytest.fixture
def aws() -> Iterator[tuple[Any, Any, str]]:
    with mock_aws():
        sns = boto3.client("sns", region_name="us-east-1")
        sqs = boto3.client("sqs", region_name="us-east-1")
        yield sns, sqs, sns.create_topic(Name="PurchaseAlerts")["TopicArn"]


def publish(sns: Any, topic_arn: str, count: int) -> None:
    for number in range(count):
        alert = PurchaseAlert(
            event_id=f"e{number}",
            event_type="purchase",
            user_id="u",
            session_id="s",
            event_timestamp="2026-11-24T10:00:00.000000Z",
            arrival_timestamp="2026-11-24T10:00:00.000000Z",
        )
        sns.publish(TopicArn=topic_arn, Message=encode_alert(alert).decode())


def test_alerts_are_seen_and_nothing_is_left_behind(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with subscribed(sns, sqs, topic_arn) as queue_url:
        publish(sns, topic_arn, 13)
        found = list(watch(sqs, queue_url, Bounds(idle_seconds=0.5), lambda: False, print))
    assert sorted(alert.event_id for alert in found) == sorted(f"e{number}" for number in range(13))
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert sqs.list_queues().get("QueueUrls", []) == []


def test_it_ends_after_so_many_alerts(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with subscribed(sns, sqs, topic_arn) as queue_url:
        publish(sns, topic_arn, 5)
        assert len(list(watch(sqs, queue_url, Bounds(count=3), lambda: False, print))) == 3


def test_a_message_that_is_no_alert_is_told_and_passed_over(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    foreign: list[str] = []
    with subscribed(sns, sqs, topic_arn) as queue_url:
        sns.publish(TopicArn=topic_arn, Message="hello")
        publish(sns, topic_arn, 2)
        found = list(watch(sqs, queue_url, Bounds(idle_seconds=0.5), lambda: False, foreign.append))
    assert {alert.event_id for alert in found} == {"e0", "e1"}
    assert len(foreign) == 1


def test_it_ends_when_it_is_stopped(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with subscribed(sns, sqs, topic_arn) as queue_url:
        assert list(watch(sqs, queue_url, Bounds(), lambda: True, print)) == []


def test_a_failure_while_watching_leaves_nothing_behind(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with pytest.raises(ZeroDivisionError), subscribed(sns, sqs, topic_arn):
        raise ZeroDivisionError
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert sqs.list_queues().get("QueueUrls", []) == []
