"""The job under a clock that is set forth and back: how long it remembers, what it flags, and that it holds nothing."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.soak_clock import LeftOutError, shifting_clock

HOUR_S = 3600
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def shift(alert_job: Any, tmp_path: Path) -> Callable[[int], None]:
    """A function that sets the job's clock so many seconds off, and nobody else's."""
    try:
        variables, shift = shifting_clock(tmp_path / "clock")
    except LeftOutError as lacking:
        pytest.skip(str(lacking))
    alert_job.environment |= variables
    return shift


@pytest.fixture
def sell(emulator: Any) -> Callable[[str], None]:
    kinesis = emulator.client("kinesis")

    def put(event_id: str) -> None:
        event = {"event_id": event_id, "user_id": "u", "session_id": "s", "event_type": "purchase"}
        event["event_timestamp"] = datetime.now(UTC).isoformat()
        kinesis.put_record(StreamName="clickstream", PartitionKey="u", Data=json.dumps(event).encode())

    return put


def test_an_id_is_remembered_for_a_day_and_a_clock_that_is_set_back_neither_hides_nor_holds_a_repeat(
    emulator: Any,
    alert_job: Any,
    subscriber: Any,
    shift: Callable[[int], None],
    sell: Callable[[str], None],
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    def flags() -> dict[str, list[bool]]:
        found = defaultdict(list)
        for alert in subscriber.receive():
            found[alert.event_id].append(alert.maybe_repeat)
        return found

    alert_job.start("--checkpoint-seconds", "600")
    sell("e1")
    wait_until(lambda: flags() == {"e1": [False]}, 30)
    shift(23 * HOUR_S)
    sell("e1")
    wait_until(lambda: alert_job.counters()["duplicates"] == 1, 30)
    shift(25 * HOUR_S)
    sell("e1")
    wait_until(lambda: flags() == {"e1": [False, False]}, 30)

    shift(-HOUR_S)
    sell("e2")
    wait_until(lambda: "e2" in flags(), 30)
    alert_job.signal_group(signal.SIGKILL)
    alert_job.start("--checkpoint-seconds", "1")
    sell("e3")
    wait_until(lambda: "e3" in flags(), 30)
    assert flags() == {"e1": [False, False, True], "e2": [False, True], "e3": [False]}

    emulator.inject(**{"sns.PublishBatch": {"error": "Throttling", "times": 10_000}})
    sell("e4")
    wait_until(lambda: alert_job.counters()["alerts"] == 4, 30)
    saved = newest_checkpoint(alert_job)
    wait_until(lambda: newest_checkpoint(alert_job) > saved + 1, 30)
    alert_job.signal_group(signal.SIGKILL)
    emulator.clear_faults()
    shift(-2 * HOUR_S)
    alert_job.start()
    wait_until(lambda: flags()["e4"] == [True], 30)


def newest_checkpoint(job: Any) -> int:
    """Return the number of the newest complete checkpoint."""
    complete = job.folder.glob("*/checkpoints/*/chk-*/_metadata")
    return max((int(path.parent.name.removeprefix("chk-")) for path in complete), default=0)
