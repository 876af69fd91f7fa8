"""The emulator process as its clients see it: many at once, on kept connections, and failing on request."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from infra.local.description import DESCRIPTION, connect, create


class Emulator(Protocol):
    environment: dict[str, str]
    endpoint: str

    def client(self, service: str) -> Any: ...
    def inject(self, **faults: Any) -> None: ...
    def clear_faults(self) -> None: ...


@pytest.fixture
def faulty(emulator: Emulator) -> Iterator[Emulator]:
    yield emulator
    emulator.clear_faults()


def everything_in(kinesis: Any, stream: str) -> list[bytes]:
    found: list[bytes] = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        asked = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        position = kinesis.get_shard_iterator(**asked)["ShardIterator"]
        is_at_end = False
        while not is_at_end:
            answer = kinesis.get_records(ShardIterator=position)
            found += [record["Data"] for record in answer["Records"]]
            position, is_at_end = answer["NextShardIterator"], answer["MillisBehindLatest"] == 0
    return found


def test_eight_writers_lose_nothing(emulator: Emulator) -> None:
    emulator.client("kinesis").create_stream(StreamName="crowded", ShardCount=2)

    def write(writer: int) -> list[bytes]:
        kinesis = emulator.client("kinesis")
        mine = [f"{writer}-{number}".encode() for number in range(100)]
        for start in range(0, 100, 5):
            records = [{"Data": data, "PartitionKey": data.decode()} for data in mine[start : start + 5]]
            assert kinesis.put_records(StreamName="crowded", Records=records)["FailedRecordCount"] == 0
        return mine

    with ThreadPoolExecutor(8) as writers:
        written = [data for mine in writers.map(write, range(8)) for data in mine]
    assert sorted(everything_in(emulator.client("kinesis"), "crowded")) == sorted(written)


def test_entries_of_put_records_fail_on_request_and_the_others_are_stored(faulty: Emulator) -> None:
    kinesis = faulty.client("kinesis")
    kinesis.create_stream(StreamName="partial", ShardCount=1)
    throttle = "ProvisionedThroughputExceededException"
    faulty.inject(**{"kinesis.PutRecords": {"fail_records": [0, 2], "record_error": throttle, "times": 1}})
    records = [{"Data": data, "PartitionKey": "user"} for data in (b"a", b"b", b"c")]
    answer = kinesis.put_records(StreamName="partial", Records=records)
    assert answer["FailedRecordCount"] == 2
    assert [record.get("ErrorCode") for record in answer["Records"]] == [throttle, None, throttle]
    assert everything_in(kinesis, "partial") == [b"b"]
    assert kinesis.put_records(StreamName="partial", Records=records)["FailedRecordCount"] == 0


def test_entries_of_sns_and_sqs_batches_fail_on_request(faulty: Emulator) -> None:
    faulty.inject(
        **{"sns.PublishBatch": {"fail_records": [1]}, "sqs.SendMessageBatch": {"ratio": 1.0, "record_error": "Busy"}}
    )
    topic = faulty.client("sns").create_topic(Name="Partial")["TopicArn"]
    published = faulty.client("sns").publish_batch(
        TopicArn=topic, PublishBatchRequestEntries=[{"Id": name, "Message": name} for name in ("a", "b")]
    )
    assert [entry["Id"] for entry in published["Successful"]] == ["a"]
    assert [(entry["Id"], entry["Code"]) for entry in published["Failed"]] == [("b", "InternalFailure")]
    sqs = faulty.client("sqs")
    queue = sqs.create_queue(QueueName="partial")["QueueUrl"]
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "a"}])
    assert [(entry["Id"], entry["Code"]) for entry in sent["Failed"]] == [("a", "Busy")]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_entries_of_dynamodb_batches_are_left_out_on_request(faulty: Emulator) -> None:
    table = DESCRIPTION.dropped_files_table
    client = faulty.client("dynamodb")
    puts = [{"PutRequest": {"Item": {"event_key": {"S": name}}}} for name in ("a", "b", "c")]
    faulty.inject(**{"dynamodb.BatchWriteItem": {"fail_records": [1]}, "dynamodb.BatchGetItem": {"fail_records": [2]}})
    assert client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {table: [puts[1]]}
    keys = [{"event_key": {"S": name}} for name in ("a", "b", "c")]
    answer = client.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
    assert answer["Responses"] == {table: [keys[0]]}
    assert answer["UnprocessedKeys"] == {table: {"Keys": [keys[2]], "ConsistentRead": True}}
    answer = client.batch_get_item(RequestItems={table: {"Keys": keys}})
    assert (len(answer["Responses"][table]), answer["UnprocessedKeys"]) == (2, {})


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("kinesis.DescribeLimits", lambda client: client.describe_limits()),
        ("glue.GetDatabases", lambda client: client.get_databases()),
        ("sns.ListTopics", lambda client: client.list_topics()),
        ("sqs.ListQueues", lambda client: client.list_queues()),
        ("dynamodb.ListTables", lambda client: client.list_tables()),
        ("s3.ListObjectsV2", lambda client: client.list_objects_v2(Bucket="clickstream-raw")),
    ],
)
def test_any_service_fails_on_request_in_its_own_protocol_and_recovers(
    operation: str, call: Any, faulty: Emulator
) -> None:
    client = faulty.client(operation.partition(".")[0])
    faulty.inject(**{operation: [{"error": "InternalFailure"}, {"error": "ThrottlingException"}]})
    for code, status in (("InternalFailure", 500), ("ThrottlingException", 400)):
        with pytest.raises(ClientError) as failed:
            call(client)
        assert failed.value.response["Error"]["Code"] == code
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    call(client)


def test_a_request_may_be_carried_out_and_only_its_answer_lost(faulty: Emulator) -> None:
    s3 = faulty.client("s3")
    faulty.inject(**{"s3.PutObject": {"error": "InternalError", "applied": True}})
    with pytest.raises(ClientError):
        s3.put_object(Bucket="clickstream-raw", Key="lost", Body=b"kept")
    assert s3.get_object(Bucket="clickstream-raw", Key="lost")["Body"].read() == b"kept"


def test_bodies_of_any_size_travel_whole_on_one_connection(emulator: Emulator) -> None:
    s3 = emulator.client("s3")
    for size in (0, 1, 70_000, 9_000_000):
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        s3.put_object(Bucket="clickstream-raw", Key="sized", Body=body)
        assert s3.head_object(Bucket="clickstream-raw", Key="sized")["ContentLength"] == size
        assert s3.get_object(Bucket="clickstream-raw", Key="sized")["Body"].read() == body
    s3.delete_object(Bucket="clickstream-raw", Key="sized")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="clickstream-raw", Key="sized")


def test_a_body_of_unknown_length_is_read_to_its_end_and_the_connection_goes_on(emulator: Emulator) -> None:
    connection = http.client.HTTPConnection(urlsplit(emulator.endpoint).netloc, timeout=10)
    try:
        connection.request("PUT", "/clickstream-raw/chunked", body=iter([b"a" * 10, b"b"]))
        assert connection.getresponse().read() == b""
        kept = connection.sock
        connection.request("GET", "/_clickstream/health")
        assert connection.getresponse().read() == b"{}"
        assert connection.sock is kept
    finally:
        connection.close()
    stored = emulator.client("s3").get_object(Bucket="clickstream-raw", Key="chunked")
    assert stored["Body"].read() == b"a" * 10 + b"b"


def test_what_the_emulator_cannot_do_is_an_error_of_that_request_only(emulator: Emulator) -> None:
    glue = emulator.client("glue")
    with pytest.raises(ClientError, match="50"):
        glue.get_dataflow_graph(PythonScript="pass")
    assert glue.get_databases()["DatabaseList"]


def test_a_plan_of_faults_that_makes_no_sense_is_refused(emulator: Emulator) -> None:
    with pytest.raises(HTTPError, match="400"):
        emulator.inject(**{"kinesis.PutRecords": {"eror": "misspelt"}})


def test_creating_the_resources_again_changes_nothing(emulator: Emulator) -> None:
    again = create(DESCRIPTION, connect(emulator.environment)).resources_as_environment()
    assert again.items() <= emulator.environment.items()
    summary = emulator.client("kinesis").describe_stream_summary(StreamName="clickstream")
    assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 2
    database = emulator.client("glue").get_database(Name="clickstream")["Database"]
    assert database["LocationUri"] == "s3://clickstream-curated/clickstream"
    notified = emulator.client("s3").get_bucket_notification_configuration(Bucket=DESCRIPTION.raw_bucket)
    told = [queue["QueueArn"].rpartition(":")[2] for queue in notified["QueueConfigurations"]]
    assert told == [DESCRIPTION.dropped_files, DESCRIPTION.raw_objects]
    ttl = emulator.client("dynamodb").describe_time_to_live(TableName=DESCRIPTION.dropped_files_table)
    topics = {topic["TopicArn"] for topic in emulator.client("sns").list_topics()["Topics"]}
    assert {arn := emulator.environment["CLICKSTREAM_ALERTS_TOPIC_ARN"], f"{arn}.fifo"} <= topics
    assert ttl["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_the_tables_over_the_json_objects_of_both_buckets_are_there(emulator: Emulator) -> None:
    tables = emulator.client("glue").get_tables(DatabaseName=DESCRIPTION.raw_database)["TableList"]
    assert {table["Name"]: table["StorageDescriptor"]["Location"] for table in tables} == {
        "click_events_raw": "s3://clickstream-raw/clickstream/",
        "purchase_receipts": "s3://clickstream-curated/purchases/",
    }


COMMITTER = """
import sys
import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException

endpoint, writer, commits = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
catalog = load_catalog("glue", type="glue", **{"glue.endpoint": endpoint, "s3.endpoint": endpoint,
    "glue.region": "us-east-1", "s3.region": "us-east-1", "glue.access-key-id": "x", "glue.secret-access-key": "x",
    "s3.access-key-id": "x", "s3.secret-access-key": "x"})
for number in range(commits):
    row = pa.table({"writer": pa.array([writer], pa.int64()), "number": pa.array([number], pa.int64())})
    for attempt in range(50):
        try:
            catalog.load_table("clickstream.contested").append(row)
            break
        except CommitFailedException:
            continue
    else:
        sys.exit("never got through")
"""


def test_two_processes_committing_to_one_table_lose_nothing(emulator: Emulator, tmp_path: Path) -> None:
    from pyiceberg.catalog import load_catalog
    from pyiceberg.schema import Schema
    from pyiceberg.types import LongType, NestedField

    access = {"region": "us-east-1", "access-key-id": "x", "secret-access-key": "x", "endpoint": emulator.endpoint}
    properties = {f"{service}.{name}": value for service in ("glue", "s3") for name, value in access.items()}
    catalog = load_catalog("glue", type="glue", **properties)
    columns = [NestedField(i, name, LongType(), required=False) for i, name in enumerate(("writer", "number"), 1)]
    catalog.create_table("clickstream.contested", Schema(*columns))
    script = tmp_path / "committer.py"
    script.write_text(COMMITTER)
    writers = [subprocess.Popen([sys.executable, script, emulator.endpoint, str(i), "6"]) for i in (1, 2)]
    try:
        assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    rows = catalog.load_table("clickstream.contested").scan().to_arrow().to_pylist()
    found = sorted((row["writer"], row["number"]) for row in rows)
    assert found == [(writer, number) for writer in (1, 2) for number in range(6)]
