"""Raw objects found by what an emulated S3 says about them, and by listing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from batch_compaction.find import Found, find, find_all, find_notified, find_recent
from batch_compaction.notifications import Queue, Received
from batch_compaction.raw import RawObject
from schemas.errors import WorkFailedError
from schemas.instants import HOUR_US, hour_floor_us, parse_instant_us
from schemas.lake import RAW_PREFIX, hour_folder

BUCKET = "raw"
NOW_US = parse_instant_us("2026-11-24T10:20:00Z")


class Faulty:
    """A client some of whose methods fail."""

    def __init__(self, client: Any, **errors: Any) -> None:
        self._client = client
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        if name not in self._errors:
            return getattr(self._client, name)

        def fail(**_: Any) -> Any:
            answer = self._errors[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return fail


class Lake:
    """A raw bucket whose news go to a queue."""

    def __init__(self) -> None:
        make: Any = boto3.client
        self.s3, self.sqs = make("s3"), make("sqs")
        self.url = self.sqs.create_queue(QueueName="raw-objects")["QueueUrl"]
        self.s3.create_bucket(Bucket=BUCKET)
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]
        told = {"QueueArn": attributes["QueueArn"], "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [told]}
        )
        self.sqs.purge_queue(QueueUrl=self.url)  # of the test message

    @property
    def queue(self) -> Queue:
        return Queue(self.sqs, self.url)

    def put(self, key: str, body: bytes = b"{}") -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return key

    def tell(self, body: object) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        sent: str = self.sqs.send_message(QueueUrl=self.url, MessageBody=text)["MessageId"]
        return sent

    def left(self) -> int:
        """Messages in the queue, in hand or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    def notified(self) -> Found:
        return find_notified(self.s3, BUCKET, self.queue)


@pytest.fixture
def lake() -> Iterator[Lake]:
    with mock_aws():
        yield Lake()


def plain(key: str, bucket: str = BUCKET) -> dict[str, Any]:
    place = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "size": 1, "eTag": "0", "sequencer": "0A"}}
    return {"eventName": "ObjectCreated:Put", "eventTime": "2026-11-24T10:00:00.000Z", "s3": place}


def event_bridge(key: str) -> dict[str, Any]:
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 5, "etag": "0", "sequencer": "0"}}
    return {"detail-type": "Object Created", "source": "aws.s3", "time": "2026-11-24T10:00:00Z", "detail": detail}


def keys(found: Found) -> list[str]:
    return [raw.key for raw in found.objects]


def hourly(hours_ago: int, name: str = "o.json") -> str:
    return f"{RAW_PREFIX}{hour_folder(NOW_US - hours_ago * HOUR_US)}{name}"


def test_objects_that_s3_told_of_are_found_as_they_are(lake: Lake) -> None:
    key, odd = lake.put(hourly(1), b"{}\n"), lake.put(f"{RAW_PREFIX}drops/öl und so+%41.json")
    found = lake.notified()
    assert found.objects == find_all(lake.s3, BUCKET).objects
    assert keys(found) == [odd, key] == sorted([odd, key])
    assert found.objects[1] == RawObject(BUCKET, key, found.objects[1].etag, 3, hour_floor_us(NOW_US) - HOUR_US)


def test_a_message_is_deleted_only_when_the_run_says_so(lake: Lake) -> None:
    for number in range(25):
        lake.put(f"{RAW_PREFIX}{number}.json")
    found = lake.notified()
    assert len(found.objects) == 25
    assert lake.left() == 25
    assert found.acknowledge() == 0
    assert lake.left() == 0


def test_order_repeats_and_what_came_after_do_not_matter(lake: Lake) -> None:
    kept, gone = lake.put(f"{RAW_PREFIX}kept.json", b"1"), lake.put(f"{RAW_PREFIX}gone.json")
    lake.put(kept, b"22")
    lake.s3.delete_object(Bucket=BUCKET, Key=gone)
    lake.tell({"Records": [plain(kept), plain(kept)]})
    lake.tell(event_bridge(kept))
    found = lake.notified()
    assert [(raw.key, raw.size_bytes) for raw in found.objects] == [(kept, 2)]
    assert found.gone == (gone,)
    found.acknowledge()
    assert lake.left() == 0


def test_event_bridge_is_understood_too(lake: Lake) -> None:
    key = lake.put(f"{RAW_PREFIX}a+b%20c.json")
    lake.notified().acknowledge()
    lake.tell(event_bridge(key))
    assert keys(lake.notified()) == [key]


def test_what_is_no_raw_object_is_not_looked_at_but_its_message_is_done(lake: Lake) -> None:
    for key in ("clickstream-errors/a.json", "other/a.json", f"{RAW_PREFIX}folder/"):
        lake.put(key)
    lake.tell({"Records": [plain(f"{RAW_PREFIX}a.json", bucket="another")]})
    lake.tell({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})
    found = lake.notified()
    assert (found.objects, found.gone, found.strange) == ((), (), ())
    found.acknowledge()
    assert lake.left() == 0


def test_a_message_that_is_no_notification_stays_and_is_named(lake: Lake) -> None:
    key = lake.put(f"{RAW_PREFIX}a.json")
    odd = [lake.tell("hello"), lake.tell({"Records": [{"eventName": "ObjectCreated:Put"}]})]
    found = lake.notified()
    assert keys(found) == [key]
    assert sorted(text.split(":")[0] for text in found.strange) == sorted(f"message {number}" for number in odd)
    found.acknowledge()
    assert lake.left() == 2


def test_a_queue_is_emptied_no_further_than_may_be_in_hand(lake: Lake) -> None:
    for number in range(25):
        lake.tell(event_bridge(f"{RAW_PREFIX}{number}"))
    assert len(lake.queue.receive(max_messages=15).notices) == 20
    assert len(lake.queue.receive().notices) == 5


def test_what_cannot_be_deleted_is_counted(lake: Lake) -> None:
    failing = [
        EndpointConnectionError(endpoint_url="sqs"),
        {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]},
    ]
    for answer in failing:
        sqs: Any = Faulty(lake.sqs, delete_message_batch=answer)
        assert Found((), queue=Queue(sqs, lake.url), received=Received(receipts={"id": "receipt"})).acknowledge() == 1


def test_a_queue_or_an_object_that_is_refused_ends_the_run(lake: Lake) -> None:
    lake.put(f"{RAW_PREFIX}a.json")
    refused = ClientError({"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "HeadObject")  # type: ignore[typeddict-item]
    sqs: Any = Faulty(lake.sqs, receive_message=refused)
    with pytest.raises(WorkFailedError, match="read the queue"):
        find_notified(lake.s3, BUCKET, Queue(sqs, lake.url))
    s3: Any = Faulty(lake.s3, head_object=refused)
    with pytest.raises(WorkFailedError, match=r"ask for s3://raw/clickstream/a\.json"):
        find_notified(s3, BUCKET, lake.queue)


def test_recent_hours_are_found_and_all_that_lies_in_none(lake: Lake) -> None:
    recent = [lake.put(hourly(hours)) for hours in (-1, 0, 1, 30, 47)]
    beside = [
        lake.put(RAW_PREFIX + key)
        for key in (
            "a.json",
            "drops/2020/a.json",
            "year=twenty/a.json",
            "year=2026/a.json",
            "year=2026/month=11/day=24/a.json",
            "year=2026/month=11/day=24/half/a.json",
            "drops/year=2020/month=01/day=01/hour=00/a.json",
        )
    ]
    old = [lake.put(hourly(hours)) for hours in (-2, 48, 24 * 31, 24 * 365)]
    lake.put("clickstream-errors/a.json")
    found = find_recent(lake.s3, BUCKET, NOW_US)
    assert keys(found) == sorted(recent + beside)
    assert keys(find_all(lake.s3, BUCKET)) == sorted(recent + beside + old)
    assert keys(find_recent(lake.s3, BUCKET, NOW_US, hours=2)) == sorted(recent[:3] + beside)
    assert found.acknowledge() == 0


def test_a_listing_of_recent_hours_does_not_grow_with_history(lake: Lake) -> None:
    calls: list[str] = []
    for days in range(60):
        lake.put(hourly(24 * days))
    lake.s3.meta.events.register("before-call.s3.ListObjectsV2", lambda **_: calls.append("list"))
    find_recent(lake.s3, BUCKET, NOW_US)
    assert len(calls) == 1 + 1 + 1 + 3 + 2  # the root, the year, the month, recent days, their hours that exist


def test_without_a_queue_what_is_recent_is_found(lake: Lake) -> None:
    new, old = lake.put(hourly(1)), lake.put(hourly(100))
    assert keys(find(lake.s3, BUCKET, None, NOW_US)) == [new]
    assert keys(find(lake.s3, BUCKET, lake.queue, NOW_US)) == sorted([new, old])


def test_a_lost_notification_is_found_among_all(lake: Lake) -> None:
    key = lake.put(hourly(100))
    lake.queue.receive()  # as if it had never come
    assert keys(lake.notified()) == []
    assert keys(find_all(lake.s3, BUCKET)) == [key]
