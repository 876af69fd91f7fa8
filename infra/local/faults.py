"""Faults on request: which of the next requests fail, and how. Pure, apart from the lock that guards the plan.

A fault strikes a bounded number of requests and is then gone. Refuses a plan that would strike nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from threading import Lock
from typing import Annotated

import msgspec

from schemas.aws_errors import THROTTLE_CODES
from schemas.errors import ConfigError

DEFAULT_ENTRY_ERROR = "InternalFailure"


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of failure of one operation.

    Attributes:
        times: how many requests it strikes.
        after: how many requests pass unharmed first.
        error: the error code that a whole request is answered with; none for a partial failure.
        status: the HTTP status of that answer; 400 for a throttle and 500 otherwise, unless given.
        applied: the request is carried out and only its answer is replaced.
        delay_s: seconds for which the request is held before anything is done about it. Then it is carried out, or
            answered with `error`, whether or not its sender still waits.
        fail_records: positions of the entries of a batch that fail.
        ratio: the share of a batch's entries that fails, at random.
        record_error: the error code of an entry that fails.
    """

    times: Annotated[int, msgspec.Meta(ge=1)] = 1
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    error: str | None = None
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    applied: bool = False
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=120)] = 0.0
    fail_records: tuple[int, ...] = ()
    ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    record_error: str = DEFAULT_ENTRY_ERROR

    @property
    def http_status(self) -> int:
        """The status that a whole request is answered with."""
        return self.status or (400 if self.error in THROTTLE_CODES else 500)

    @property
    def is_whole(self) -> bool:
        """Whether it strikes a request as a whole, not single entries of it."""
        return self.error is not None or self.delay_s > 0


Plan = dict[str, Fault | list[Fault]]


def parse_plan(body: bytes) -> Plan:
    """Return the plan in a JSON object of operation (like `kinesis.PutRecords`) to fault or faults.

    Raises:
        ConfigError: not of that form, or a fault that neither fails a request nor any entry.
    """
    try:
        plan = msgspec.json.decode(body, type=Plan)
    except msgspec.DecodeError as error:
        raise ConfigError(f"no plan of faults: {error}") from error
    empty = [name for name, faults in plan.items() for fault in _listed(faults) if _strikes_nothing(fault)]
    if empty:
        raise ConfigError([f"{name}: give error, delay_s, fail_records or ratio" for name in empty])
    return plan


def _listed(faults: Fault | list[Fault]) -> list[Fault]:
    return faults if isinstance(faults, list) else [faults]


def _strikes_nothing(fault: Fault) -> bool:
    return not fault.is_whole and not fault.fail_records and fault.ratio == 0


class Faults:
    """The plan in force. Faults of one operation strike in the order given; safe for use from several threads.

    Args:
        random: decides which entries a ratio strikes.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._lock = Lock()
        self._plan: dict[str, list[Fault]] = {}
        self._struck: dict[str, int] = {}

    def replace(self, plan: Plan) -> None:
        """Replace the faults of every operation that the plan names."""
        with self._lock:
            self._plan |= {operation: _listed(faults) for operation, faults in plan.items()}

    def clear(self) -> None:
        """Forget every fault and every count."""
        with self._lock:
            self._plan.clear()
            self._struck.clear()

    def report(self) -> dict[str, dict[str, int]]:
        """Return per operation how many requests were struck and how many are still to be."""
        with self._lock:
            return {
                name: {
                    "struck": self._struck.get(name, 0),
                    "left": sum(fault.times for fault in self._plan.get(name, ())),
                }
                for name in sorted(self._plan.keys() | self._struck.keys())
            }

    def is_idle(self) -> bool:
        """Say whether no request can be struck."""
        return not self._plan

    def strike_request(self, operation: str) -> Fault | None:
        """Return the fault that this request is answered with, using it up, or None."""
        return self._take(operation, whole=True)

    def strike_entries(self, operation: str, count: int) -> dict[int, str]:
        """Return position -> error code of the entries of this batch that fail, using the fault up."""
        fault = self._take(operation, whole=False)
        if fault is None:
            return {}
        positions: Sequence[int] = fault.fail_records
        if fault.ratio:
            with self._lock:
                positions = [i for i in range(count) if self._random.random() < fault.ratio]
        return {position: fault.record_error for position in positions if position < count}

    def _take(self, operation: str, *, whole: bool) -> Fault | None:
        with self._lock:
            planned = self._plan.get(operation)
            if not planned or planned[0].is_whole is not whole:
                return None
            fault = planned[0]
            if fault.after:
                planned[0] = msgspec.structs.replace(fault, after=fault.after - 1)
                return None
            self._struck[operation] = self._struck.get(operation, 0) + 1
            planned[:1] = [msgspec.structs.replace(fault, times=fault.times - 1)] if fault.times > 1 else []
            if not planned:
                del self._plan[operation]
            return fault
