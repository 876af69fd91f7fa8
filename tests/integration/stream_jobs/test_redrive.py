"""Dead letters listed and sent again: the commands as processes, against the emulated services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.alert import PurchaseAlert, alert_of, encode_alert
from schemas.dead_letter import DeadLetter, Stage, dead_letter_of, encode_dead_letter
from schemas.event import ClickEvent
from schemas.instants import parse_instant_us
from schemas.kpl import Aggregator
from schemas.receipt import Receipt
from schemas.settings import load_settings
from stream_jobs import aws_calls
from stream_jobs.clock import now_us
from stream_jobs.dead_letters import DeadLetterQueue
from stream_jobs.outbox import Door, Entry
from stream_jobs.patience import Patience
from stream_jobs.topic import AlertTopics
from stream_jobs.watching import seen, subscribed

PROJECT = Path(__file__).parents[3]
ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
# The commands as they are, but for their patience, how long a killed one hides what it read, how much one run reads,
# and the machine's clock.
COMMANDS = """
import time
time_ns = time.time_ns
time.time_ns = lambda: time_ns() + {clock_off_s} * 1_000_000_000
import clickstream
from stream_jobs import dead_letters_cli, letters
letters.MOST_HELD = {most_held}
dead_letters_cli.HIDDEN_S, dead_letters_cli.PATIENCE_S = 2, {patience_s}
clickstream.app.registered_groups.clear()
dead_letters_cli.register(clickstream.app)
clickstream.main()
"""
WaitUntil = Callable[[Callable[[], bool], float], None]


def line(event_id: str, **fields: Any) -> bytes:
    known = {
        "event_id": event_id,
        "user_id": "u",
        "session_id": "s",
        "event_type": "purchase",
        "event_timestamp": "2026-11-24T10:00:00Z",
        "metadata": {"amount_minor": 1234, "currency": "EUR"},
    }
    return json.dumps(known | fields).encode()


def alert(event_id: str) -> PurchaseAlert:
    event = ClickEvent(
        event_id=event_id, user_id="u", session_id="s", event_type="purchase", event_timestamp_us=ARRIVAL_US
    )
    return alert_of(event, ARRIVAL_US)


def letter(payload: bytes, stage: Stage = "decode", reason: str = "bad_timestamp") -> DeadLetter:
    return dead_letter_of(payload, reason=reason, detail="why", stage=stage, arrival_us=ARRIVAL_US)


def patience() -> Patience:
    return aws_calls.patience(5.0, lambda _: False)


def deliver(door: Door, *bodies: bytes) -> list[bytes]:
    """Bring bodies through a door, and return the dead letters of it."""
    batch = [Entry(str(number), body, door.address(body), False, 0) for number, body in enumerate(bodies)]
    return [each for entry in batch for each in door.deliver([entry]).dead_letters]


class Letters:
    """The dead-letter queue of the emulator, and the commands over it."""

    clock_off_s = 0
    most_held = 1_000

    def __init__(self, emulator: Any, folder: Path) -> None:
        self._sqs, s3 = emulator.client("sqs"), emulator.client("s3")
        self._url = self._sqs.create_queue(QueueName=f"dead-letters-{folder.name}")["QueueUrl"]
        variables = {"CLICKSTREAM_STATE_DIR": str(folder), "CLICKSTREAM_DEAD_LETTER_QUEUE_URL": self._url}
        self._environment = {**os.environ, **emulator.environment, **variables}
        settings = load_settings(emulator.environment, folder)
        self.door = DeadLetterQueue(self._sqs, s3, self._url, settings.curated_bucket, patience)
        self.topics = AlertTopics(emulator.client("sns"), {"purchase": settings.alerts_topic_arn}, patience, now_us)

    def put(self, *letters: DeadLetter) -> None:
        deliver(self.door, *map(encode_dead_letter, letters))

    def put_foreign(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def hold(self) -> None:
        """Read a letter and keep it, as another reader does."""
        self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=1, VisibilityTimeout=60)

    def visible(self) -> int:
        return self._count("ApproximateNumberOfMessages")

    def hidden(self) -> int:
        return self._count("ApproximateNumberOfMessagesNotVisible")

    def close(self) -> None:
        self._sqs.delete_queue(QueueUrl=self._url)

    def start(self, *arguments: str, patience_s: float, **variables: str) -> subprocess.Popen[str]:
        code = COMMANDS.format(patience_s=patience_s, clock_off_s=self.clock_off_s, most_held=self.most_held)
        return subprocess.Popen(
            [sys.executable, "-c", code, "dead-letters", *arguments],
            cwd=PROJECT,
            env=self._environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0, **variables: str) -> tuple[str, str]:
        """Run a command to its end, and return what it wrote."""
        with self.start(*arguments, patience_s=1.0, **variables) as process:
            output, errors = process.communicate(timeout=60)
        assert process.returncode == code, errors
        return output, errors

    def list(self, *options: str) -> list[dict[str, Any]]:
        output, _ = self.run("list", "--json", *options)
        return [json.loads(each) for each in output.splitlines()]

    def redrive(self, *options: str, code: int = 0, **variables: str) -> dict[str, Any]:
        output, _ = self.run("redrive", "--json", *options, code=code, **variables)
        tally: dict[str, Any] = json.loads(output)
        return tally

    def _count(self, name: str) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])


@pytest.fixture
def letters(emulator: Any, tmp_path: Path) -> Iterator[Letters]:
    found = Letters(emulator, tmp_path)
    yield found
    emulator.clear_faults()
    found.close()


Receipts = Callable[[], list[Receipt]]


def receipts_of(receipts: Receipts, *event_ids: str) -> dict[str, list[bool]]:
    """Return event id -> the flags of its receipts."""
    found: dict[str, list[bool]] = {event_id: [] for event_id in event_ids}
    for receipt in receipts():
        if receipt.event_id in found:
            found[receipt.event_id].append(receipt.maybe_repeat)
    return found


def test_letters_are_listed_and_stay(letters: Letters) -> None:
    large = line("large", page_url="x" * 185 * 1024)
    letters.put(letter(b"{"), letter(b"\xff{", reason="invalid_utf8"), letter(b"frame", "frame", "broken_frame"))
    letters.put(letter(large, reason="too_large"))
    letters.put_foreign("hello")
    first = letters.list()
    assert sorted(each["reason"] for each in first) == [
        "bad_timestamp",
        "broken_frame",
        "invalid_utf8",
        "not_a_dead_letter",
        "too_large",
    ]
    assert letters.visible() == 5
    assert sorted(each["message_id"] for each in letters.list()) == sorted(each["message_id"] for each in first)

    by_reason = {each["reason"]: each for each in first}
    assert by_reason["bad_timestamp"]["payload"] == "{"
    assert by_reason["invalid_utf8"]["payload_base64"] == "/3s="
    assert by_reason["too_large"]["payload"] is None
    (located,) = letters.list("--id", by_reason["too_large"]["message_id"], "--payload")
    assert located["payload"].encode() == large
    assert located["payload_location"].startswith("s3://")
    _, errors = letters.run("list", "--id", "no-such-letter", code=1)
    assert "not in the queue, or in the hands of another reader: no-such-letter" in errors
    assert [each["stage"] for each in letters.list("--stage", "frame")] == ["frame"]
    assert len(letters.list("--reason", "not_json", "--reason", "too_large")) == 1
    assert len(letters.list("--count", "2")) == 2

    output, errors = letters.run("list", "--payload")
    assert len(output.splitlines()) == 1 + 2 * 5
    assert "5 shown of about 5" in errors
    assert letters.visible() == 5


def test_an_alert_that_the_topic_rejected_is_published_and_is_no_repeat(
    emulator: Any, letters: Letters, subscriber: Any, receipts: Receipts
) -> None:
    emulator.inject(**{"sns.PublishBatch": {"error": "InvalidParameter", "status": 400}})
    rejected = deliver(letters.topics, encode_alert(alert("rejected")))
    deliver(letters.door, *rejected)
    assert [each["reason"] for each in letters.list()] == ["publish_rejected"]

    tally = letters.redrive()
    assert (tally["redriven"], tally["still_bad"], tally["alerts"], tally["maybe_repeat"]) == (1, 0, 1, 0)
    assert [(each.event_id, each.maybe_repeat) for each in subscriber.receive()] == [("rejected", False)]
    assert receipts_of(receipts, "rejected") == {"rejected": [False]}
    assert letters.visible() == letters.hidden() == 0


def test_an_alert_that_is_rejected_again_stays_and_is_still_no_repeat(
    emulator: Any, letters: Letters, subscriber: Any
) -> None:
    letters.put(letter(encode_alert(alert("stubborn")), "publish", "publish_rejected"))
    emulator.inject(**{"sns.PublishBatch": {"error": "InvalidParameter", "status": 400}})
    output, errors = letters.run("redrive", "--json", code=1)
    assert json.loads(output)["still_bad"] == 1
    assert "InvalidParameter" in errors
    assert letters.visible() == 1
    assert letters.redrive()["redriven"] == 1
    assert [(each.event_id, each.maybe_repeat) for each in subscriber.receive()] == [("stubborn", False)]


def test_a_line_that_is_valid_by_todays_code_and_rules_is_alerted_to_each_rules_topic(
    emulator: Any, letters: Letters, subscriber: Any, receipts: Receipts
) -> None:
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    other = sns.create_topic(Name="BigSpenders")["TopicArn"]
    rules = f"big: purchase where amount_minor >= 1000 to {other}"
    letters.put(
        letter(line("valid")), letter(line("small", metadata={"amount_minor": 5})), letter(line("", user_id=""))
    )
    with subscribed(sns, sqs, other) as queue_url:
        tally = letters.redrive(code=1, CLICKSTREAM_ALERT_RULES=rules)
        messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)["Messages"]
    assert (tally["redriven"], tally["still_bad"], tally["alerts"]) == (2, 1, 3)
    assert sorted(subscriber.event_ids()) == ["small", "valid"]
    big = [seen(message["Body"], message["MessageId"], 0) for message in messages]
    assert [(each.event_id, each.rule) for each in big] == [("valid", "big")]
    assert receipts_of(receipts, "valid", "small") == {"valid": [False, False], "small": [False]}
    assert letters.visible() == 1


def test_a_payload_too_large_for_the_queue_is_fetched_and_sent(letters: Letters, subscriber: Any) -> None:
    letters.put(letter(line("large", metadata={"note": "x" * 185 * 1024})))
    (listed,) = letters.list()
    assert listed["payload_location"] is not None
    assert letters.redrive()["alerts"] == 1
    assert subscriber.event_ids() == ["large"]
    assert letters.visible() == 0


def test_of_a_frame_the_good_events_are_sent_and_the_bad_lines_are_letters_of_their_own(
    letters: Letters, subscriber: Any
) -> None:
    aggregator = Aggregator(1_000_000)
    for data in (line("framed-1"), line("bad", user_id=""), line("framed-2")):
        assert aggregator.add("u", data)
    frame = aggregator.drain()
    letters.put(letter(frame, "frame", "broken_frame"), letter(frame[:-1] + b"?", "frame", "broken_frame"))
    tally = letters.redrive(code=1)
    assert (tally["redriven"], tally["still_bad"], tally["alerts"]) == (0, 2, 2)
    assert subscriber.event_ids() == ["framed-1", "framed-2"]
    left = {each["stage"]: each for each in letters.list()}
    assert left.keys() == {"decode", "frame"}
    assert left["decode"]["payload"].encode() == line("bad", user_id="")
    assert letters.visible() == 2


def test_an_event_in_two_letters_is_alerted_once(letters: Letters, subscriber: Any) -> None:
    letters.put(letter(line("twice")), letter(line("twice")))
    tally = letters.redrive()
    assert (tally["redriven"], tally["alerts"], tally["duplicates"]) == (2, 1, 1)
    assert subscriber.event_ids() == ["twice"]


def test_an_event_of_a_later_redrive_says_that_it_may_be_a_repeat(letters: Letters, subscriber: Any) -> None:
    for _ in range(2):
        letters.put(letter(line("again")))
        letters.redrive()
    assert [(each.event_id, each.maybe_repeat) for each in subscriber.receive()] == [("again", False), ("again", True)]


def test_letters_that_stay_are_each_tried_once_and_those_not_meant_are_left_alone(
    letters: Letters, subscriber: Any
) -> None:
    letters.put(*(letter(line(f"bad-{number}", user_id="")) for number in range(23)))
    letters.put(letter(line("other"), reason="not_json"))
    letters.put_foreign("hello")
    tally = letters.redrive("--reason", "bad_timestamp", code=1)
    assert (tally["still_bad"], tally["skipped"], tally["alerts"]) == (23, 2, 0)
    assert letters.visible() == 25
    assert subscriber.receive() == []


def test_a_letter_is_redriven_by_its_id_and_one_that_is_not_there_is_told(letters: Letters, subscriber: Any) -> None:
    letters.put(letter(line("first")), letter(line("second")))
    message_id = next(each["message_id"] for each in letters.list() if "second" in each["payload"])
    tally = letters.redrive("--id", message_id, "--id", "nowhere", code=1)
    assert (tally["redriven"], tally["skipped"], tally["missing"]) == (1, 1, ["nowhere"])
    assert subscriber.event_ids() == ["second"]
    assert letters.visible() == 1


@pytest.mark.parametrize("clock_off_s", [-300, 300])
def test_a_clock_that_is_minutes_off_changes_nothing(letters: Letters, subscriber: Any, clock_off_s: int) -> None:
    letters.clock_off_s = clock_off_s
    aggregator = Aggregator(1_000_000)
    for data in (line("framed"), line("bad", user_id="")):
        assert aggregator.add("u", data)
    letters.put(letter(aggregator.drain(), "frame", "broken_frame"), *(letter(line(f"e-{n}")) for n in range(60)))
    tally = letters.redrive(code=1)
    assert (tally["redriven"], tally["still_bad"], tally["alerts"]) == (60, 1, 61)
    assert len(subscriber.event_ids()) == 61
    assert letters.visible() == 1


def test_a_letter_that_another_reader_holds_is_told_by_both_commands(letters: Letters, subscriber: Any) -> None:
    letters.put(letter(line("held")))
    letters.hold()
    output, errors = letters.run("list")
    assert output == ""
    assert "0 shown of about 0" in errors
    assert "about 1 more are hidden: another reader holds them" in " ".join(errors.split())
    output, errors = letters.run("redrive", "--json", code=1)
    assert json.loads(output)["elsewhere"] == 1
    assert "about 1 more are hidden: another reader holds them" in " ".join(errors.split())
    assert subscriber.receive() == []
    assert letters.hidden() == 1


def test_a_redrive_by_id_does_not_mind_what_others_hold(letters: Letters, subscriber: Any) -> None:
    letters.put(letter(line("theirs")))
    letters.hold()
    letters.put(letter(line("mine")))
    (listed,) = letters.list()
    assert letters.redrive("--id", listed["message_id"])["redriven"] == 1
    assert subscriber.event_ids() == ["mine"]


def test_parts_of_what_was_too_large_or_damaged_stay(letters: Letters, subscriber: Any) -> None:
    letters.put(letter(line("part-1"), reason="damaged_object"), letter(line("part-2")[:30], reason="too_large"))
    tally = letters.redrive(code=1)
    assert (tally["still_bad"], tally["alerts"], tally["redriven"]) == (2, 0, 0)
    assert subscriber.receive() == []
    assert letters.visible() == 2


def test_more_letters_than_one_run_looks_at_are_told(letters: Letters) -> None:
    letters.most_held = 10
    letters.put(*(letter(line(f"bad-{number}", user_id="")) for number in range(30)))
    _, errors = letters.run("list", "--all")
    assert "more letters than one run looks at" in " ".join(errors.split())
    _, errors = letters.run("redrive", code=1)
    assert "more letters than one run looks at" in " ".join(errors.split())
    assert letters.visible() == 30


def test_a_dry_run_decides_and_changes_nothing(letters: Letters, subscriber: Any) -> None:
    letters.put(letter(line("dry")), letter(line("bad", user_id="")))
    tally = letters.redrive("--dry-run", code=1)
    assert (tally["redriven"], tally["still_bad"], tally["alerts"]) == (1, 1, 1)
    assert letters.visible() == 2
    assert subscriber.receive() == []
    assert letters.redrive(code=1)["maybe_repeat"] == 0


def test_a_topic_that_fails_in_the_middle_loses_nothing_and_repeats_nothing_unsaid(
    emulator: Any, letters: Letters, subscriber: Any, receipts: Receipts
) -> None:
    wanted = {f"middle-{number:02d}" for number in range(60)}
    letters.put(*(letter(line(event_id)) for event_id in wanted))
    # It takes what it is given, and says that it failed.
    emulator.inject(**{"sns.PublishBatch": {"error": "InternalError", "times": 1000, "after": 2, "applied": True}})
    output, errors = letters.run("redrive", "--json", code=1)
    assert json.loads(output)["redriven"] >= 10
    assert "gave up after 1 s" in errors
    emulator.clear_faults()
    assert letters.visible() == 60 - json.loads(output)["redriven"]

    letters.redrive()
    alerts = subscriber.receive()
    assert {each.event_id for each in alerts} == wanted
    ids = [each.event_id for each in alerts]
    repeated = {event_id for event_id in ids if ids.count(event_id) > 1}
    assert repeated
    assert repeated <= {each.event_id for each in alerts if each.maybe_repeat}
    assert all(receipts_of(receipts, *wanted).values())
    assert letters.visible() == letters.hidden() == 0


def test_a_redrive_killed_before_it_deletes_is_repeated_and_says_so(
    emulator: Any, letters: Letters, subscriber: Any, receipts: Receipts, wait_until: WaitUntil
) -> None:
    letters.put(letter(line("killed-1")), letter(line("killed-2")))
    emulator.inject(**{"sqs.DeleteMessageBatch": {"error": "InternalError", "times": 1000}})
    with letters.start("redrive", "--json", patience_s=60.0) as process:
        wait_until(lambda: all(receipts_of(receipts, "killed-1", "killed-2").values()), 30)
        process.send_signal(signal.SIGKILL)
    emulator.clear_faults()
    assert letters.visible() + letters.hidden() == 2
    wait_until(lambda: letters.visible() == 2, 30)

    tally = letters.redrive()
    assert (tally["redriven"], tally["alerts"], tally["maybe_repeat"]) == (2, 2, 2)
    flags = sorted((each.event_id, each.maybe_repeat) for each in subscriber.receive())
    assert flags == [("killed-1", False), ("killed-1", True), ("killed-2", False), ("killed-2", True)]
    assert letters.visible() == letters.hidden() == 0


def test_marks_that_cannot_be_looked_through_are_told_after_the_work(
    emulator: Any, letters: Letters, subscriber: Any
) -> None:
    letters.put(letter(line("marked")))
    emulator.inject(**{"s3.ListObjectsV2": {"error": "AccessDenied", "status": 403}})
    output, errors = letters.run("redrive", "--json", code=1)
    assert json.loads(output)["redriven"] == 1
    assert "marks of earlier redrives stay for now" in " ".join(errors.split())
    assert subscriber.event_ids() == ["marked"]


def test_redrives_at_the_same_time_lose_nothing_and_repeat_nothing_unsaid(letters: Letters, subscriber: Any) -> None:
    wanted = {f"shared-{number:02d}" for number in range(120)}
    letters.put(*(letter(line(event_id)) for event_id in wanted))
    with (
        letters.start("redrive", "--json", patience_s=5.0) as one,
        letters.start("redrive", "--json", patience_s=5.0) as other,
    ):
        redriven = sum(json.loads(each.communicate(timeout=60)[0])["redriven"] for each in (one, other))
    ids = [each.event_id for each in subscriber.receive()]
    assert set(ids) == wanted
    repeated = {event_id for event_id in ids if ids.count(event_id) > 1}
    assert repeated <= {each.event_id for each in subscriber.alerts if each.maybe_repeat}
    assert redriven >= len(wanted)
    assert letters.visible() == letters.hidden() == 0


def test_a_stop_gives_back_what_is_not_done(emulator: Any, letters: Letters, wait_until: WaitUntil) -> None:
    letters.put(letter(line("stopped")))
    emulator.inject(**{"s3.PutObject": {"error": "SlowDown", "status": 503, "times": 1000}})
    with letters.start("redrive", "--json", patience_s=60.0) as process:
        wait_until(lambda: letters.hidden() == 1, 30)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert json.loads(output)["redriven"] == 0
    assert errors
    assert letters.visible() == 1


def test_letters_are_redriven_to_the_fifo_twin_of_the_topic(emulator: Any, letters: Letters) -> None:
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    topic = sns.create_topic(Name="PurchaseAlerts.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    letters.put(*(letter(line(f"fifo-{number}")) for number in range(3)))
    with subscribed(sns, sqs, topic) as queue_url:
        assert letters.redrive("--fifo")["alerts"] == 3
        messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(seen(each["Body"], "", 0).event_id for each in messages) == ["fifo-0", "fifo-1", "fifo-2"]
