"""What a load and its processes tell each other: lines of JSON on the pipes between them. Pure."""

from __future__ import annotations

import msgspec

from producers.faults.alert_duty import AlertDuty
from producers.load.timeline import Sample


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one process is to do, the first line that it reads.

    Attributes:
        process: its index.
        processes: how many there are.
        rate: events a second of all of them, at the most.
        seconds: how long the schedule is.
        step_s: how long an interval is.
        key: the file for this process's part of the answer key; empty for none.
        duty: which events must be alerted; used by the key alone, as is the command.
    """

    process: int
    processes: int
    profile: str
    rate: float
    seconds: float
    users: int
    seed: int
    aggregate: bool
    step_s: int
    key: str = ""
    duty: AlertDuty | None = None
    command: str = ""


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """The start, the second line; the end of the input asks to stop.

    Attributes:
        start_s: by the monotonic clock, which all processes of a machine share.
        start_us: the same instant.
    """

    start_s: float
    start_us: int


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """A process could begin."""

    process: int


class Measured(msgspec.Struct, frozen=True, kw_only=True, tag="measured"):
    """An interval is over."""

    sample: Sample


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """A process has ended its work, the last line that it writes.

    Attributes:
        failure: why it ended before its time; empty where it did not.
        is_bad_usage: nothing was done, since settings are wrong.
        spool: the file that keeps what could not be sent; empty where all could.
    """

    process: int
    failure: str = ""
    is_bad_usage: bool = False
    spool: str = ""


Told = Ready | Measured | Ended
