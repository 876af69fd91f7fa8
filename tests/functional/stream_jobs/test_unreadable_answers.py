"""Answers that say they are a success and cannot be read, from a server of the test's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from schemas.alert import PurchaseAlert, encode_alert
from schemas.errors import WorkFailedError
from schemas.receipt import decode_receipt, encode_receipt, receipt_of
from schemas.settings import Settings
from stream_jobs import aws_calls
from stream_jobs.outbox import Entry
from stream_jobs.patience import GaveUpError, Patience
from stream_jobs.probe import probe
from stream_jobs.receipts import ReceiptFiles
from stream_jobs.rules import rules_of
from stream_jobs.topic import AlertTopics

ARRIVAL = "2026-11-24T10:00:00.000000Z"
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:PurchaseAlerts"
ALERT = PurchaseAlert(
    event_id="a",
    event_type="purchase",
    user_id="u",
    session_id="s",
    event_timestamp=ARRIVAL,
    arrival_timestamp=ARRIVAL,
)
SETTINGS = Settings(
    stream="clickstream",
    raw_bucket="clickstream-raw",
    curated_bucket="clickstream-curated",
    alerts_topic_arn=TOPIC_ARN,
    dead_letter_queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/clickstream-dead-letters",
)
TAKEN = (
    b'<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Failed/><Successful>'
    b"<member><Id>a</Id><MessageId>m-a</MessageId></member></Successful></PublishBatchResult></PublishBatchResponse>"
)
PAGE = b"<html><body>Sign in<br></body></html>"
UNREADABLE = {
    "a proxy's page": (200, PAGE),
    "a page that is XML": (200, b"<html><body/></html>"),
    "nothing": (200, b""),
    "cut": (200, TAKEN[:120]),
    "an entry without its id": (200, TAKEN.replace(b"<Id>a</Id>", b"")),
    "a refusal by a proxy": (403, PAGE),
    "a proxy without its server": (502, PAGE),
}


class Server(ThreadingHTTPServer):
    """Gives its answers one after another, the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def do_PUT(self) -> None:
        self.send_response_only(100)
        self.end_headers()
        self.do_POST()

    def _answer(self) -> None:
        answers = self.server.answers
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()


def patience() -> Patience:
    seconds = iter(range(1_000))
    return Patience(60, lambda: next(seconds), lambda _: False, lambda: 0.5)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_publish_whose_answer_cannot_be_read_is_made_again_and_flagged(server: Server, name: str) -> None:
    server.answers = [UNREADABLE[name], (200, TAKEN)]
    door = AlertTopics(aws_calls.client("sns"), {"purchase": TOPIC_ARN}, patience, lambda: 0)
    body = encode_alert(ALERT)
    delivery = door.deliver([Entry("a", body, door.address(body), False, 0)])
    assert delivery.failure is None
    [receipt] = map(decode_receipt, delivery.receipts)
    assert (receipt.message_id, receipt.maybe_repeat) == ("m-a", True)


@pytest.mark.parametrize("body", [b"", PAGE, b"{}", b'{"ShardIt'])
def test_an_answer_without_its_member_is_asked_for_again(server: Server, body: bytes) -> None:
    server.answers = [(200, body), (200, b'{"ShardIterator": "i"}')]
    kinesis = aws_calls.client("kinesis")

    def ask() -> Any:
        return kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-0", ShardIteratorType="LATEST")

    answer = aws_calls.call_until_answered("find the position", ask, patience(), "ShardIterator")
    assert answer["ShardIterator"] == "i"


def test_a_receipt_is_kept_only_where_the_bucket_says_which_object_it_made(server: Server) -> None:
    server.answers = [(200, PAGE), (200, b"")]
    door = ReceiptFiles(aws_calls.client("s3"), "clickstream-curated", patience)
    line = encode_receipt(receipt_of(ALERT, "m-a", 0))
    with pytest.raises(GaveUpError, match="it has no ETag"):
        door.deliver([Entry("a", line, door.address(line), False, 0)])


def test_a_job_does_not_start_against_what_cannot_be_read(server: Server) -> None:
    server.answers = [(200, PAGE)]
    with pytest.raises(WorkFailedError, match="stream clickstream cannot be reached"):
        probe(SETTINGS, rules_of(SETTINGS))
