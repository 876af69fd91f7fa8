"""The alert topic against answers that no emulator gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from schemas.alert import PurchaseAlert, decode_alert, encode_alert
from schemas.dead_letter import PUBLISH_REJECTED, decode_dead_letter
from schemas.errors import WorkFailedError
from schemas.instants import parse_instant_us
from schemas.receipt import decode_receipt
from stream_jobs.outbox import Delivery, Entry
from stream_jobs.patience import GaveUpError, Patience
from stream_jobs.topic import MAX_FLIGHTS, AlertTopics, fifo_ids, fifo_twin, message_bytes

ARRIVAL = "2026-11-24T10:00:00.000000Z"
PUBLISHED_US = parse_instant_us(ARRIVAL) + 80_000
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:PurchaseAlerts"
TOPIC_ARNS = {"purchase": TOPIC_ARN, "ordered": fifo_twin(TOPIC_ARN)}
Step = Exception | Callable[[Sequence[dict[str, Any]]], dict[str, Any]]


class FakeTopic:
    """Answers by script, then takes everything; keeps what it took."""

    def __init__(self, *script: Step) -> None:
        self._script = list(script)
        self.taken: list[PurchaseAlert] = []
        self.attributes: list[dict[str, Any]] = []
        self.fifo: list[tuple[str | None, str | None]] = []
        self.calls: list[list[str]] = []

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]) -> dict[str, Any]:
        entries = PublishBatchRequestEntries
        self.calls.append([entry["Id"] for entry in entries])
        step: Step = self._script.pop(0) if self._script else take_all
        if isinstance(step, Exception):
            raise step
        answer = step(entries)
        successful = {done["Id"] for done in answer["Successful"]}
        for entry in entries:
            if entry["Id"] in successful:
                self.taken.append(decode_alert(entry["Message"]))
                self.attributes.append(entry["MessageAttributes"])
                self.fifo.append((entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")))
        return answer


def take_all(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"Successful": [{"Id": entry["Id"], "MessageId": f"m-{entry['Id']}"} for entry in entries], "Failed": []}


def fail(failed_id: str, code: str, *, sender: bool) -> Callable[[Sequence[dict[str, Any]]], dict[str, Any]]:
    def answer(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
        good = take_all([entry for entry in entries if entry["Id"] != failed_id])
        return good | {"Failed": [{"Id": failed_id, "Code": code, "Message": "why", "SenderFault": sender}]}

    return answer


def refusal(code: str, status: int, message: str = "no") -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PublishBatch")


def alert(event_id: str, **fields: Any) -> PurchaseAlert:
    return PurchaseAlert(
        event_id=event_id,
        event_type="purchase",
        user_id="u",
        session_id="s",
        event_timestamp=ARRIVAL,
        arrival_timestamp=ARRIVAL,
        **fields,
    )


def entries(*alerts: PurchaseAlert, restored: bool = False) -> list[Entry]:
    door = AlertTopics(None, TOPIC_ARNS, lambda: pytest.fail("not asked"), lambda: 0)
    return [Entry(each.event_id, encode_alert(each), door.address(encode_alert(each)), restored, 0) for each in alerts]


def deliver(topic: FakeTopic, batch: list[Entry], deadline_s: float = 60) -> Delivery:
    seconds = iter(range(1_000))
    door = AlertTopics(
        topic,
        TOPIC_ARNS,
        lambda: Patience(deadline_s, lambda: next(seconds), lambda _: False, lambda: 0.5),
        lambda: PUBLISHED_US,
    )
    return door.deliver(batch)


def test_each_acknowledged_alert_has_a_receipt_with_its_latency() -> None:
    topic = FakeTopic()
    delivery = deliver(topic, entries(alert("a", country="DE", amount_minor=1234), alert("b")))
    receipts = [decode_receipt(line) for line in delivery.receipts]
    assert [(receipt.event_id, receipt.message_id) for receipt in receipts] == [("a", "m-a"), ("b", "m-b")]
    assert [receipt.latency_ms for receipt in receipts] == [80.0, 80.0]
    assert delivery.counts == {"published": 2}
    assert topic.attributes[0]["amount_minor"] == {"DataType": "Number", "StringValue": "1234"}
    assert "country" not in topic.attributes[1]


def test_a_200_with_a_failed_entry_is_a_failure_of_that_entry_only() -> None:
    topic = FakeTopic(fail("b", "InternalError", sender=False))
    delivery = deliver(topic, entries(alert("a"), alert("b"), alert("c")))
    assert topic.calls == [["a", "b", "c"], ["b"]]
    assert [(taken.event_id, taken.maybe_repeat) for taken in topic.taken] == [("a", False), ("c", False), ("b", True)]
    assert delivery.counts == {"published": 3}


def test_a_rejected_entry_becomes_a_dead_letter_with_the_alert_in_it() -> None:
    topic = FakeTopic(fail("b", "InvalidParameter", sender=True))
    delivery = deliver(topic, entries(alert("a"), alert("b")))
    (letter,) = map(decode_dead_letter, delivery.dead_letters)
    assert (letter.reason, letter.stage, letter.event_id) == (PUBLISH_REJECTED, "publish", "b")
    assert letter.detail == "InvalidParameter: why"
    assert decode_alert(letter.payload() or b"").event_id == "b"
    assert len(delivery.receipts) == 1
    assert delivery.counts["dead_letters_publish_rejected"] == 1


def test_a_call_refused_for_one_entry_costs_the_others_nothing() -> None:
    topic = FakeTopic(refusal("InvalidParameter", 400), take_all, refusal("InvalidParameter", 400))
    delivery = deliver(topic, entries(alert("good"), alert("bad"), alert("fine")))
    assert [taken.event_id for taken in topic.taken] == ["good", "fine"]
    assert [decode_dead_letter(letter).event_id for letter in delivery.dead_letters] == ["bad"]


def test_a_topic_that_is_not_in_the_region_asked_costs_no_alert_its_place() -> None:
    topic = FakeTopic(refusal("InvalidParameter", 400, "Invalid parameter: TopicArn"))
    delivery = deliver(topic, entries(alert("a"), alert("b")))
    assert isinstance(delivery.failure, WorkFailedError)
    assert delivery.untouched == ["a", "b"]
    assert delivery.dead_letters == []


def test_an_outage_is_waited_out_and_nothing_is_called_a_repeat_that_was_never_sent() -> None:
    refused = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    topic = FakeTopic(refused, refused, refusal("Throttling", 400))
    deliver(topic, entries(alert("a")))
    assert [(taken.event_id, taken.maybe_repeat) for taken in topic.taken] == [("a", False)]


@pytest.mark.parametrize(
    "broken_off", [ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), refusal("InternalError", 500)]
)
def test_after_a_call_that_may_have_arrived_alert_and_receipt_say_so(broken_off: Exception) -> None:
    topic = FakeTopic(broken_off)
    delivery = deliver(topic, entries(alert("a")))
    assert topic.taken[0].maybe_repeat
    assert decode_receipt(delivery.receipts[0]).maybe_repeat


def test_what_an_earlier_life_left_says_that_it_may_be_a_repeat() -> None:
    topic = FakeTopic()
    deliver(topic, [*entries(alert("left"), restored=True), *entries(alert("new"))])
    assert [(taken.event_id, taken.maybe_repeat) for taken in topic.taken] == [("left", True), ("new", False)]


def test_an_outage_beyond_the_deadline_fails_the_job() -> None:
    topic = FakeTopic(*[refusal("InternalError", 500)] * 100)
    delivery = deliver(topic, entries(alert("a")), deadline_s=5)
    assert isinstance(delivery.failure, GaveUpError)
    assert "gave up after 5 s" in str(delivery.failure)
    assert (delivery.unsure, delivery.untouched, delivery.receipts) == (["a"], [], [])


def test_a_topic_that_does_not_exist_fails_the_job_at_once() -> None:
    topic = FakeTopic(refusal("NotFound", 404))
    delivery = deliver(topic, entries(alert("a")))
    assert isinstance(delivery.failure, WorkFailedError)
    assert "NotFound" in str(delivery.failure)
    assert (delivery.unsure, delivery.untouched) == ([], ["a"])
    assert len(topic.calls) == 1


def test_an_alert_too_large_with_its_attributes_is_a_dead_letter_and_never_sent() -> None:
    topic = FakeTopic()
    delivery = deliver(topic, entries(alert("big", country="x" * 150_000), alert("a")))
    assert topic.calls == [["a"]]
    assert [decode_dead_letter(letter).event_id for letter in delivery.dead_letters] == ["big"]


def test_a_fifo_topic_is_told_the_user_as_the_group_and_an_id_for_event_and_rule() -> None:
    topic = FakeTopic()
    deliver(topic, entries(alert("a", rule="ordered"), alert("ü" * 10, rule="ordered")))
    (group, own_id), (same_group, other_id) = topic.fifo
    assert group == same_group
    assert own_id != other_id
    plain = FakeTopic()
    deliver(plain, entries(alert("a")))
    assert plain.fifo == [(None, None)]


def test_a_fifo_topics_id_is_the_events_own_where_there_is_one_rule_for_its_type() -> None:
    def id_of(event_id: str, rule: str = "purchase") -> str:
        return fifo_ids(alert(event_id, rule=rule))["MessageDeduplicationId"]

    assert id_of("order-1") == "order-1"
    assert id_of("ü" * 10).isascii()
    ids = [id_of("big.e1"), id_of("e1", "big"), id_of("e1"), id_of("1", "big.e"), id_of("e.1", "big"), id_of("e.1")]
    assert len(set(ids)) == len(ids)


def test_a_users_alerts_for_a_fifo_topic_go_out_one_by_one() -> None:
    ordered, standard = entries(alert("a", rule="ordered"), alert("a"))
    assert (ordered.address.is_alone, standard.address.is_alone) == (True, False)
    assert ordered.address.order_key == "u"


def test_an_alert_whose_rule_was_taken_away_is_a_dead_letter() -> None:
    topic = FakeTopic()
    delivery = deliver(topic, entries(alert("a", rule="gone")))
    (letter,) = map(decode_dead_letter, delivery.dead_letters)
    assert (letter.reason, letter.detail) == (PUBLISH_REJECTED, "NoSuchRule: its rule is no longer configured")
    assert topic.calls == []


def test_an_address_counts_what_the_topic_counts() -> None:
    (entry,) = entries(alert("a", country="DE"))
    assert entry.address.size_bytes == message_bytes(alert("a", country="DE"))
    assert AlertTopics.limits.max_flights == MAX_FLIGHTS


def test_the_letter_of_a_restored_alert_says_that_it_may_be_a_repeat() -> None:
    topic = FakeTopic(fail("b", "InvalidParameter", sender=True))
    delivery = deliver(topic, entries(alert("b"), restored=True))
    (letter,) = map(decode_dead_letter, delivery.dead_letters)
    assert decode_alert(letter.payload() or b"").maybe_repeat


def test_what_was_acknowledged_before_a_batch_broke_off_has_its_receipts() -> None:
    topic = FakeTopic(fail("b", "Throttling", sender=False), *[refusal("Throttling", 400)] * 100)
    delivery = deliver(topic, entries(alert("a"), alert("b")), deadline_s=5)
    assert isinstance(delivery.failure, GaveUpError)
    assert [decode_receipt(line).event_id for line in delivery.receipts] == ["a"]
    assert (delivery.unsure, delivery.untouched) == ([], ["b"])
