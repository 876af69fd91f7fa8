from __future__ import annotations

from dataclasses import replace

import pytest

from stream_jobs.outbox import Address, Entry, Limits, Outbox

LIMITS = Limits(max_entries=3, max_bytes=100, linger_ms=10, max_waiting=4)


def address(body: bytes) -> Address:
    return Address(size_bytes=len(body))


def by_letters(body: bytes) -> Address:
    """`d-u…`: destination, user; in capitals the destination asks for one of a user in a batch."""
    return Address(body[:1].decode(), body[2:3].decode(), len(body), is_alone=body[:1].isupper())


def bodies(outbox: Outbox, now_ms: int) -> list[bytes]:
    return [entry.body for entry in outbox.take(now_ms)]


def test_a_full_batch_is_due_at_once() -> None:
    outbox = Outbox(LIMITS, address)
    for body in (b"a", b"b", b"c", b"d"):
        outbox.add(body, 0)
    assert bodies(outbox, 0) == [b"a", b"b", b"c"]


def test_a_batch_full_by_bytes_is_due_at_once() -> None:
    outbox = Outbox(LIMITS, address)
    outbox.add(b"a" * 60, 0)
    outbox.add(b"b" * 60, 0)
    assert bodies(outbox, 0) == [b"a" * 60]


def test_a_batch_that_is_not_full_waits_for_more() -> None:
    outbox = Outbox(LIMITS, address)
    outbox.add(b"a", 0)
    assert bodies(outbox, 9) == []
    assert bodies(outbox, 10) == [b"a"]


def test_one_batch_is_out_at_a_time() -> None:
    outbox = Outbox(LIMITS, address)
    outbox.add(b"a", 0)
    first = outbox.take(10)
    assert [entry.body for entry in first] == [b"a"]
    outbox.add(b"b", 10)
    assert bodies(outbox, 50) == []
    outbox.settle(first)
    assert bodies(outbox, 50) == [b"b"]


def test_a_lane_full_by_bytes_says_so_and_lets_its_batch_go_at_once() -> None:
    outbox = Outbox(replace(LIMITS, max_waiting_bytes=1_000), lambda _: Address(size_bytes=1))
    outbox.add(b"a" * 600, 0)
    assert not outbox.is_full
    assert bodies(outbox, 0) == []
    outbox.add(b"b" * 600, 0)
    assert outbox.is_full
    assert len(bodies(outbox, 0)) == 2
    assert not outbox.is_full


def test_what_an_earlier_life_left_fills_a_lane_by_its_bytes_too() -> None:
    limits = replace(LIMITS, max_waiting_bytes=1_000)
    assert Outbox(limits, address, [("0", b"a" * 600), ("1", b"b" * 600)]).is_full


def test_the_oldest_entry_counts_until_it_is_settled() -> None:
    outbox = Outbox(replace(LIMITS, max_flights=2), by_letters)
    assert outbox.oldest_since_ms() is None
    outbox.add(b"t-a", 5)
    first = outbox.take(20)
    outbox.add(b"t-b", 30)
    second = outbox.take(50)
    outbox.add(b"t-c", 60)
    assert outbox.oldest_since_ms() == 5
    outbox.settle(first)
    assert outbox.oldest_since_ms() == 30
    outbox.settle(second)
    assert outbox.oldest_since_ms() == 60


def test_a_full_lane_says_so() -> None:
    outbox = Outbox(LIMITS, address)
    for _ in range(4):
        outbox.add(b"a", 0)
    assert outbox.is_full


def test_what_was_restored_goes_first_and_keys_go_on_after_it() -> None:
    outbox = Outbox(LIMITS, address, [("0000000000000008", b"late"), ("0000000000000007", b"early")])
    assert outbox.add(b"new", 0).key == "0000000000000009"
    batch = outbox.take(0)
    assert [(entry.body, entry.restored) for entry in batch] == [(b"early", True), (b"late", True), (b"new", False)]


FLIGHTS = Limits(max_entries=2, max_bytes=100, linger_ms=0, max_waiting=100, max_flights=3)


def outbox_with(*texts: bytes) -> Outbox:
    outbox = Outbox(FLIGHTS, by_letters)
    for body in texts:
        outbox.add(body, 0)
    return outbox


def test_several_batches_are_out_at_a_time_up_to_a_bound() -> None:
    outbox = outbox_with(*(b"t-%d" % user for user in range(8)))
    assert [bodies(outbox, 0) for _ in range(4)] == [[b"t-0", b"t-1"], [b"t-2", b"t-3"], [b"t-4", b"t-5"], []]
    assert len(outbox) == 8


def test_a_user_is_never_out_in_two_batches() -> None:
    outbox = outbox_with(b"t-u1", b"t-v1", b"t-u2", b"t-w1", b"t-u3")
    first = outbox.take(0)
    assert [entry.body for entry in first] == [b"t-u1", b"t-v1"]
    assert bodies(outbox, 0) == [b"t-w1"]
    assert bodies(outbox, 0) == []
    outbox.settle(first)
    assert bodies(outbox, 0) == [b"t-u2", b"t-u3"]


def test_a_batch_has_one_destination() -> None:
    outbox = outbox_with(b"s-u1", b"t-u2", b"s-v1", b"t-v1")
    assert [bodies(outbox, 0), bodies(outbox, 0)] == [[b"s-u1", b"s-v1"], [b"t-u2", b"t-v1"]]


def test_where_entries_of_a_batch_may_fail_alone_a_user_has_one_in_it() -> None:
    outbox = outbox_with(b"F-u1", b"F-u2", b"F-v1")
    first = outbox.take(0)
    assert [entry.body for entry in first] == [b"F-u1", b"F-v1"]
    assert bodies(outbox, 0) == []
    outbox.settle(first)
    assert bodies(outbox, 0) == [b"F-u2"]


def test_only_a_batch_that_is_out_can_be_settled() -> None:
    with pytest.raises(ValueError, match="not in list"):
        outbox_with().settle([Entry("0", b"", Address(), False, 0)])
