"""What goes wrong with the stream itself while lines are made: each fault when its share of them is reached.

Calls that are to fail are asked for on the spot, so that they fail then. A change of shards takes a while on AWS, and
goes on beside the run, one after another.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import boto3

from producers.faults.fault_control import FaultControl, control_of
from producers.faults.fault_plan import FaultPlan
from producers.faults.resharding import Resharder
from producers.lines import Line
from schemas.errors import ConfigError, WorkFailedError
from schemas.settings import load_settings


class StreamFaults:
    """Carries out the stream faults of a plan.

    Args:
        plan: the plan.
        expected_lines: how many lines will be made, about.
        control: has calls fail; None where the plan asks for no such fault.
        resharder: changes the shards; None where the plan asks for no such fault.
    """

    def __init__(
        self, plan: FaultPlan, expected_lines: float, control: FaultControl | None, resharder: Resharder | None
    ) -> None:
        self._control = control
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="resharding")
        self._changes: list[tuple[str, Future[None]]] = []
        self._figures: dict[str, Any] | None = None
        due: list[tuple[float, Callable[[], object]]] = []
        if control is not None:
            due += [(fault.at, partial(control.strike, fault)) for fault in (*plan.throttle, *plan.partial_failure)]
        if resharder is not None:
            due += [(fault.at, partial(self._begin, "splits", resharder.split)) for fault in plan.split]
            due += [(fault.at, partial(self._begin, "merges", resharder.merge)) for fault in plan.merge]
        # The next one last.
        self._due = sorted(((at * expected_lines, act) for at, act in due), key=lambda entry: -entry[0])

    def watch(self, lines: Iterator[Line], first: int = 0) -> Iterator[Line]:
        """Yield the lines, and carry out what is due before each.

        Args:
            lines: all lines of the run.
            first: so many are not sent since they were before; nor is what was due with them done again.

        Raises:
            WorkFailedError: the emulator does not answer.
        """
        while self._due and self._due[-1][0] < first:
            self._due.pop()
        next_at = self.reach(0)
        for count, line in enumerate(lines):
            if count >= next_at:
                next_at = self.reach(count)
            yield line
        self.reach(math.inf)

    def reach(self, lines: float) -> float:
        """Carry out what is due when so many lines are made, and return when something is due next.

        Raises:
            WorkFailedError: the emulator does not answer.
        """
        while self._due and self._due[-1][0] <= lines:
            self._due.pop()[1]()
        return self._due[-1][0] if self._due else math.inf

    def end(self) -> dict[str, Any]:
        """Wait for what is under way, take back what did not come to pass, and return the figures; once.

        Figures are `calls_struck`, `calls_spared`, `splits`, `merges`, and `failures` in words.
        """
        if self._figures is None:
            self._worker.shutdown(wait=True)
            figures: Counter[str] = Counter()
            failures: list[str] = []
            for name, change in self._changes:
                try:
                    change.result()
                    figures[name] += 1
                except WorkFailedError as error:
                    failures.append(str(error))
            if self._control is not None:
                try:
                    figures.update(self._control.end())
                except WorkFailedError as error:
                    failures.append(str(error))
            self._figures = {**figures, **({"failures": failures} if failures else {})}
        return self._figures

    def _begin(self, name: str, action: Callable[[], None]) -> None:
        self._changes.append((name, self._worker.submit(action)))


@contextmanager
def open_stream_faults(plan: FaultPlan, expected_lines: float, *, to_file: bool) -> Iterator[StreamFaults | None]:
    """Give what carries out the stream faults of a plan; None where it has none.

    Args:
        plan: the plan.
        expected_lines: how many lines will be made, about.
        to_file: lines go to no stream.

    Raises:
        ConfigError: there is no stream, or calls are to fail of one that does not fail on request.
        WorkFailedError: at the end, where a change of shards failed.
    """
    if not plan.has_stream_faults:
        yield None
        return
    if to_file:
        raise ConfigError("the plan has faults of the stream, and --out has no stream: take them out of the plan")
    stream = load_settings(os.environ, Path.cwd()).stream
    control = control_of(os.environ) if plan.needs_local_stack else None
    resharder = Resharder(boto3.client("kinesis"), stream) if plan.split or plan.merge else None
    faults = StreamFaults(plan, expected_lines, control, resharder)
    try:
        yield faults
    finally:
        figures = faults.end()
    if "failures" in figures:
        raise WorkFailedError("; ".join(figures["failures"]))
