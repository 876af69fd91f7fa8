"""Redriving dead letters, with emulated services and a topic that answers as it is told."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from msgspec.structs import replace

from schemas.alert import alert_of, decode_alert, encode_alert
from schemas.dead_letter import DeadLetter, dead_letter_of, encode_dead_letter
from schemas.errors import WorkFailedError
from schemas.event import ClickEvent
from schemas.instants import parse_instant_us
from schemas.receipt import decode_receipt
from schemas.settings import Settings
from stream_jobs import letters, redrive
from stream_jobs.dead_letters import DeadLetterQueue
from stream_jobs.found_letters import Selection
from stream_jobs.letters import LetterQueue
from stream_jobs.marks import MARKS_PREFIX, Marks
from stream_jobs.patience import Patience
from stream_jobs.payloads import Payloads
from stream_jobs.receipts import ReceiptFiles
from stream_jobs.redeciding import Decider
from stream_jobs.redrive import Redrive, Tally, Ways
from stream_jobs.rules import rules_of
from stream_jobs.topic import AlertTopics

BUCKET = "clickstream-curated"
ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
FOR_EVER = 1_000
EVERY = Selection()


def patience() -> Patience:
    seconds = iter(range(1_000))
    return Patience(5, lambda: next(seconds), lambda _: False, lambda: 0.5)


def line(event_id: str, **fields: Any) -> bytes:
    known = {
        "event_id": event_id,
        "user_id": "u",
        "session_id": "s",
        "event_type": "purchase",
        "event_timestamp": "2026-11-24T10:00:00Z",
    }
    return json.dumps(known | fields).encode()


def letter(payload: bytes, reason: str = "bad_timestamp") -> DeadLetter:
    return dead_letter_of(payload, reason=reason, detail="why", stage="decode", arrival_us=ARRIVAL_US)


def alert_letter(event_id: str) -> DeadLetter:
    event = ClickEvent(
        event_id=event_id, user_id="u", session_id="s", event_type="purchase", event_timestamp_us=ARRIVAL_US
    )
    payload = encode_alert(alert_of(event, ARRIVAL_US))
    return dead_letter_of(
        payload, reason="publish_rejected", detail="why", stage="publish", arrival_us=ARRIVAL_US, event_id=event_id
    )


def refuse(code: str = "AccessDenied", status: int = 403, **_: Any) -> Any:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    raise ClientError(response, "Call")


class Topic:
    """An SNS client whose next calls fail with these codes, or fail single entries; `published` is what went out."""

    def __init__(self, sns: Any) -> None:
        self._sns = sns
        self.codes: list[str] = []
        self.failing_ids: set[str] = set()
        self.published: list[tuple[str, bool]] = []
        self.on_publish: Callable[[], object] = lambda: None

    def publish_batch(self, **arguments: Any) -> Any:
        self.on_publish()
        if self.codes:
            code = self.codes.pop(0)
            refuse(code, 500 if code == "InternalError" else 400)
        alerts = {each["Id"]: decode_alert(each["Message"]) for each in arguments["PublishBatchRequestEntries"]}
        failing = {key for key, alert in alerts.items() if alert.event_id in self.failing_ids}
        self.published += [(alert.event_id, alert.maybe_repeat) for key, alert in alerts.items() if key not in failing]
        return {
            "Successful": [{"Id": key, "MessageId": f"m-{key}"} for key in alerts.keys() - failing],
            "Failed": [{"Id": key, "Code": "InternalError", "SenderFault": False} for key in failing],
        }


class Deployment:
    """A queue, a bucket and a topic, and redrives over them."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        client: Callable[..., Any] = boto3.client
        self.sqs, self.s3, sns = (client(name, region_name="us-east-1") for name in ("sqs", "s3", "sns"))
        self.queue_url = self.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
        self.s3.create_bucket(Bucket=BUCKET)
        self.topic = Topic(sns)
        self.said: list[str] = []
        self._threads = threads
        self._rules = rules_of(
            Settings(
                stream="clickstream",
                raw_bucket="raw-bucket",
                curated_bucket=BUCKET,
                alerts_topic_arn=sns.create_topic(Name="PurchaseAlerts")["TopicArn"],
                dead_letter_queue_url=self.queue_url,
            )
        )

    def put(self, *letters: DeadLetter) -> None:
        for each in letters:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=encode_dead_letter(each).decode())

    def visible(self) -> int:
        name = "ApproximateNumberOfMessages"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def receipts(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="purchases/").get("Contents", ())
        bodies = [gzip.decompress(self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()) for each in found]
        return sorted(decode_receipt(line).event_id for body in bodies for line in body.splitlines())

    def marks(self) -> int:
        return int(self.s3.list_objects_v2(Bucket=BUCKET, Prefix=MARKS_PREFIX)["KeyCount"])

    def looking(self) -> LetterQueue:
        return LetterQueue(self.sqs, self.queue_url, 60, patience, Event().wait, self.said.append)

    def redrive(self, selection: Selection = EVERY, queue: LetterQueue | None = None) -> Tally:
        tally, failure = self.broken_redrive(selection, queue)
        assert failure is None
        return tally

    def broken_redrive(
        self,
        selection: Selection = EVERY,
        queue: LetterQueue | None = None,
    ) -> tuple[Tally, WorkFailedError | None]:
        with queue or self.looking() as held:
            ways = Ways(
                held,
                Payloads(self.s3, BUCKET, patience),
                Marks(self.s3, BUCKET, patience),
                AlertTopics(self.topic, self._rules.topic_arns(), patience, lambda: ARRIVAL_US + 1_000_000),
                ReceiptFiles(self.s3, BUCKET, patience, 0),
                DeadLetterQueue(self.sqs, self.s3, self.queue_url, BUCKET, patience),
                self._threads,
            )
            run = Redrive(
                ways, Decider(self._rules), lambda: False, lambda _: None, lambda _, why: self.said.append(why)
            )
            try:
                run.run(selection, dry=False)
            except WorkFailedError as failure:
                return run.tally, failure
            run.forget_old_marks()
            return run.tally, None


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    monkeypatch.setattr(letters, "_POLL_S", 0)  # nothing is slow to be seen here
    with mock_aws(), ThreadPoolExecutor(4) as threads:
        yield Deployment(threads)


def test_the_letters_of_an_event_that_is_rejected_all_stay(deployment: Deployment) -> None:
    deployment.put(letter(line("twin")), letter(line("twin")))
    deployment.topic.codes = ["InvalidParameter"]
    tally = deployment.redrive()
    assert (tally.redriven, tally.still_bad, tally.alerts, tally.duplicates) == (0, 2, 0, 0)
    assert deployment.visible() == 2
    tally = deployment.redrive()
    assert (tally.redriven, tally.alerts, tally.duplicates) == (2, 1, 1)
    assert deployment.topic.published == [("twin", False)]


def test_of_the_letters_of_an_event_one_that_is_in_doubt_makes_it_a_repeat(deployment: Deployment) -> None:
    deployment.put(letter(line("twin")), replace(alert_letter("twin"), attempts=2), letter(line("twin")))
    assert deployment.redrive().duplicates == 2
    assert deployment.topic.published == [("twin", True)]


def test_an_event_that_was_rejected_is_tried_again_from_a_letter_that_is_read_later(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "_GROUP_READS", 1)
    deployment.put(letter(line("twin")), *(letter(line(f"e-{number}")) for number in range(9)))
    deployment.put(letter(line("twin")))
    deployment.topic.codes = ["ValidationError"] + ["InvalidParameter"] * 10  # all of the first ten, one by one
    tally = deployment.redrive()
    assert (tally.redriven, tally.still_bad, tally.duplicates) == (1, 10, 0)
    assert deployment.topic.published == [("twin", False)]


def test_the_letters_of_an_event_that_is_in_doubt_all_stay(deployment: Deployment) -> None:
    deployment.put(letter(line("twin")), letter(line("twin")))
    deployment.topic.codes = ["InternalError"] * FOR_EVER
    tally, failure = deployment.broken_redrive()
    assert failure is not None
    assert (tally.redriven, tally.still_bad, tally.duplicates) == (0, 0, 0)
    assert deployment.visible() == 2


def test_a_topic_that_took_nothing_leaves_nothing_in_doubt(deployment: Deployment) -> None:
    deployment.put(*(letter(line(f"e-{number}")) for number in range(3)))
    deployment.topic.codes = ["Throttling"] * FOR_EVER
    _, failure = deployment.broken_redrive()
    assert failure is not None
    assert (deployment.visible(), deployment.marks()) == (3, 0)
    deployment.topic.codes = []
    assert deployment.redrive().maybe_repeat == 0
    assert sorted(deployment.topic.published) == [(f"e-{number}", False) for number in range(3)]


def test_what_is_in_doubt_stays_so_when_the_next_redrive_cannot_even_begin(deployment: Deployment) -> None:
    deployment.put(letter(line("e")))
    deployment.topic.codes = ["InternalError"] * FOR_EVER
    assert deployment.broken_redrive()[1] is not None
    # A user's alerts keep their order: behind a batch that fails, the last one does not even go out.
    deployment.sqs.purge_queue(QueueUrl=deployment.queue_url)
    deployment.put(*(letter(line(f"e-{number}")) for number in range(10)), letter(line("e")))
    deployment.topic.codes = ["Throttling"] * FOR_EVER
    assert deployment.broken_redrive()[1] is not None
    deployment.topic.codes = []
    assert deployment.redrive().maybe_repeat == 1


@pytest.mark.parametrize("payload", ["line", "alert"])
@pytest.mark.parametrize(("before", "is_in_doubt"), [("InternalError", True), ("Throttling", False)])
def test_what_was_refused_after_a_call_that_broke_off_may_be_a_repeat(
    deployment: Deployment, payload: str, before: str, is_in_doubt: bool
) -> None:
    deployment.put(letter(line("e")) if payload == "line" else alert_letter("e"))
    deployment.topic.codes = [before, "InvalidParameter"]
    assert deployment.redrive().still_bad == 1
    assert deployment.redrive().maybe_repeat == is_in_doubt
    assert deployment.topic.published == [("e", is_in_doubt)]


def test_of_a_batch_that_breaks_off_what_was_acknowledged_is_done(deployment: Deployment) -> None:
    deployment.put(*(letter(line(f"e-{number}")) for number in range(5)))
    deployment.topic.failing_ids = {"e-1", "e-3"}
    tally, failure = deployment.broken_redrive()
    assert failure is not None
    assert (tally.redriven, tally.alerts, tally.still_bad) == (3, 3, 0)
    assert deployment.receipts() == ["e-0", "e-2", "e-4"]
    assert (deployment.visible(), deployment.marks()) == (2, 5)

    deployment.topic.failing_ids = set()
    tally = deployment.redrive()
    assert (tally.redriven, tally.maybe_repeat) == (2, 2)
    assert deployment.receipts() == [f"e-{number}" for number in range(5)]
    assert deployment.topic.published[3:] in ([("e-1", True), ("e-3", True)], [("e-3", True), ("e-1", True)])
    assert deployment.visible() == 0


def test_a_receipt_that_cannot_be_kept_keeps_the_letter(deployment: Deployment) -> None:
    deployment.put(letter(line("e")))
    put_object = deployment.s3.put_object
    deployment.topic.on_publish = lambda: setattr(deployment.s3, "put_object", refuse)
    tally, failure = deployment.broken_redrive()
    assert "purchases/" in str(failure)
    assert (tally.redriven, deployment.visible()) == (0, 1)
    deployment.s3.put_object, deployment.topic.on_publish = put_object, lambda: None
    deployment.redrive()
    assert deployment.topic.published == [("e", False), ("e", True)]


def test_what_comes_while_it_runs_is_left_for_the_next(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redrive, "_GROUP_READS", 1)
    deployment.put(letter(line("before")))
    queue = deployment.looking()

    def come() -> None:
        queue.wait_for_later()
        deployment.put(letter(line("meanwhile")))

    deployment.topic.on_publish = come
    tally = deployment.redrive(queue=queue)
    assert (tally.redriven, tally.skipped, tally.alerts) == (1, 1, 1)
    assert deployment.visible() == 1


def test_parts_that_it_puts_back_are_not_taken_on_by_itself(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "_GROUP_READS", 1)
    deployment.put(replace(letter(line("good") + b"\n" + line("bad", user_id=""), "broken_frame"), stage="frame"))
    tally = deployment.redrive()
    assert (tally.still_bad, tally.alerts) == (1, 1)
    assert deployment.visible() == 1


def test_letters_do_not_wait_for_others_of_a_rare_kind(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redrive, "_GROUP_READS", 2)
    deployment.put(letter(line("meant")), *(letter(line(f"e-{number}"), "not_json") for number in range(60)))
    left: list[int] = []
    deployment.topic.on_publish = lambda: left.append(deployment.visible())
    tally = deployment.redrive(Selection(reasons=frozenset({"bad_timestamp"})))
    assert (tally.redriven, tally.skipped) == (1, 60)
    assert left[0] > 0


def test_marks_outlive_their_letters_and_go_by_their_age(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.put(letter(line("e")))
    deployment.redrive()
    assert deployment.marks() == 1
    monkeypatch.setattr(redrive, "_MARKS_KEPT_US", -60_000_000)
    deployment.redrive()
    assert deployment.marks() == 0


def test_a_payload_that_may_not_be_read_holds_up_no_other_letter(deployment: Deployment) -> None:
    location = f"s3://{BUCKET}/dead-letters/{'0' * 64}"
    deployment.put(replace(letter(b""), payload_base64=None, payload_location=location), letter(line("other")))
    deployment.s3.get_object = refuse
    tally = deployment.redrive()
    assert (tally.redriven, tally.still_bad) == (1, 1)
    assert "AccessDenied" in deployment.said[0]
