"""The processes of a load as the one that started them sees them: one that has died is told, and ends nothing else."""

from __future__ import annotations

import queue

import pytest

from producers.load.messages import Begin, Ended, Plan, Told
from producers.load.workers import Worker


def test_a_process_that_has_died_is_told_and_may_be_asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CLICKSTREAM_STREAM", "")
    told: queue.Queue[Told] = queue.Queue()
    plan = Plan(process=0, processes=1, profile="steady", rate=1, seconds=1, users=1, seed=1, aggregate=True, step_s=1)
    worker = Worker(plan, told)
    ended = told.get(timeout=60)
    assert isinstance(ended, Ended) and ended.is_bad_usage
    worker.end()
    worker.tell(Begin(start_s=0.0, start_us=0))
    worker.ask_to_stop()
