from __future__ import annotations

from stream_jobs.outbox import Limits, Outbox

LIMITS = Limits(max_entries=3, max_bytes=100, linger_ms=10, max_waiting=4)


def bodies(outbox: Outbox, now_ms: int) -> list[bytes]:
    return [entry.body for entry in outbox.take(now_ms)]


def test_a_full_batch_is_due_at_once() -> None:
    outbox = Outbox(LIMITS, len)
    for body in (b"a", b"b", b"c", b"d"):
        outbox.add(body, 0)
    assert bodies(outbox, 0) == [b"a", b"b", b"c"]


def test_a_batch_full_by_bytes_is_due_at_once() -> None:
    outbox = Outbox(LIMITS, len)
    outbox.add(b"a" * 60, 0)
    outbox.add(b"b" * 60, 0)
    assert bodies(outbox, 0) == [b"a" * 60]


def test_a_batch_that_is_not_full_waits_for_more() -> None:
    outbox = Outbox(LIMITS, len)
    outbox.add(b"a", 0)
    assert bodies(outbox, 9) == []
    assert bodies(outbox, 10) == [b"a"]


def test_one_batch_is_out_at_a_time() -> None:
    outbox = Outbox(LIMITS, len)
    outbox.add(b"a", 0)
    assert bodies(outbox, 10) == [b"a"]
    outbox.add(b"b", 10)
    assert bodies(outbox, 50) == []
    outbox.settle()
    assert bodies(outbox, 50) == [b"b"]


def test_a_full_lane_says_so() -> None:
    outbox = Outbox(LIMITS, len)
    for _ in range(4):
        outbox.add(b"a", 0)
    assert outbox.is_full


def test_what_was_restored_goes_first_and_keys_go_on_after_it() -> None:
    outbox = Outbox(LIMITS, len, [("0000000000000008", b"late"), ("0000000000000007", b"early")])
    assert outbox.add(b"new", 0).key == "0000000000000009"
    batch = outbox.take(0)
    assert [(entry.body, entry.restored) for entry in batch] == [(b"early", True), (b"late", True), (b"new", False)]
