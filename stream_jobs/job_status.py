"""What a running job says about itself, through Flink's REST interface.

Counters are those of the current attempt: Flink begins them anew when it restarts a job.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

# Beside these, every counter that begins with `dead_letters_` and names a reason.
COUNTERS = (
    "records",
    "events",
    "filtered",
    "too_old",
    "purchases",
    "alerts",
    "duplicates",
    "published",
    "retries",
    "receipts",
    "receipt_objects",
    "dead_letters_sent",
)
_BY_REASON = "dead_letters_"
_UNSETTLED = "unsettled"
_OLDEST = "oldest_unsettled_ms"
_FAILING = "failing_for_ms"
# The poller's level, and the gauge of Flink's Kinesis connector.
_BEHIND = ("millis_behind_latest", "millisBehindLatest")
_LATENCIES = {"latency_ms_p50": "p50", "latency_ms_p95": "p95", "latency_ms_p99": "p99"}
_LARGEST = {*_BEHIND, *_LATENCIES, _OLDEST}
# What the job has beside Flink's own, and CloudWatch gets; the reasons of the dead letters not in it.
METRIC_NAMES = (*COUNTERS, _UNSETTLED, _OLDEST, _FAILING, *_LATENCIES)
_TIMEOUT_S = 5
_FAILURES = 100


def own_names(metric_ids: list[str]) -> list[str]:
    """Return the ids that are ours among a vertex's metrics; chained operators prefix theirs."""
    own = {*COUNTERS, _UNSETTLED, _FAILING, *_LARGEST}
    return [name for name in metric_ids if (last := name.rsplit(".", 1)[-1]) in own or last.startswith(_BY_REASON)]


def _first(chain: str) -> str:
    """Return the first of the operators that Flink made one of; of those, it alone has a far side."""
    return chain.partition("__")[0]


def counters_of(sums: Mapping[str, int]) -> dict[str, Any]:
    """Return counters by name as a report shows them, dead letters by reason."""
    reasons = {
        name.removeprefix(_BY_REASON): count
        for name, count in sorted(sums.items())
        if name.startswith(_BY_REASON) and name not in COUNTERS
    }
    return {name: sums.get(name, 0) for name in COUNTERS} | {"dead_letters": reasons}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a job does.

    Attributes:
        running: every operator runs.
        restarts: how often Flink restarted it.
        unsettled: records and messages that are under way.
        behind_ms: how far the source is behind the newest record of the stream, where it knows.
        oldest_unsettled_ms: for how long the oldest message has been under way.
        failing_for_ms: by operator, for how long its calls to its far side have been failing; those alone that do.
        latency_ms: p50, p95 and p99 of the last alerts, from the stream's arrival to the topic's acknowledgement.
        counters: see `counters_of`.
    """

    running: bool
    restarts: int
    unsettled: int | None
    behind_ms: int | None
    oldest_unsettled_ms: int
    failing_for_ms: dict[str, int]
    latency_ms: dict[str, int]
    counters: dict[str, Any]


class JobStatus:
    """One job.

    Args:
        rest_port: of Flink's REST interface.
        job_id: the job.
    """

    def __init__(self, rest_port: int, job_id: str) -> None:
        self._job = f"http://127.0.0.1:{rest_port}/jobs/{job_id}"

    def read(self) -> Reading:
        """Return how the job does now; what it counts is up to a second old.

        Raises:
            OSError: Flink does not answer.
        """
        vertices = self._get("")["vertices"]
        sums: Counter[str] = Counter()
        largest: dict[str, int] = {}
        failing: dict[str, int] = {}
        for vertex in vertices:
            metrics = f"/vertices/{vertex['id']}/subtasks/metrics"
            names = own_names([metric["id"] for metric in self._get(metrics)])
            for metric in self._get(f"{metrics}?get={','.join(names)}") if names else ():
                operator, _, name = metric["id"].partition(".")
                name = name.rsplit(".", 1)[-1]
                if name == _FAILING:
                    failing[_first(operator)] = round(metric["max"])
                elif name in _LARGEST:
                    largest[name] = max(largest.get(name, 0), round(metric["max"]))
                else:
                    sums[name] += int(metric["sum"])
        restarts = self._get("/metrics?get=numRestarts")
        return Reading(
            # The job itself claims to run while its operators still open.
            running=all(vertex["status"] == "RUNNING" for vertex in vertices),
            restarts=int(restarts[0]["value"]) if restarts else 0,
            unsettled=sums.pop(_UNSETTLED, None),
            behind_ms=max((largest[name] for name in _BEHIND if name in largest), default=None),
            oldest_unsettled_ms=largest.get(_OLDEST, 0),
            failing_for_ms={operator: for_ms for operator, for_ms in failing.items() if for_ms},
            latency_ms={share: largest[name] for name, share in _LATENCIES.items() if name in largest},
            counters=counters_of(sums),
        )

    def failures(self) -> list[str]:
        """Return the Java stack traces of the failures so far that Flink remembers, the last one first.

        Raises:
            OSError: Flink does not answer.
        """
        entries = self._get(f"/exceptions?maxExceptions={_FAILURES}")["exceptionHistory"]["entries"]
        return [str(entry["stacktrace"]) for entry in entries]

    def _get(self, path: str) -> Any:
        with urlopen(self._job + path, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - always our own http address
            return json.load(answer)
