from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.sns.models import Subscription
from moto.sqs import models
from moto.sqs.models import Queue

from infra.local.mends import sns, sqs


@pytest.fixture
def mended() -> Iterator[None]:
    with sqs.MEND.installed(), sns.MEND.installed(), mock_aws():
        yield


def new_queue(name: str = "alerts", **attributes: str) -> tuple[Any, str]:
    client: Any = boto3.client("sqs")
    url: str = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return client, url


def send(client: Any, url: str, *bodies: str) -> None:
    client.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
    )


def receive(client: Any, url: str, **request: Any) -> list[Any]:
    messages: list[Any] = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **request).get("Messages", [])
    return messages


def arn_of(client: Any, url: str) -> str:
    arn: str = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def subscribe(**attributes: str) -> tuple[Any, str, Any, str]:
    client, topic = boto3.client("sns"), boto3.client("sns").create_topic(Name="Alerts")["TopicArn"]
    queue, url = new_queue()
    client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(queue, url), Attributes=attributes)
    return client, topic, queue, url


@pytest.mark.usefixtures("mended")
def test_a_received_message_is_hidden_and_comes_back_with_a_new_handle() -> None:
    client, url = new_queue()
    send(client, url, "a")
    (first,) = receive(client, url, VisibilityTimeout=1)
    assert receive(client, url) == []
    (again,) = receive(client, url, WaitTimeSeconds=3, AttributeNames=["ApproximateReceiveCount"])
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["ReceiptHandle"] != first["ReceiptHandle"]


@pytest.mark.usefixtures("mended")
def test_a_message_is_deleted_once_and_again_without_complaint_and_no_other() -> None:
    client, url = new_queue()
    send(client, url, "a", "b")
    first, _ = receive(client, url, VisibilityTimeout=0)
    for _ in range(2):
        client.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert [message["Body"] for message in receive(client, url)] == ["b"]
    with pytest.raises(ClientError):
        client.delete_message(QueueUrl=url, ReceiptHandle="of no message")


@pytest.mark.parametrize(("mended", "received"), [(nullcontext, 2), (sqs.MEND.installed, 1)], ids=["without", "with"])
def test_two_receivers_at_once_do_not_get_one_message(
    mended: Callable[[], AbstractContextManager[None]], received: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both are held between finding the message visible and hiding it, if both can be there at once.
    both_between = Barrier(2)
    wait_s = 0.3 if received == 1 else 30  # in vain, or until the other one has come
    with mended(), mock_aws(), ThreadPoolExecutor(2) as receivers:
        mark_received = models.Message.mark_received

        def held(*args: Any, **kwargs: Any) -> None:
            with suppress(BrokenBarrierError):
                both_between.wait(wait_s)
            mark_received(*args, **kwargs)

        monkeypatch.setattr(models.Message, "mark_received", held)
        client, url = new_queue()
        send(client, url, "a")
        assert sum(receivers.map(lambda _: len(receive(client, url)), range(2))) == received


@pytest.mark.usefixtures("mended")
def test_what_is_received_too_often_goes_to_the_dead_letters() -> None:
    client, dead = new_queue("dead")
    policy = json.dumps({"deadLetterTargetArn": arn_of(client, dead), "maxReceiveCount": 1})
    _, url = new_queue(RedrivePolicy=policy)
    send(client, url, "a")
    assert len(receive(client, url, VisibilityTimeout=0)) == 1
    assert receive(client, url) == []
    assert [message["Body"] for message in receive(client, dead)] == ["a"]


@pytest.mark.usefixtures("mended")
def test_a_queue_tells_its_attributes() -> None:
    client, url = new_queue(VisibilityTimeout="7")
    send(client, url, "a", "b", "c")
    client.receive_message(QueueUrl=url)
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "7"
    assert attributes["ApproximateNumberOfMessages"] == "2"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert "FifoQueue" not in attributes
    client.purge_queue(QueueUrl=url)
    assert receive(client, url) == []


@pytest.mark.usefixtures("mended")
def test_a_message_wakes_a_waiting_receiver() -> None:
    client, url = new_queue()
    with ThreadPoolExecutor(1) as receiver:
        waiting = receiver.submit(receive, client, url, WaitTimeSeconds=20)
        send(client, url, "a")
        assert [message["Body"] for message in waiting.result(timeout=5)] == ["a"]


@pytest.mark.parametrize(("is_mended", "scans"), [(False, True), (True, False)])
def test_sending_does_not_count_the_queue_s_messages(
    is_mended: bool, scans: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def count(queue: Any) -> int:
        counted.append(queue.name)
        return 0

    monkeypatch.setattr(Queue, "approximate_number_of_messages", property(count))
    with ExitStack() as stack:
        if is_mended:
            stack.enter_context(sqs.MEND.installed())
        stack.enter_context(mock_aws())
        client, url = new_queue()
        counted.clear()
        send(client, url, "a")
        assert bool(counted) is scans


@pytest.mark.parametrize(("is_mended", "signs"), [(False, True), (True, False)])
def test_publishing_needs_no_signature(is_mended: bool, signs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[str] = []
    make_key = Subscription.private_key

    def key(subscription: Any) -> Any:
        signed.append(subscription.arn)
        return make_key(subscription)

    monkeypatch.setattr(Subscription, "private_key", key)
    with ExitStack() as stack:
        if is_mended:
            stack.enter_context(sns.MEND.installed())
        stack.enter_context(mock_aws())
        client, topic, queue, url = subscribe()
        client.publish(TopicArn=topic, Message="a", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})
        (message,) = receive(queue, url)
        envelope = json.loads(message["Body"])
        assert (envelope["Type"], envelope["Message"], envelope["TopicArn"]) == ("Notification", "a", topic)
        assert envelope["MessageAttributes"] == {"k": {"Type": "String", "Value": "v"}}
        assert bool(signed) is signs


@pytest.mark.usefixtures("mended")
def test_raw_delivery_carries_the_attributes_that_a_receiver_asks_for() -> None:
    client, topic, queue, url = subscribe(RawMessageDelivery="true")
    attributes = {name: {"DataType": "String", "StringValue": name} for name in ("country", "currency")}
    client.publish(TopicArn=topic, Message="a", MessageAttributes=attributes)
    (message,) = receive(queue, url, MessageAttributeNames=["country"])
    assert message["Body"] == "a"
    assert list(message["MessageAttributes"]) == ["country"]
