from __future__ import annotations

from typing import Any

import pytest

from stream_jobs.patience import Patience, StoppedError
from stream_jobs.troubles import Troubles, TroubleTeller


class Time:
    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


class Told:
    """Metrics and log of an operator."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.levels: dict[str, Any] = {}
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def add(self, name: str, count: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + count

    def level(self, name: str, read: Any) -> None:
        self.levels[name] = read

    def tell(self, message: str, **fields: Any) -> None:
        self.lines.append((message, fields))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def troubles(time: Time) -> Troubles:
    return Troubles(time.monotonic)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def teller(troubles: Troubles, told: Told) -> TroubleTeller:
    return TroubleTeller(troubles, told, told)  # type: ignore[arg-type]


def patience(time: Time, troubles: Troubles, *, stopped: bool = False) -> Patience:
    return Patience(60, time.monotonic, lambda _: stopped, lambda: 0.5, troubles)


def test_a_failure_is_seen_while_it_lasts_and_gone_with_the_next_success(time: Time, troubles: Troubles) -> None:
    first, second = patience(time, troubles), patience(time, troubles)
    assert troubles.failing_for_ms() == 0
    first.failed("publish: Throttling")
    time.now_s += 3
    second.failed("publish: InternalError")
    first.failed("publish: ServiceUnavailable")
    time.now_s += 2
    assert troubles.failing_for_ms() == 5_000
    longest = troubles.longest()
    assert longest is not None
    assert longest.what == "publish: ServiceUnavailable"
    first.succeeded()
    assert troubles.failing_for_ms() == 2_000
    second.succeeded()
    assert (troubles.failing_for_ms(), troubles.longest()) == (0, None)


def test_a_failure_that_a_closing_job_leaves_behind_is_still_one(time: Time, troubles: Troubles) -> None:
    with pytest.raises(StoppedError):
        patience(time, troubles, stopped=True).failed("publish")
    assert troubles.longest() is not None


def test_what_fails_is_told_every_ten_seconds_while_it_lasts(
    time: Time, troubles: Troubles, told: Told, teller: TroubleTeller
) -> None:
    calls = patience(time, troubles)
    for second in range(40):
        if second == 5:
            calls.failed("publish: Throttling")
        if second == 35:
            calls.succeeded()
        teller.look()
        time.now_s += 1
    assert told.lines == [("calls fail", {"what": "publish: Throttling", "for_s": for_s}) for for_s in (5, 15, 25)]
    assert told.levels["failing_for_ms"]() == 0


def test_entries_sent_again_are_counted_as_they_go(
    time: Time, troubles: Troubles, told: Told, teller: TroubleTeller
) -> None:
    calls = patience(time, troubles)
    calls.sends_again(0)
    teller.look()
    assert told.counts == {}
    calls.sends_again(3)
    teller.look()
    teller.look()
    assert told.counts == {"retries": 3}
    calls.sends_again(2)
    teller.look()
    assert told.counts == {"retries": 5}
