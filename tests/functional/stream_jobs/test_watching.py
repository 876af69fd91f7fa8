"""Watching a topic, with emulated SNS and SQS."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from schemas.alert import PurchaseAlert, encode_alert
from schemas.errors import WorkFailedError
from stream_jobs.patience import Patience
from stream_jobs.topic import publish_entry
from stream_jobs.watching import Bounds, subscribed, watch


def patience() -> Patience:
    seconds = iter(range(1_000))
    return Patience(5, lambda: next(seconds), lambda _: False, lambda: 0.5)


@pytest.fixture
def aws() -> Iterator[tuple[Any, Any, str]]:
    with mock_aws():
        sns = boto3.client("sns", region_name="us-east-1")
        sqs = boto3.client("sqs", region_name="us-east-1")
        yield sns, sqs, sns.create_topic(Name="PurchaseAlerts")["TopicArn"]


def alert(number: int) -> PurchaseAlert:
    return PurchaseAlert(
        event_id=f"e{number}",
        event_type="purchase",
        user_id="u",
        session_id="s",
        event_timestamp="2026-11-24T10:00:00.000000Z",
        arrival_timestamp="2026-11-24T10:00:00.000000Z",
    )


def publish(sns: Any, topic_arn: str, count: int) -> None:
    for number in range(count):
        sns.publish(TopicArn=topic_arn, Message=encode_alert(alert(number)).decode())


class Failing:
    """A client whose first calls of a kind fail."""

    def __init__(self, client: Any, method: str, times: int) -> None:
        self._client = client
        self._method = method
        self._left = times

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return partial(self._call, method) if name == self._method else method

    def _call(self, method: Any, **request: Any) -> Any:
        if not self._left:
            return method(**request)
        self._left -= 1
        response: Any = {"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
        raise ClientError(response, self._method)


def test_alerts_are_seen_and_nothing_is_left_behind(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with subscribed(sns, sqs, topic_arn) as queue_url:
        publish(sns, topic_arn, 13)
        found = list(watch(sqs, queue_url, Bounds(idle_seconds=0.5), lambda: False, print, patience()))
    assert sorted(alert.event_id for alert in found) == sorted(f"e{number}" for number in range(13))
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert sqs.list_queues().get("QueueUrls", []) == []


def test_it_ends_after_so_many_alerts(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with subscribed(sns, sqs, topic_arn) as queue_url:
        publish(sns, topic_arn, 5)
        assert len(list(watch(sqs, queue_url, Bounds(count=3), lambda: False, print, patience()))) == 3


def test_a_message_that_is_no_alert_is_told_and_passed_over(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    foreign: list[str] = []
    with subscribed(sns, sqs, topic_arn) as queue_url:
        sns.publish(TopicArn=topic_arn, Message="hello")
        publish(sns, topic_arn, 2)
        found = list(watch(sqs, queue_url, Bounds(idle_seconds=0.5), lambda: False, foreign.append, patience()))
    assert {alert.event_id for alert in found} == {"e0", "e1"}
    assert len(foreign) == 1


def test_it_ends_when_it_is_stopped(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with subscribed(sns, sqs, topic_arn) as queue_url:
        assert list(watch(sqs, queue_url, Bounds(), lambda: True, print, patience())) == []


def test_a_failure_while_watching_leaves_nothing_behind(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with pytest.raises(ZeroDivisionError), subscribed(sns, sqs, topic_arn):
        raise ZeroDivisionError
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert sqs.list_queues().get("QueueUrls", []) == []


def test_the_alerts_of_a_fifo_topic_are_seen_in_their_order(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, _ = aws
    topic_arn = sns.create_topic(Name="PurchaseAlerts.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    with subscribed(sns, sqs, topic_arn) as queue_url:
        for number in range(13):
            entry = publish_entry("0", alert(number), fifo=True)
            assert sns.publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=[entry])["Failed"] == []
        found = list(watch(sqs, queue_url, Bounds(idle_seconds=0.5), lambda: False, print, patience()))
    assert [seen.event_id for seen in found] == [f"e{number}" for number in range(13)]
    assert sqs.list_queues().get("QueueUrls", []) == []


@pytest.mark.parametrize("method", ["receive_message", "delete_message_batch"])
def test_a_queue_that_fails_for_a_moment_ends_nothing_and_repeats_nothing(
    aws: tuple[Any, Any, str], method: str
) -> None:
    sns, sqs, topic_arn = aws
    with subscribed(sns, sqs, topic_arn) as queue_url:
        publish(sns, topic_arn, 3)
        failing = Failing(sqs, method, times=3)
        found = list(watch(failing, queue_url, Bounds(idle_seconds=0.5), lambda: False, print, patience()))
    assert sorted(seen.event_id for seen in found) == ["e0", "e1", "e2"]


def test_a_queue_that_goes_on_failing_ends_it(aws: tuple[Any, Any, str]) -> None:
    sns, sqs, topic_arn = aws
    with subscribed(sns, sqs, topic_arn) as queue_url, pytest.raises(WorkFailedError, match="gave up after 5 s"):
        list(watch(Failing(sqs, "receive_message", 100), queue_url, Bounds(), lambda: False, print, patience()))
