"""How fast a Flink job is once it runs, told by Flink's own counters over its REST interface.

The start of the JVM and its interpreters and the first seconds of a job are no part of a rate.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

_DEADLINE_S = 180
# Flink reads its counters when it is asked, and answers with what it read the time before: asked at an even pace, all
# samples are late by the same time.
_SAMPLE_S = 0.25
_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """What a vertex had taken in at a moment."""

    at_s: float
    records: int


class Meter:
    """Reads one job in a mini cluster.

    Args:
        rest_port: of Flink's REST interface.
        job: the job's client.
    """

    def __init__(self, rest_port: int, job: Any) -> None:
        self._flink = f"http://127.0.0.1:{rest_port}"
        self._client = job
        self._job = f"/jobs/{job.get_job_id()}"

    def sample(self, vertex: str) -> Sample:
        """Return what the vertex whose name begins so has taken in.

        Raises:
            RuntimeError: the job has failed, or has no such vertex.
        """
        try:
            job = self._get(self._job)
        except URLError:
            job = {"state": "gone"}  # as a mini cluster is when its job has failed
        if job["state"] not in ("CREATED", "RUNNING", "FINISHED"):
            self._client.get_job_execution_result().result()  # raises what it failed of, as Java tells it
            raise RuntimeError(f"the job is {job['state']}")
        return Sample(time.monotonic(), self._records_in(self._vertex_id(job, vertex)))

    def wait_until(self, vertex: str, condition: Callable[[Sample], bool]) -> Sample:
        """Return the first sample that meets a condition.

        Raises:
            RuntimeError: none did for a long time, or the job has failed.
        """
        deadline_s = time.monotonic() + _DEADLINE_S
        while not condition(sample := self.sample(vertex)):
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"the job does not come along: {sample}")
            time.sleep(_SAMPLE_S)
        return sample

    def checkpoints(self) -> dict[str, Any]:
        """Return Flink's account of the job's checkpoints."""
        return dict(self._get(f"{self._job}/checkpoints"))

    def state_bytes(self, vertex: str, checkpoint: int) -> int:
        """Return the size of a vertex's part of a checkpoint."""
        details = self._get(f"{self._job}/checkpoints/details/{checkpoint}")
        return int(details["tasks"][self._vertex_id(self._get(self._job), vertex)]["state_size"])

    def cpu_s(self) -> float:
        """Return the CPU time that the cluster's process has used, Python inside of it included."""
        [metric] = self._get("/jobmanager/metrics?get=Status.JVM.CPU.Time")
        return int(metric["value"]) / 1e9

    def _vertex_id(self, job: dict[str, Any], vertex: str) -> str:
        found = [each["id"] for each in job["vertices"] if each["name"].startswith(vertex)]
        if len(found) != 1:
            raise RuntimeError(f"{vertex} is none of {[each['name'] for each in job['vertices']]}")
        return str(found[0])

    def _records_in(self, vertex_id: str) -> int:
        found = self._get(f"{self._job}/vertices/{vertex_id}/subtasks/metrics?get=numRecordsIn")
        return int(found[0]["sum"]) if found else 0

    def _get(self, path: str) -> Any:
        with urlopen(self._flink + path, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - always our own http address
            return json.load(answer)
