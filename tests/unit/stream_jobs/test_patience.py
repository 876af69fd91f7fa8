from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from schemas.errors import WorkFailedError
from stream_jobs.patience import Patience, StoppedError


@dataclass
class FakeTime:
    now_s: float = 0.0
    stopped: bool = False
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now_s += seconds
        return self.stopped

    def patience(self, deadline_s: float) -> Patience:
        return Patience(deadline_s, self.monotonic, self.wait, lambda: 1.0)


def test_it_waits_longer_each_time() -> None:
    time = FakeTime()
    patience = time.patience(60)
    for _ in range(3):
        patience.failed("reading")
    assert time.pauses == [0.1, 0.2, 0.4]


def test_it_gives_up_at_the_deadline_and_names_what_failed() -> None:
    time = FakeTime()
    patience = time.patience(10)
    cause = OSError("refused")
    with pytest.raises(WorkFailedError, match=r"reading: gave up after 10 s") as raised:
        while True:
            patience.failed("reading", cause)
    assert raised.value.__cause__ is cause
    assert 10 <= time.now_s < 15


def test_a_success_begins_it_anew() -> None:
    time = FakeTime()
    patience = time.patience(1)
    for _ in range(20):
        patience.failed("reading")
        patience.succeeded()
    assert set(time.pauses) == {0.1}


def test_it_ends_when_the_job_closes() -> None:
    time = FakeTime(stopped=True)
    with pytest.raises(StoppedError):
        time.patience(60).failed("reading")
