"""However bodies come and deliveries end: each goes out once in one life, in order, and none is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream_jobs.batching import batch_length
from stream_jobs.outbox import Limits, Outbox

LIMITS = Limits(max_entries=3, max_bytes=20, linger_ms=10, max_waiting=100)


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 10), st.integers(1, 60))
def test_a_batch_is_the_longest_front_that_fits(sizes: list[int], max_entries: int, max_bytes: int) -> None:
    count = batch_length(sizes, max_entries, max_bytes)
    assert count <= max_entries
    assert sum(sizes[:count]) <= max_bytes or count == 1
    if count < min(len(sizes), max_entries):
        assert sum(sizes[: count + 1]) > max_bytes


@given(st.lists(st.one_of(st.binary(max_size=25), st.none()), max_size=40))
def test_bodies_go_out_once_and_in_order(steps: list[bytes | None]) -> None:
    outbox = Outbox(LIMITS, len)
    added: list[bytes] = []
    delivered: list[bytes] = []
    now_ms = 0
    for step in [*steps, *[None] * 2 * len(steps)]:
        now_ms += 10
        if step is not None:
            added.append(outbox.add(step, now_ms).body)
            outbox.take(now_ms)
        else:
            delivered += [entry.body for entry in outbox.settle()]
            outbox.take(now_ms)
    assert delivered == added
    assert len(outbox) == 0


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=20), st.integers(0, 20))
def test_what_was_not_settled_is_handed_out_again_by_the_next_life(bodies: list[bytes], settled: int) -> None:
    first = Outbox(LIMITS, len)
    state = {entry.key: entry.body for entry in (first.add(body, 0) for body in bodies)}
    while settled > 0 and (batch := first.take(100)):
        for entry in first.settle():
            del state[entry.key]
        settled -= len(batch)

    second = Outbox(LIMITS, len, state.items())
    handed_out: list[bytes] = []
    while batch := second.take(100):
        assert all(entry.restored for entry in batch)
        handed_out += [entry.body for entry in second.settle()]
    assert handed_out == bodies[len(bodies) - len(handed_out) :]
    assert sorted(state.values()) == sorted(handed_out)
