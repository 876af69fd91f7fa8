"""What Terraform renders, brought to the emulator, does there what it is for: filters, redrives, rules, tables."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import duckdb
import pytest

from schemas.alert import alert_of
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.hive import RAW_TABLE
from schemas.instants import parse_instant_us
from schemas.lake import RAW_PREFIX, hour_folder
from schemas.notices import notices_of
from stream_jobs.topic import publish_entry
from tests.conftest import LocalStack
from tests.deployments import Deployment
from tests.integration.infra.emulated import bring

NAME = "clickstream-test"
AT_US = parse_instant_us("2026-11-24T10:00:00Z")
SUBSCRIBERS = ("germany", "everything")
# Types of Hive as DuckDB has them, but for the map, whose text is read as it stands.
TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "map<string,string>": "MAP(VARCHAR, VARCHAR)"}
WaitUntil = Callable[[Callable[[], bool], float], None]


class Deployed:
    """A deployment on the emulator."""

    def __init__(self, deployment: Deployment, emulator: LocalStack) -> None:
        self.state = deployment
        self.s3, self.sqs, self.sns = (emulator.client(service) for service in ("s3", "sqs", "sns"))
        self.glue = emulator.client("glue")

    def queue_url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def receive(self, name: str) -> list[dict[str, Any]]:
        """Receive what is in a queue, up to ten messages, and leave it to come back."""
        url = self.queue_url(name)
        messages: list[dict[str, Any]] = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages", []
        )
        return messages

    def take(self, name: str) -> list[str]:
        """Take everything out of a queue and return the bodies."""
        bodies = []
        while messages := self.receive(name):
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.queue_url(name), ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def bucket(self, what: str) -> str:
        [found] = [
            each.values["bucket"] for each in self.state.all("aws_s3_bucket") if f"-{what}-" in each.values["bucket"]
        ]
        return str(found)


@pytest.fixture(scope="module")
def deployed(deployment: Deployment, emulator: LocalStack) -> Deployed:
    for subscriber in SUBSCRIBERS:
        emulator.client("sqs").create_queue(QueueName=subscriber)
    bring(deployment, emulator)
    return Deployed(deployment, emulator)


def purchase(event_id: str, **metadata: str) -> ClickEvent:
    return ClickEvent(
        event_id=event_id,
        user_id="u-1",
        session_id="s-1",
        event_type="purchase",
        event_timestamp_us=AT_US,
        metadata=metadata,
    )


def test_a_subscriber_with_a_filter_gets_the_alerts_that_it_names_and_no_others(deployed: Deployed) -> None:
    events = {
        "matches": purchase("matches", country="DE", amount_minor="1000", currency="EUR"),
        "too-small": purchase("too-small", country="DE", amount_minor="999", currency="EUR"),
        "elsewhere": purchase("elsewhere", country="FR", amount_minor="5000", currency="EUR"),
        "unsaid": purchase("unsaid"),
    }
    topic = deployed.state.one("aws_sns_topic", name=f"{NAME}-PurchaseAlerts")["arn"]
    entries = [publish_entry(name, alert_of(event, AT_US)) for name, event in events.items()]
    answer = deployed.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert len(answer["Successful"]) == len(events)

    # The bodies are the alerts themselves: delivery is raw.
    got = {name: sorted(json.loads(body)["event_id"] for body in deployed.take(name)) for name in SUBSCRIBERS}
    assert got == {"germany": ["matches"], "everything": sorted(events)}


def test_what_a_subscriber_does_not_take_has_a_queue_of_its_own(deployed: Deployed) -> None:
    topic = deployed.state.one("aws_sns_topic", name=f"{NAME}-PurchaseAlerts")["arn"]
    found = deployed.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    for subscription in found:
        attributes = deployed.sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
        dead_arn = json.loads(attributes["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
        subscriber = subscription["Endpoint"].rpartition(":")[2]
        assert dead_arn.endswith(f":{NAME}-{subscriber}-undelivered")
        assert deployed.queue_url(dead_arn.rpartition(":")[2])
    assert len(found) == len(SUBSCRIBERS)


def test_a_message_that_is_received_too_often_comes_to_the_dead_letter_queue(deployed: Deployed) -> None:
    queue = f"{NAME}-dropped-files"
    url = deployed.queue_url(queue)
    deployed.take(queue)
    attributes = deployed.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"])
    most = int(redrive["maxReceiveCount"])
    deployed.sqs.send_message(QueueUrl=url, MessageBody="nobody can read this")

    for _ in range(most):
        [message] = deployed.receive(queue)
        deployed.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    assert deployed.receive(queue) == []
    assert deployed.take(redrive["deadLetterTargetArn"].rpartition(":")[2]) == ["nobody can read this"]


@pytest.mark.parametrize("queue", [f"{NAME}-raw-objects", f"{NAME}-dropped-files"])
def test_an_object_below_the_raw_prefix_is_told_to_its_readers_and_another_is_not(
    deployed: Deployed, queue: str, wait_until: WaitUntil
) -> None:
    deployed.take(queue)
    bucket = deployed.bucket("raw")
    keys = ["elsewhere/a.json", f"{RAW_PREFIX.rstrip('/')}-errors/a.json", f"{RAW_PREFIX}{queue}.json"]
    for key in keys:
        deployed.s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
    bodies: list[str] = []

    def has_come() -> bool:
        bodies.extend(deployed.take(queue))
        return bool(bodies)

    wait_until(has_come, 10)
    # The programs read the message by this very function.
    notices = [notice for body in bodies for notice in notices_of(body)]
    assert [(notice.bucket, notice.key) for notice in notices] == [(bucket, keys[-1])]


def test_an_object_is_encrypted_with_the_lake_s_key_whoever_puts_it(deployed: Deployed) -> None:
    key = deployed.state.at('keys.aws_kms_key.this["lake"]')["arn"]
    for what in ("raw", "curated", "athena-results", "artifacts"):
        deployed.s3.put_object(Bucket=deployed.bucket(what), Key="anything", Body=b"")
        head = deployed.s3.head_object(Bucket=deployed.bucket(what), Key="anything")
        assert head["ServerSideEncryption"] == "aws:kms", what
        assert head["SSEKMSKeyId"] == key, what


def test_a_raw_object_that_is_overwritten_or_deleted_can_be_brought_back(deployed: Deployed) -> None:
    place = {"Bucket": deployed.bucket("raw"), "Key": "twice"}
    first = deployed.s3.put_object(**place, Body=b"first")["VersionId"]
    deployed.s3.put_object(**place, Body=b"second")
    deployed.s3.delete_object(**place)
    assert deployed.s3.get_object(**place, VersionId=first)["Body"].read() == b"first"


def test_every_bucket_is_closed_to_the_public(deployed: Deployed) -> None:
    for bucket in [each.values["bucket"] for each in deployed.state.all("aws_s3_bucket")]:
        closed = deployed.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert set(closed.values()) == {True}, bucket


def test_the_table_reads_the_columns_of_raw_objects(deployed: Deployed, tmp_path: Path) -> None:
    [database] = [
        each.values["database_name"]
        for each in deployed.state.all("aws_glue_catalog_table")
        if each.values["name"] == RAW_TABLE
    ]
    table = deployed.glue.get_table(DatabaseName=database, Name=RAW_TABLE)["Table"]
    event = purchase("e-1", country="DE", amount_minor="1000")
    place = f"{RAW_PREFIX}{hour_folder(AT_US)}firehose-1.json.gz"
    deployed.s3.put_object(Bucket=deployed.bucket("raw"), Key=place, Body=gzip.compress(encode(event) + b"\n"))

    # As Athena finds it: the template of the projection names the folder of each hour.
    template = table["Parameters"]["storage.location.template"]
    folders = {key["Name"] for key in table["PartitionKeys"]}
    hour = Template(template).substitute(year="2026", month="11", day="24", hour="10")
    assert folders == {"year", "month", "day", "hour"}
    bucket, _, prefix = hour.removeprefix("s3://").partition("/")
    [found] = deployed.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    body = deployed.s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()

    lines = tmp_path / "lines.json"
    lines.write_bytes(gzip.decompress(body))
    columns = {column["Name"]: TYPES[column["Type"]] for column in table["StorageDescriptor"]["Columns"]}
    read = duckdb.execute(f"SELECT * FROM read_json('{lines}', format = 'newline_delimited', columns = {columns!r})")
    [values] = read.fetchall()
    row = dict(zip(columns, values, strict=True))
    expected = json.loads(encode(event))
    assert {name: value for name, value in row.items() if value is not None} == expected
