"""However bodies come and deliveries end: each goes out once in one life, in order, and none is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream_jobs.outbox import Address, Entry, Limits, Outbox

LIMITS = Limits(max_entries=3, max_bytes=20, linger_ms=10, max_waiting=100)


def address(body: bytes) -> Address:
    return Address(size_bytes=len(body))


def by_user(body: bytes) -> Address:
    return Address(str(body[0] % 2), str(body[1]), len(body), is_alone=body[0] % 2 == 1)


# Bodies of two destinations and three users, numbered; False for the delivery of the batch that has been out longest.
JOURNEYS = st.lists(st.one_of(st.tuples(st.integers(0, 1), st.integers(0, 2)), st.just(False)), max_size=60)


@given(JOURNEYS, st.integers(1, 4))
def test_whatever_is_under_way_each_users_bodies_keep_their_order(
    steps: list[tuple[int, int] | bool], max_flights: int
) -> None:
    outbox = Outbox(Limits(3, 40, 10, 100, max_flights), by_user)
    out: list[list[Entry]] = []
    added: list[bytes] = []
    delivered: list[bytes] = []
    for number, step in enumerate([*steps, *[False] * 3 * len(steps)]):
        now_ms = number * 5
        if isinstance(step, tuple):
            added.append(bytes(step) + b"%03d" % number)
            outbox.add(added[-1], now_ms)
        elif out:
            batch = out.pop(0)
            delivered += [entry.body for entry in batch]
            outbox.settle(batch)
        while batch := outbox.take(now_ms):
            out.append(batch)
            orders = [(entry.address.destination, entry.address.order_key) for batch in out for entry in batch]
            assert len(out) <= max_flights
            assert len({entry.address.destination for entry in batch}) == 1
            others = [order for flight in out[:-1] for order in map(order_of, flight)]
            assert not {*map(order_of, batch)} & {*others}
            assert len(orders) == len(others) + len(batch)
    assert sorted(delivered) == sorted(added)
    for user in {body[:2] for body in added}:
        assert [body for body in delivered if body[:2] == user] == [body for body in added if body[:2] == user]
    assert len(outbox) == 0


def order_of(entry: Entry) -> tuple[str, str]:
    return entry.address.destination, entry.address.order_key


@given(st.lists(st.one_of(st.binary(max_size=25), st.none()), max_size=40))
def test_bodies_go_out_once_and_in_order(steps: list[bytes | None]) -> None:
    outbox = Outbox(LIMITS, address)
    added: list[bytes] = []
    delivered: list[bytes] = []
    now_ms = 0
    out: list[Entry] = []
    for step in [*steps, *[None] * 2 * len(steps)]:
        now_ms += 10
        if step is not None:
            added.append(outbox.add(step, now_ms).body)
        elif out:
            delivered += [entry.body for entry in out]
            outbox.settle(out)
            out = []
        out = outbox.take(now_ms) or out
    assert delivered == added
    assert len(outbox) == 0


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=20), st.integers(0, 20))
def test_what_was_not_settled_is_handed_out_again_by_the_next_life(bodies: list[bytes], settled: int) -> None:
    first = Outbox(LIMITS, address)
    state = {entry.key: entry.body for entry in (first.add(body, 0) for body in bodies)}
    while settled > 0 and (batch := first.take(100)):
        first.settle(batch)
        for entry in batch:
            del state[entry.key]
        settled -= len(batch)

    second = Outbox(LIMITS, address, state.items())
    handed_out: list[bytes] = []
    while batch := second.take(100):
        assert all(entry.restored for entry in batch)
        second.settle(batch)
        handed_out += [entry.body for entry in batch]
    assert handed_out == bodies[len(bodies) - len(handed_out) :]
    assert sorted(state.values()) == sorted(handed_out)
