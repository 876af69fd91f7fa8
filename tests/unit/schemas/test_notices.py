"""What S3 and EventBridge say about objects; the bodies are shaped like those of AWS's own documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.errors import BadRecordError
from schemas.instants import parse_instant_us
from schemas.notices import Notice, notices_of

RAW = "clickstream-raw"


def plain(key: str, event_name: str = "ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-24T10:00:00.123Z",
        "eventName": event_name,
        "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "drops",
            "bucket": {"name": RAW, "ownerIdentity": {"principalId": "A3NL1KOZZK"}, "arn": f"arn:aws:s3:::{RAW}"},
            "object": {"key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "00", **more},
        },
    }


def event_bridge(key: str, detail_type: str = "Object Created", **more: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-11-24T10:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{RAW}"],
        "detail": {
            "version": "0",
            "bucket": {"name": RAW},
            "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "0", **more},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def test_a_plain_notification_names_objects_by_encoded_keys() -> None:
    body = json.dumps({"Records": [plain("clickstream/%C3%B6l+und+so%2B.json"), plain("a", versionId="v1")]})
    first, second = notices_of(body)
    assert first == Notice(
        bucket=RAW,
        key="clickstream/öl und so+.json",
        etag="d41d8cd98f00b204e9800998ecf8427e",
        size_bytes=1024,
        event_us=parse_instant_us("2026-11-24T10:00:00.123Z"),
    )
    assert second.version_id == "v1"


def test_event_bridge_names_an_object_by_its_key_as_it_is() -> None:
    (notice,) = notices_of(json.dumps(event_bridge("clickstream/100% öl+.json", **{"version-id": "v2"})))
    assert notice == Notice(
        bucket=RAW,
        key="clickstream/100% öl+.json",
        etag="b1946ac92492d2347c6235b4d2611184",
        version_id="v2",
        size_bytes=5,
        event_us=parse_instant_us("2026-11-24T10:00:00Z"),
    )


@pytest.mark.parametrize(
    "body",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-24T10:00:00.000Z", "Bucket": RAW},
        {"Records": []},
        {"Records": [plain("a", "ObjectRemoved:Delete")]},
        event_bridge("a", "Object Deleted"),
    ],
    ids=["test message", "no record", "a deletion", "a deletion by EventBridge"],
)
def test_what_creates_no_object_names_none(body: dict[str, Any]) -> None:
    assert notices_of(json.dumps(body)) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"Event": "s3:Other"}',
        '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
        '{"Records": {}}',
        json.dumps({"Records": [plain("a") | {"eventTime": "yesterday"}]}),
        json.dumps(event_bridge("a") | {"source": "aws.ec2"}),
        json.dumps(event_bridge("a") | {"detail": {}}),
        json.dumps(event_bridge("a") | {"time": None}),
    ],
)
def test_a_message_that_is_not_understood_is_never_taken_for_an_empty_one(body: str) -> None:
    with pytest.raises(BadRecordError):
        notices_of(body)
