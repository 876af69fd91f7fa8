"""The function for dropped files against emulated services, with the faults that real ones have."""

from __future__ import annotations

import gzip
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from threading import Lock
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
import pytest
from backports import zstd
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError
from moto import mock_aws
from urllib3.exceptions import SSLError

from infra.local.description import DESCRIPTION, Clients, create
from infra.local.mends import dynamodb, sns, sqs
from schemas.alert import PurchaseAlert, decode_alert
from schemas.dead_letter import DeadLetter, decode_dead_letter
from schemas.errors import BadRecordError, ConfigError
from schemas.event import MAX_EVENT_BYTES
from schemas.instants import SECOND_US, format_instant_us
from schemas.receipt import Receipt, decode_receipt
from stream_jobs import aws_calls, lambda_handler, logs
from stream_jobs.claims import claim_row, item_of
from stream_jobs.clock import now_us
from stream_jobs.decoding import state_key
from stream_jobs.watching import subscribed
from tests.attestations import attestation_line

RAW, TABLE = DESCRIPTION.raw_bucket, DESCRIPTION.dropped_files_table
ETAG = "etag"
_services = ("s3", "sns", "sqs", "dynamodb")


class Faulty:
    """A client whose next calls of some methods go wrong, by script; a step of None is a call that goes right."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.script: dict[str, list[Any]] = {}
        self.every: Any = None
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)

        def call(**request: Any) -> Any:
            self.calls.append(name)
            steps = self.script.get(name)
            step = steps.pop(0) if steps else self.every
            if isinstance(step, Exception):
                raise step
            return step(real, request) if step else real(**request)

        return call


class Lambda:
    """An invocation's context, whose time passes only where the function pauses; and the function."""

    def __init__(self, clients: dict[str, Faulty]) -> None:
        self.clients = clients
        self.aws_request_id = "never"
        self.left_s = 60.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left_s * 1000)

    def sleep(self, seconds: float) -> None:
        self.left_s -= seconds

    def invoke(self, *bodies: object) -> list[str]:
        """Return the messages left, which are named by their places."""
        self.aws_request_id = str(uuid4())
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        records = [{"messageId": str(place), "body": text} for place, text in enumerate(texts)]
        answer = lambda_handler.handler({"Records": records}, self)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture
def aws() -> Iterator[Clients]:
    with ExitStack() as mended:
        for mend in (sqs.MEND, sns.MEND, dynamodb.MEND):
            mended.enter_context(mend.installed())
        mended.enter_context(mock_aws())
        make: Any = boto3.client
        yield Clients(**{name: make(name) for name in ("kinesis", "s3", "sns", "sqs", "glue", "dynamodb")})


@pytest.fixture
def environment(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    names = create(DESCRIPTION, aws).as_environment()
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    return names


@pytest.fixture
def function(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    make: Any = boto3.client
    clients = {name: Faulty(make(name)) for name in _services}
    monkeypatch.setattr(aws_calls, "client", clients.__getitem__)
    invocation = Lambda(clients)
    monkeypatch.setattr(lambda_handler, "time", SimpleNamespace(sleep=invocation.sleep))
    lambda_handler._function.cache_clear()
    logger = logging.getLogger(logs.LOGGER)
    before = logger.handlers, logger.propagate, logger.level
    yield invocation
    logger.handlers, logger.propagate, logger.level = before
    lambda_handler._function.cache_clear()


@pytest.fixture
def alerts(aws: Clients, environment: dict[str, str]) -> Iterator[Callable[[], list[PurchaseAlert]]]:
    """A function that takes what a subscriber has received since."""
    with subscribed(aws.sns, aws.sqs, environment["CLICKSTREAM_ALERTS_TOPIC_ARN"]) as queue_url:
        yield lambda: [decode_alert(body) for body in taken(aws, queue_url)]


@pytest.fixture
def dead_letters(aws: Clients, environment: dict[str, str]) -> Callable[[], list[DeadLetter]]:
    queue_url = environment["CLICKSTREAM_DEAD_LETTER_QUEUE_URL"]
    return lambda: [decode_dead_letter(body) for body in taken(aws, queue_url)]


def taken(aws: Clients, queue_url: str) -> list[str]:
    bodies: list[str] = []
    while messages := aws.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in messages]
    return bodies


def receipts(aws: Clients) -> list[Receipt]:
    bucket = DESCRIPTION.curated_bucket
    listed = aws.s3.list_objects_v2(Bucket=bucket, Prefix="purchases/").get("Contents", [])
    bodies = [gzip.decompress(aws.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()) for item in listed]
    return [decode_receipt(line) for body in bodies for line in body.splitlines()]


def event(event_id: str, event_type: str = "purchase", **more: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "user_id": f"user of {event_id}",
        "session_id": "s",
        "event_type": event_type,
        "event_timestamp": format_instant_us(now_us()),
    } | more


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def drop(aws: Clients, content: bytes, key: str = "clickstream/drops/a.json") -> dict[str, Any]:
    """Put a file and return the notice of it."""
    etag = aws.s3.put_object(Bucket=RAW, Key=key, Body=content)["ETag"].strip('"')
    place = {"bucket": {"name": RAW}, "object": {"key": key, "eTag": etag, "size": len(content)}}
    record = {"eventName": "ObjectCreated:Put", "eventTime": format_instant_us(now_us()), "s3": place}
    return {"Records": [record]}


def error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "any")


def ids(alerts: list[PurchaseAlert]) -> list[str]:
    return sorted(alert.event_id for alert in alerts)


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("clickstream/a.json", lines(event("e1"), event("v", "page_view"), event("e2"))),
        ("clickstream/a.ndjson", b"\n" + lines(event("e1")) + b"\r\n" + lines(event("e2")).strip()),
        ("clickstream/a.json.gz", gzip.compress(lines(event("e1"), event("e2")))),
        ("clickstream/a.gz", gzip.compress(lines(event("e1"))) + gzip.compress(lines(event("e2")))),
        ("clickstream/a.json", json.dumps([event("e1"), event("v", "click"), event("e2")], indent=2).encode()),
        ("clickstream/a.json.gz", gzip.compress(json.dumps([event("e1"), event("e2")]).encode())),
        ("clickstream/a.json", lines(event("e1"), event("e2")).replace(b'"purchase"', b'"\\u0070urchase"')),
        ("clickstream/öl und so +.json", lines(event("e1"), event("e2"))),
        ("clickstream/a.json", b"\xef\xbb\xbf" + lines(event("e1"), event("e2"))),
        ("clickstream/a.gz", gzip.compress(lines(event("e1"), event("e2"))) + bytes(1000)),
        ("clickstream/a.json.zst", zstd.compress(lines(event("e1"))) + zstd.compress(lines(event("e2")))),
        ("clickstream/a.json", zstd.compress(json.dumps([event("e1"), event("e2")]).encode())),
    ],
    ids=[
        "lines",
        "ndjson",
        "gzip",
        "two members",
        "array",
        "gzip of an array",
        "escapes",
        "a key with umlauts",
        "a byte order mark",
        "a padded gzip",
        "two frames of zstd",
        "a zstd by another name",
    ],
)
def test_each_purchase_in_a_file_is_alerted_with_its_receipt(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], key: str, content: bytes
) -> None:
    notice = drop(aws, content, key)
    notice["Records"][0]["s3"]["object"]["key"] = key.replace("+", "%2B").replace(" ", "+")
    assert function.invoke(notice) == []
    received = alerts()
    assert ids(received) == ["e1", "e2"]
    assert not any(alert.maybe_repeat for alert in received)
    assert {alert.arrival_timestamp[:19] for alert in received} == {notice["Records"][0]["eventTime"][:19]}
    assert ids(list(receipts(aws))) == ["e1", "e2"]


def test_a_notice_that_comes_again_alerts_nothing_again(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    notice = drop(aws, lines(event("e1"), event("e1"), event("e2")))
    assert function.invoke(notice, notice) == []
    assert function.invoke(notice) == []
    assert function.invoke(drop(aws, lines(event("e2")), "clickstream/another.json")) == []
    assert ids(alerts()) == ["e1", "e2"]


def test_an_event_id_is_known_for_its_user_only(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    function.invoke(drop(aws, lines(event("e1", user_id="a"), event("e1", user_id="b"))))
    assert sorted(alert.user_id for alert in alerts()) == ["a", "b"]


def test_a_bad_line_that_may_have_been_a_purchase_is_a_dead_letter_once(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], dead_letters: Any
) -> None:
    bad = {"event_type": "purchase", "user_id": "u"}
    notice = drop(aws, lines(event("e1"), bad, {"nothing": "of interest"}, event("e2")))
    assert function.invoke(notice, notice) == []
    (letter,) = dead_letters()
    assert (letter.reason, letter.stage, letter.payload()) == ("missing_field", "decode", json.dumps(bad).encode())
    assert letter.detail == f"session_id; piece 2 of s3://{RAW}/clickstream/drops/a.json"
    assert ids(alerts()) == ["e1", "e2"]


def test_an_attestation_in_a_file_is_neither_alerted_nor_a_dead_letter(
    aws: Clients,
    function: Lambda,
    alerts: Callable[[], list[PurchaseAlert]],
    dead_letters: Callable[[], list[DeadLetter]],
) -> None:
    attestation = attestation_line(producer_id="purchase-1")
    array = b"[" + attestation + b"," + json.dumps(event("e2")).encode() + b"]"
    notices = [
        drop(aws, lines(event("e1")) + attestation, "clickstream/1.json"),
        drop(aws, array, "clickstream/2.json"),
    ]
    assert function.invoke(*notices) == []
    assert (ids(alerts()), dead_letters()) == (["e1", "e2"], [])


def test_a_line_without_end_is_a_dead_letter_with_its_first_bytes(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], dead_letters: Any
) -> None:
    content = lines(event("e1")) + b"x" * 3_000_000 + b"\n" + lines(event("e2"))
    assert function.invoke(drop(aws, content)) == []
    (letter,) = dead_letters()
    assert letter.reason == "too_large"
    assert letter.detail.startswith(f"3000000 bytes, limit {MAX_EVENT_BYTES}")
    key = letter.payload_location.removeprefix(f"s3://{DESCRIPTION.curated_bucket}/")
    kept = aws.s3.get_object(Bucket=DESCRIPTION.curated_bucket, Key=key)["Body"].read()
    assert kept == b"x" * (MAX_EVENT_BYTES + 1)
    assert ids(alerts()) == ["e1", "e2"]


def test_a_dead_letter_tells_its_place_in_the_file_however_long_the_key(
    aws: Clients, function: Lambda, dead_letters: Any
) -> None:
    key = "clickstream/" + "ü" * 480 + "/the end.json"
    assert function.invoke(drop(aws, lines({"n": 1}, {"event_type": "purchase", "user_id": "u"}), key)) == []
    (letter,) = dead_letters()
    assert letter.detail.startswith(f"session_id; piece 2 of s3://{RAW}/clickstream/üü")
    assert letter.detail.endswith("üü/the end.json")


def test_an_object_over_several_lines_is_understood_in_an_array_only(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], dead_letters: Any
) -> None:
    written_for_people = json.dumps(event("e1"), indent=2)
    assert function.invoke(drop(aws, written_for_people.encode())) == []
    assert alerts() == []
    (letter,) = dead_letters()
    assert (letter.reason, letter.payload()) == ("not_an_object", b'  "event_type": "purchase",')
    assert function.invoke(drop(aws, f"[{written_for_people}]".encode())) == []
    assert ids(alerts()) == ["e1"]


def test_the_receipts_of_a_file_are_an_object_for_each_hundred_alerts(
    aws: Clients, function: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    started_us = now_us()
    monkeypatch.setattr(lambda_handler, "now_us", lambda: started_us)
    assert function.invoke(drop(aws, lines(*(event(f"e{number:03}") for number in range(250))))) == []
    listed = aws.s3.list_objects_v2(Bucket=DESCRIPTION.curated_bucket, Prefix="purchases/")["Contents"]
    assert (len(listed), len(receipts(aws))) == (3, 250)


def test_a_damaged_gzip_gives_what_can_be_read_and_a_dead_letter(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], dead_letters: Any
) -> None:
    content = gzip.compress(lines(*(event(f"e{number:03}") for number in range(300))))
    notice = drop(aws, content[: len(content) // 2], "clickstream/a.json.gz")
    assert function.invoke(notice, notice) == []
    received = ids(alerts())
    assert len(received) > 50
    assert received == [f"e{number:03}" for number in range(len(received))]
    (letter,) = dead_letters()
    assert letter.reason == "damaged_object"
    assert letter.detail.startswith("the gzip ends before its end")


@pytest.mark.parametrize(
    "key",
    [
        "clickstream/year=2026/month=11/day=24/hour=10/"
        "clickstream-1-2026-11-24-10-00-00-0b7b3f4e-5a61-4a6e-8d0e-2f0d9f3f2a11.json.gz",
        "clickstream-errors/deaggregation-failed/a.json",
        "clickstream/a.csv",
        "elsewhere/a.json",
    ],
)
def test_an_object_that_is_not_of_others_is_not_even_read(aws: Clients, function: Lambda, key: str) -> None:
    assert function.invoke(drop(aws, lines(event("e1")), key)) == []
    assert function.clients["s3"].calls == []


def test_event_bridge_s_message_is_as_good(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    put_at = "2026-11-24T10:00:00Z"
    place = drop(aws, lines(event("e1", event_timestamp=put_at)))["Records"][0]["s3"]
    named = {"key": place["object"]["key"], "etag": place["object"]["eTag"]}
    message = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": put_at,
        "detail": {"bucket": {"name": RAW}, "object": named},
    }
    assert function.invoke(message) == []
    (alert,) = alerts()
    assert alert.arrival_timestamp == "2026-11-24T10:00:00.000000Z"


def test_a_message_that_is_not_understood_fails_alone(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    test_message = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": RAW}
    assert function.invoke("?", drop(aws, lines(event("e1"))), {"what": "ever"}, test_message) == ["0", "2"]
    assert ids(alerts()) == ["e1"]


def test_a_file_that_is_gone_or_overwritten_is_left_to_the_notice_of_what_is_there(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    overwritten = drop(aws, lines(event("old")))
    drop(aws, lines(event("new")))
    gone = drop(aws, lines(event("gone")), "clickstream/gone.json")
    aws.s3.delete_object(Bucket=RAW, Key="clickstream/gone.json")
    assert function.invoke(overwritten, gone) == []
    assert alerts() == []


def test_in_a_bucket_with_versions_the_content_of_the_notice_is_read(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    aws.s3.put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Enabled"})
    first = drop(aws, lines(event("old")))
    first["Records"][0]["s3"]["object"]["versionId"] = aws.s3.head_object(Bucket=RAW, Key="clickstream/drops/a.json")[
        "VersionId"
    ]
    drop(aws, lines(event("new")))
    assert function.invoke(first) == []
    assert ids(alerts()) == ["old"]


def test_what_is_too_old_alerts_nobody(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    yesterday = format_instant_us(now_us() - 25 * 3600 * SECOND_US)
    assert function.invoke(drop(aws, lines(event("old", event_timestamp=yesterday), event("e1")))) == []
    assert ids(alerts()) == ["e1"]


def test_an_event_is_alerted_once_for_each_rule_that_it_meets(
    aws: Clients,
    environment: dict[str, str],
    function: Lambda,
    alerts: Callable[[], list[PurchaseAlert]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic = aws.sns.create_topic(Name="Large")["TopicArn"]
    monkeypatch.setenv("CLICKSTREAM_ALERT_RULES", f"large: purchase where amount_minor >= 1000 to {topic}")
    notice = drop(aws, lines(event("e1", metadata={"amount_minor": "1500"}), event("e2")))
    with subscribed(aws.sns, aws.sqs, topic) as queue_url:
        assert function.invoke(notice, notice) == []
        large = [decode_alert(body) for body in taken(aws, queue_url)]
    assert [(alert.event_id, alert.rule) for alert in large] == [("e1", "large")]
    assert ids(alerts()) == ["e1", "e2"]


def test_a_rule_whose_topic_fails_neither_holds_up_nor_repeats_what_other_rules_alert(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = aws.sns.create_topic(Name="Large")["TopicArn"]
    monkeypatch.setenv("CLICKSTREAM_ALERT_RULES", f"large: purchase where amount_minor >= 1000 to {topic}")
    every_id = [f"e{number:02}" for number in range(50)]
    notice = drop(aws, lines(*(event(event_id, metadata={"amount_minor": "1500"}) for event_id in every_id)))

    def refuse_large(real: Any, request: dict[str, Any]) -> Any:
        if request["TopicArn"] == topic:
            raise error("NotFound", 404)
        return real(**request)

    with subscribed(aws.sns, aws.sqs, topic) as queue_url:
        function.clients["sns"].every = refuse_large
        assert function.invoke(notice) == ["0"]
        assert function.invoke(notice) == ["0"]
        received = alerts()
        assert (ids(received), {alert.rule for alert in received}) == (every_id, {"purchase"})
        function.clients["sns"].every = None
        assert function.invoke(notice) == []
        large = [decode_alert(body) for body in taken(aws, queue_url)]
    assert ids(large) == every_id
    assert alerts() == []
    assert not any(alert.maybe_repeat for alert in received + large)
    assert len(receipts(aws)) == 100


def test_a_topic_that_throttles_to_the_end_leaves_the_message_and_nothing_is_a_repeat(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    every_id = [f"e{number:03}" for number in range(100)]
    notice = drop(aws, lines(*map(event, every_id)))
    function.clients["sns"].script["publish_batch"] = [error("Throttling")] * 10_000
    assert function.invoke(notice) == ["0"]
    function.clients["sns"].script.clear()
    function.left_s = 60
    assert function.invoke(notice) == []
    received = alerts()
    assert ids(received) == every_id
    assert not any(alert.maybe_repeat for alert in received), "a throttled call took nothing"


def test_a_topic_that_never_answers_leaves_the_message_and_what_was_tried_may_be_a_repeat(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = drop(aws, lines(*(event(f"e{number:03}") for number in range(100))))
    function.clients["sns"].script["publish_batch"] = [ReadTimeoutError(endpoint_url="sns")] * 10_000
    assert function.invoke(notice) == ["0"]
    function.clients["sns"].script.clear()
    function.left_s = 60
    assert function.invoke(notice) == ["0"], "what was tried is held until the lease of the first try is over"
    untouched = alerts()
    assert len(untouched) == 20, "what was not in the eight calls under way was released"
    assert not any(alert.maybe_repeat for alert in untouched)
    later_us = now_us() + 120 * SECOND_US
    monkeypatch.setattr(lambda_handler, "now_us", lambda: later_us)
    assert function.invoke(notice) == []
    tried = alerts()
    assert all(alert.maybe_repeat for alert in tried)
    assert ids(untouched + tried) == [f"e{number:03}" for number in range(100)]


def test_a_topic_that_fails_for_a_moment_is_tried_again_and_what_may_be_a_repeat_says_so(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    def fail_one(real: Any, request: dict[str, Any]) -> Any:
        first, *others = request["PublishBatchRequestEntries"]
        answer = real(TopicArn=request["TopicArn"], PublishBatchRequestEntries=others)
        failed = {"Id": first["Id"], "Code": "InternalError", "Message": "no", "SenderFault": False}
        return answer | {"Failed": [failed]}

    function.clients["sns"].script["publish_batch"] = [error("Throttling"), fail_one]
    assert function.invoke(drop(aws, lines(event("e1"), event("e2"), event("e3")))) == []
    received = alerts()
    assert ids(received) == ["e1", "e2", "e3"]
    assert [alert.event_id for alert in received if alert.maybe_repeat] == ["e1"]


def refuse_one(real: Any, request: dict[str, Any]) -> Any:
    first, *others = request["PublishBatchRequestEntries"]
    answer = real(TopicArn=request["TopicArn"], PublishBatchRequestEntries=others)
    failed = {"Id": first["Id"], "Code": "InvalidParameter", "Message": "no", "SenderFault": True}
    return answer | {"Failed": [failed]}


def test_an_alert_that_the_topic_refuses_is_a_dead_letter_and_the_message_is_done(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], dead_letters: Any
) -> None:
    notice = drop(aws, lines(event("e1"), event("e2")))
    function.clients["sns"].script["publish_batch"] = [refuse_one]
    assert function.invoke(notice) == []
    assert function.invoke(notice) == []
    assert ids(alerts()) == ["e2"]
    (letter,) = dead_letters()
    assert (letter.reason, letter.stage, letter.event_id) == ("publish_rejected", "publish", "e1")


def test_an_alert_that_the_topic_refuses_is_not_done_without_its_dead_letter(
    aws: Clients,
    function: Lambda,
    alerts: Callable[[], list[PurchaseAlert]],
    dead_letters: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notice = drop(aws, lines(event("e1"), event("e2")))
    function.clients["sns"].script["publish_batch"] = [refuse_one]
    function.clients["sqs"].script["send_message_batch"] = [error("ServiceUnavailable", 503)] * 10_000
    assert function.invoke(notice) == ["0"]
    function.clients["sqs"].script.clear()
    function.left_s = 60
    later_us = now_us() + 120 * SECOND_US
    monkeypatch.setattr(lambda_handler, "now_us", lambda: later_us)
    function.clients["sns"].script["publish_batch"] = [refuse_one]
    assert function.invoke(notice) == []
    assert [letter.event_id for letter in dead_letters()] == ["e1"]
    assert ids(alerts()) == ["e2"]


def test_without_its_receipt_an_alert_is_not_done_and_comes_again_as_a_repeat(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = drop(aws, lines(event("e1")))
    function.clients["s3"].script["put_object"] = [error("SlowDown", 503)] * 10_000
    assert function.invoke(notice) == ["0"]
    function.clients["s3"].script.clear()
    function.left_s = 60
    later_us = now_us() + 120 * SECOND_US
    monkeypatch.setattr(lambda_handler, "now_us", lambda: later_us)
    assert function.invoke(notice) == []
    assert [alert.maybe_repeat for alert in alerts()] == [False, True]
    assert [receipt.maybe_repeat for receipt in receipts(aws)] == [True]


@pytest.mark.parametrize("method", ["batch_get_item", "put_item"])
def test_without_the_once_table_nothing_is_published(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], method: str
) -> None:
    notice = drop(aws, lines(event("e1"), event("e2")))
    function.clients["dynamodb"].script[method] = [error("ProvisionedThroughputExceededException")] * 10_000
    assert function.invoke(notice) == ["0"]
    assert alerts() == []
    function.clients["dynamodb"].script.clear()
    function.left_s = 60
    assert function.invoke(notice) == []
    assert [(alert.event_id, alert.maybe_repeat) for alert in alerts()] == [("e1", False), ("e2", False)]


def test_an_event_in_other_hands_leaves_the_message_and_is_taken_over_after_the_lease(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"{state_key('user of e2')}-{state_key('e2')}-purchase"
    lease_us = now_us() + 60 * SECOND_US
    aws.dynamodb.put_item(TableName=TABLE, Item=item_of(claim_row(key, "another", lease_us, now_us())))
    notice = drop(aws, lines(event("e1"), event("e2"), event("e3")))
    assert function.invoke(notice) == ["0"]
    assert ids(alerts()) == ["e1", "e3"]
    monkeypatch.setattr(lambda_handler, "now_us", lambda: lease_us)
    assert function.invoke(notice) == []
    assert [(alert.event_id, alert.maybe_repeat) for alert in alerts()] == [("e2", True)]


class DiedError(BaseException):
    """The process is gone: nothing after this is carried out."""


class Life:
    """Lets so many calls happen, over all clients; the one that it dies in may be carried out, its answer is lost."""

    def __init__(self, calls_to_live: int, *, carries_out_last: bool) -> None:
        self._left = calls_to_live
        self._carries_out_last = carries_out_last
        self._lock = Lock()

    @property
    def is_over(self) -> bool:
        return self._left < 0

    def __call__(self, real: Any, request: dict[str, Any]) -> Any:
        with self._lock:
            self._left -= 1
            left = self._left
        if left == -1 and self._carries_out_last:
            real(**request)
        if left < 0:
            raise DiedError
        return real(**request)


@pytest.mark.parametrize("carries_out_last", [False, True], ids=["before a call", "before the answer to a call"])
def test_wherever_the_function_dies_nothing_is_lost_and_no_repeat_goes_unsaid(
    aws: Clients,
    function: Lambda,
    alerts: Callable[[], list[PurchaseAlert]],
    dead_letters: Any,
    monkeypatch: pytest.MonkeyPatch,
    carries_out_last: bool,
) -> None:
    clock = SimpleNamespace(now_us=now_us())
    monkeypatch.setattr(lambda_handler, "now_us", lambda: clock.now_us)
    deaths = repeats = 0
    life = Life(0, carries_out_last=carries_out_last)
    for calls_to_live in range(100):
        names = [f"{calls_to_live}-{number}" for number in range(3)]
        notice = drop(aws, lines(*map(event, names), {"event_type": "purchase", "n": calls_to_live}))
        life = Life(calls_to_live, carries_out_last=carries_out_last)
        for client in function.clients.values():
            client.every = life
        with suppress(DiedError):
            function.invoke(notice)
        for client in function.clients.values():
            client.every = None
        clock.now_us += 120 * SECOND_US
        assert function.invoke(notice) == []

        flags = defaultdict(list)
        for alert in alerts():
            flags[alert.event_id].append(alert.maybe_repeat)
        assert set(flags) == set(names)
        assert all(len(of_one) == 1 or of_one == [False, True] for of_one in flags.values()), flags
        assert {letter.reason for letter in dead_letters()} == {"missing_field"}
        assert {receipt.event_id for receipt in receipts(aws)} >= set(names)
        repeats += sum(len(of_one) - 1 for of_one in flags.values())
        deaths += life.is_over
        if not life.is_over:
            break
    assert not life.is_over
    assert deaths > 8
    assert repeats > 0


def test_a_file_too_long_for_one_invocation_is_gone_on_with_in_the_next(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    notice = drop(aws, lines(*(event(f"e{number:03}") for number in range(250))))

    def slow(real: Any, request: dict[str, Any]) -> Any:
        function.left_s = 10
        return real(**request)

    left = []
    for _ in range(3):
        function.left_s = 60
        function.clients["dynamodb"].script["batch_write_item"] = [slow]
        left.append(function.invoke(notice))
    assert left == [["0"], ["0"], []]
    received = alerts()
    assert ids(received) == [f"e{number:03}" for number in range(250)]
    assert not any(alert.maybe_repeat for alert in received)


def test_an_invocation_without_time_begins_nothing(aws: Clients, function: Lambda) -> None:
    notice = drop(aws, lines(event("e1")))

    def slow(real: Any, request: dict[str, Any]) -> Any:
        function.left_s = 5
        return real(**request)

    function.clients["dynamodb"].script["batch_write_item"] = [slow]
    assert function.invoke(notice, notice, "?") == ["1", "2"]


BROKEN = ReadTimeoutError(endpoint_url="http://127.0.0.1:1")
PAGE_VIEWS = lines(*[event("v", "page_view")] * 5_000)


class BreakingBody:
    """A body that breaks off after some bytes."""

    def __init__(self, body: Any, sizes: list[int], failure: Exception) -> None:
        self._body = body
        self._sizes = sizes
        self._failure = failure

    def read(self, _: int) -> bytes:
        if not self._sizes:
            raise self._failure
        data: bytes = self._body.read(self._sizes.pop(0))
        return data

    def close(self) -> None:
        self._body.close()


def breaking_after(*sizes: int, failure: Exception = BROKEN) -> Any:
    def step(real: Any, request: dict[str, Any]) -> Any:
        answer = real(**request)
        return answer | {"Body": BreakingBody(answer["Body"], list(sizes), failure)}

    return step


@pytest.mark.parametrize(
    "failure",
    [BROKEN, IncompleteReadError(actual_bytes=1, expected_bytes=2), ResponseStreamingError(error="?"), SSLError("?")],
    ids=["time out", "incomplete", "reset", "TLS"],
)
def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], failure: Exception
) -> None:
    breaking = breaking_after(1000, 57, failure=failure)
    content = gzip.compress(lines(*(event(f"e{number:03}") for number in range(300))), compresslevel=1)
    function.clients["s3"].script["get_object"] = [error("SlowDown", 503), breaking, breaking]
    assert function.invoke(drop(aws, content, "clickstream/a.json.gz")) == []
    assert ids(alerts()) == [f"e{number:03}" for number in range(300)]
    assert function.clients["s3"].calls.count("get_object") == 4


def test_what_was_read_of_a_file_with_few_alerts_is_alerted_when_the_time_is_over(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    notice = drop(aws, lines(event("e1")) + PAGE_VIEWS + lines(event("e2")))

    def slow(real: Any, request: dict[str, Any]) -> Any:
        if "Range" in request:
            function.left_s = 10
        return real(**request)

    function.clients["s3"].script["get_object"] = [breaking_after(400_000), slow]
    assert function.invoke(notice) == ["0"]
    assert ids(alerts()) == ["e1"]
    function.left_s = 60
    assert function.invoke(notice) == []
    assert [(alert.event_id, alert.maybe_repeat) for alert in alerts()] == [("e2", False)]


def test_without_time_to_end_it_nothing_is_claimed(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    notice = drop(aws, lines(event("e1")) + PAGE_VIEWS)

    def too_slow(real: Any, request: dict[str, Any]) -> Any:
        function.left_s = 1
        return real(**request)

    function.clients["s3"].script["get_object"] = [breaking_after(400_000), too_slow]
    assert function.invoke(notice) == ["0"]
    assert function.clients["dynamodb"].calls == []


def test_what_was_read_of_a_file_that_cannot_be_read_on_is_alerted(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    notice = drop(aws, lines(event("e1")) + PAGE_VIEWS)
    function.clients["s3"].script["get_object"] = [breaking_after(400_000), error("AccessDenied", 403)]
    assert function.invoke(notice) == ["0"]
    assert ids(alerts()) == ["e1"]


@pytest.mark.parametrize("knows_etag", [True, False])
@pytest.mark.parametrize("is_overwritten", [True, False])
def test_what_was_read_of_a_file_that_goes_meanwhile_is_alerted_and_a_warning_says_how_much(
    aws: Clients,
    function: Lambda,
    alerts: Callable[[], list[PurchaseAlert]],
    capsys: pytest.CaptureFixture[str],
    knows_etag: bool,
    is_overwritten: bool,
) -> None:
    notice = drop(aws, lines(event("e1")) + PAGE_VIEWS + lines(event("e2")))
    if not knows_etag:
        del notice["Records"][0]["s3"]["object"]["eTag"]

    def gone(real: Any, request: dict[str, Any]) -> Any:
        if is_overwritten:
            drop(aws, PAGE_VIEWS + lines(event("other")))
        else:
            aws.s3.delete_object(Bucket=RAW, Key="clickstream/drops/a.json")
        return real(**request)

    function.clients["s3"].script["get_object"] = [breaking_after(400_000), gone]
    assert function.invoke(notice) == []
    assert ids(alerts()) == ["e1"]
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["level"], told["message"], told["counts"]["published"]) == ("WARNING", "object gone", 1)


def test_a_file_that_takes_all_the_time_keeps_no_smaller_one_from_being_done(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]]
) -> None:
    large = drop(aws, PAGE_VIEWS + lines(event("e1")), "clickstream/large.json")
    small = drop(aws, lines(event("e2")), "clickstream/small.json")

    def endless(real: Any, request: dict[str, Any]) -> Any:
        if request["Key"] == "clickstream/large.json":
            function.left_s = 5
        return real(**request)

    function.clients["s3"].every = endless
    assert function.invoke(large, small) == ["0"]
    assert ids(alerts()) == ["e2"]


def test_a_file_that_fails_waits_for_its_share_of_the_time_only(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_calls, "time", SimpleNamespace(monotonic=lambda: -function.left_s))
    failing = drop(aws, lines(event("e1")), "clickstream/failing.json")
    fine = drop(aws, lines(event("e2", page_url="https://shop.example")), "clickstream/fine.json")

    def throttle(real: Any, request: dict[str, Any]) -> Any:
        if '"e1"' in request["PublishBatchRequestEntries"][0]["Message"]:
            raise error("Throttling")
        return real(**request)

    function.clients["sns"].every = throttle
    assert function.invoke(failing, fine) == ["0"]
    assert ids(alerts()) == ["e2"]


def test_a_file_that_may_not_be_read_leaves_the_message(aws: Clients, function: Lambda) -> None:
    function.clients["s3"].script["get_object"] = [error("AccessDenied", 403)]
    assert function.invoke(drop(aws, lines(event("e1")))) == ["0"]


def test_a_fault_of_ours_fails_its_message_only(
    aws: Clients, function: Lambda, alerts: Callable[[], list[PurchaseAlert]], capsys: pytest.CaptureFixture[str]
) -> None:
    function.clients["s3"].script["get_object"] = [KeyError("secret-of-a-user")]
    broken, fine = drop(aws, lines(event("e0"))), drop(aws, lines(event("e1")), "clickstream/b.json")
    assert function.invoke(broken, fine) == ["0"]
    assert ids(alerts()) == ["e1"]
    told = capsys.readouterr().out
    assert '"error_type": "KeyError"' in told
    assert "secret-of-a-user" not in told


def test_the_log_has_ids_and_counts_and_nothing_of_the_events(
    aws: Clients, function: Lambda, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {"event_type": "purchase", "user_id": "user-4711"}
    function.invoke(drop(aws, lines(event("e1", user_id="user-4711"), event("v", "page_view"), bad)), "{")
    out = capsys.readouterr().out
    assert "4711" not in out
    left, done = map(json.loads, out.splitlines())
    assert done["message"] == "object done"
    expected = {"events": 3, "filtered": 1, "published": 1, "receipts": 1, "dead_letters_sent": 1}
    assert expected.items() <= done["counts"].items()
    assert (left["message"], left["message_id"]) == ("message to be tried again", "1")


def test_wrong_settings_fail_the_invocation_and_are_read_again_by_the_next(
    aws: Clients, function: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLICKSTREAM_MAX_ALERT_AGE", "a while")
    with pytest.raises(ConfigError):
        function.invoke({"Records": []})
    monkeypatch.setenv("CLICKSTREAM_MAX_ALERT_AGE", "off")
    assert function.invoke({"Records": []}) == []


def test_what_is_no_batch_of_messages_is_refused(function: Lambda) -> None:
    with pytest.raises(BadRecordError):
        lambda_handler.handler({"detail": {}}, function)
