"""What the answer to a batch call means for each entry, and how long to wait before the next call.

`BatchSend` follows one batch until every entry is delivered or rejected. It knows no client and no clock: whoever makes
the calls tells it what came back. A call that returned is no success; a call that broke off may have been one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from schemas.aws_errors import THROTTLE_CODES, is_throttle, is_transient

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
# Refusals of a whole call for what one of its entries holds. Source: SNS and SQS API references, common errors.
_ENTRY_FAULTS = frozenset(
    {
        "BatchRequestTooLong",
        "InvalidAttributeValue",
        "InvalidMessageContents",
        "InvalidParameter",
        "InvalidParameterValue",
        "ParameterValueInvalid",
        "ValidationError",
    }
)
# How SNS refuses a topic that is not in the region that was asked: by the code of a faulty entry.
_NO_SUCH_TOPIC = "Invalid parameter: TopicArn"


class Fault(Enum):
    """What a failed call means for the entries in it."""

    NOT_TAKEN = "nothing was accepted: call again"
    UNSURE = "it may have been accepted: call again, and say that it may be a repeat"
    ENTRY = "an entry is at fault: find out which"
    FATAL = "no further call can succeed"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The far side acknowledged the entry."""

    message_id: str
    attempts: int
    maybe_repeat: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """The far side will never take the entry."""

    code: str
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """One entry under `Failed` of an answer."""

    entry_id: str
    code: str
    detail: str
    sender_fault: bool


def fault_of_code(code: str, status: int, message: str = "") -> Fault:
    """Judge a service's error by its code and HTTP status, and by its message where these do not tell."""
    if is_throttle(code, status):
        return Fault.NOT_TAKEN
    if is_transient(code, status):
        return Fault.UNSURE
    is_entrys = code in _ENTRY_FAULTS and not message.startswith(_NO_SUCH_TOPIC)
    return Fault.ENTRY if is_entrys else Fault.FATAL


def backoff_s(failures: int, draw: float) -> float:
    """Return the pause after so many failures in a row; a draw from [0, 1) spreads it over its upper half."""
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(failures, 16)) * (0.5 + draw / 2)


class BatchSend:
    """One batch on its way.

    Args:
        ids: the entries, in order.
        maybe_sent: those which an earlier life may have sent.
    """

    def __init__(self, ids: Sequence[str], maybe_sent: Iterable[str] = ()) -> None:
        self._waiting = list(ids)
        self._one_by_one = False
        self._attempts: Counter[str] = Counter()
        self.maybe_repeats = set(maybe_sent)
        self.outcomes: dict[str, Delivered | Rejected] = {}

    def sent_before(self, ids: Iterable[str]) -> int:
        """Return how many of these entries were sent before."""
        return sum(entry_id in self._attempts for entry_id in ids)

    def next_ids(self) -> list[str]:
        """Return the entries of the next call; none when the batch is through."""
        return self._waiting[:1] if self._one_by_one else list(self._waiting)

    def on_answer(self, message_ids: Mapping[str, str], failures: Iterable[EntryFailure]) -> bool:
        """Take in an answer by entry; an entry that it does not name may have been taken.

        Returns:
            Whether any entry was settled, so that the next call need not wait.
        """
        failed = {failure.entry_id: failure for failure in failures}
        before = len(self._waiting)
        for entry_id in self.next_ids():
            self._attempts[entry_id] += 1
            if entry_id in message_ids:
                self._settle(
                    entry_id,
                    Delivered(message_ids[entry_id], self._attempts[entry_id], entry_id in self.maybe_repeats),
                )
            elif (failure := failed.get(entry_id)) is not None and failure.sender_fault:
                self._settle(entry_id, Rejected(failure.code, failure.detail, self._attempts[entry_id]))
            elif failure is None or failure.code not in THROTTLE_CODES:
                self.maybe_repeats.add(entry_id)
        return len(self._waiting) < before

    def on_fault(self, fault: Fault, code: str, detail: str) -> None:
        """Take in a call that failed as a whole; a fatal one is the caller's to raise."""
        ids = self.next_ids()
        self._attempts.update(ids)
        if fault is Fault.UNSURE:
            self.maybe_repeats.update(ids)
        elif fault is Fault.ENTRY:
            if len(ids) == 1:
                self._settle(ids[0], Rejected(code, detail, self._attempts[ids[0]]))
            self._one_by_one = True

    def _settle(self, entry_id: str, outcome: Delivered | Rejected) -> None:
        self._waiting.remove(entry_id)
        self.outcomes[entry_id] = outcome
