from __future__ import annotations

import pytest

from stream_jobs.publishing import (
    BatchSend,
    Delivered,
    EntryFailure,
    Fault,
    Rejected,
    backoff_s,
    fault_of_code,
)


def failure(entry_id: str, code: str = "InternalError", *, sender: bool = False) -> EntryFailure:
    return EntryFailure(entry_id, code, "why", sender)


def test_a_batch_is_through_when_every_entry_is_acknowledged() -> None:
    send = BatchSend(["a", "b"])
    assert send.on_answer({"a": "m1", "b": "m2"}, [])
    assert send.next_ids() == []
    assert send.outcomes == {"a": Delivered("m1", 1, False), "b": Delivered("m2", 1, False)}


def test_only_what_failed_is_sent_again() -> None:
    send = BatchSend(["a", "b", "c"])
    assert send.on_answer({"a": "m1", "c": "m3"}, [failure("b")])
    assert send.next_ids() == ["b"]
    assert send.sent_before(["a", "b"]) == 2
    send.on_answer({"b": "m2"}, [])
    assert send.outcomes["b"] == Delivered("m2", 2, True)
    assert BatchSend(["a"]).sent_before(["a"]) == 0


def test_an_entry_at_fault_is_rejected_and_never_sent_again() -> None:
    send = BatchSend(["a", "b"])
    send.on_answer({"a": "m1"}, [failure("b", "InvalidParameter", sender=True)])
    assert send.next_ids() == []
    assert send.outcomes["b"] == Rejected("InvalidParameter", "why", 1)


def test_a_throttled_entry_is_no_repeat_when_sent_again() -> None:
    send = BatchSend(["a"])
    assert not send.on_answer({}, [failure("a", "Throttled")])
    send.on_answer({"a": "m"}, [])
    assert send.outcomes["a"] == Delivered("m", 2, False)


def test_an_entry_that_the_answer_does_not_name_may_have_been_taken() -> None:
    send = BatchSend(["a"])
    send.on_answer({}, [])
    assert send.next_ids() == ["a"]
    assert send.maybe_repeats == {"a"}


def test_after_a_call_that_broke_off_every_entry_may_be_a_repeat() -> None:
    send = BatchSend(["a", "b"])
    send.on_fault(Fault.UNSURE, "ReadTimeoutError", "")
    assert send.next_ids() == ["a", "b"]
    assert send.maybe_repeats == {"a", "b"}


def test_after_a_call_that_was_not_taken_none_is_a_repeat() -> None:
    send = BatchSend(["a"])
    send.on_fault(Fault.NOT_TAKEN, "Throttling", "")
    assert (send.next_ids(), send.maybe_repeats) == (["a"], set())


def test_a_call_refused_for_one_entry_is_taken_apart_to_find_it() -> None:
    send = BatchSend(["good", "bad"])
    send.on_fault(Fault.ENTRY, "InvalidParameter", "Invalid parameter")
    assert send.next_ids() == ["good"]
    send.on_answer({"good": "m1"}, [])
    assert send.next_ids() == ["bad"]
    send.on_fault(Fault.ENTRY, "InvalidParameter", "Invalid parameter")
    assert send.next_ids() == []
    assert send.outcomes == {
        "good": Delivered("m1", 2, False),
        "bad": Rejected("InvalidParameter", "Invalid parameter", 2),
    }


def test_what_an_earlier_life_may_have_sent_stays_a_repeat() -> None:
    send = BatchSend(["a", "b"], ["a"])
    send.on_answer({"a": "m1", "b": "m2"}, [])
    assert [send.outcomes[key].maybe_repeat for key in "ab"] == [True, False]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("Throttling", 400, Fault.NOT_TAKEN),
        ("Anything", 429, Fault.NOT_TAKEN),
        ("InternalError", 500, Fault.UNSURE),
        ("ServiceUnavailable", 503, Fault.UNSURE),
        ("RequestTimeout", 400, Fault.UNSURE),
        ("KmsThrottled", 400, Fault.NOT_TAKEN),
        ("InvalidParameter", 400, Fault.ENTRY),
        ("NotFound", 404, Fault.FATAL),
        ("AuthorizationError", 403, Fault.FATAL),
    ],
)
def test_errors_are_judged_by_code_and_status(code: str, status: int, fault: Fault) -> None:
    assert fault_of_code(code, status) is fault


def test_a_topic_of_another_region_is_no_fault_of_an_entry() -> None:
    assert fault_of_code("InvalidParameter", 400, "Invalid parameter: TopicArn") is Fault.FATAL
    assert fault_of_code("InvalidParameter", 400, "Invalid parameter: Message too long") is Fault.ENTRY


def test_pauses_grow_to_a_limit_and_are_spread_over_their_upper_half() -> None:
    assert [backoff_s(failures, 1.0) for failures in range(4)] == [0.1, 0.2, 0.4, 0.8]
    assert backoff_s(1_000, 1.0) == 5.0
    assert backoff_s(1_000, 0.0) == 2.5
