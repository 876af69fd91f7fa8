"""A simulation as one process sends it: its part of the visits, with their faults, its answer key and its position.

All that decides what is sent is in one object, which can be given to another process.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from producers.faults.alert_duty import AlertDuty
from producers.faults.answer import Answer
from producers.faults.fault_plan import FaultPlan
from producers.faults.injection import canonical, inject
from producers.faults.key_files import key_at, part_file, part_files
from producers.faults.stream_faults import open_stream_faults
from producers.opening import new_producer_id
from producers.position import BEGAN, PositionFile, fingerprint_at, texts_of
from producers.sending import Sending, open_sink
from producers.shop.simulation import Part, counts_of
from producers.shop.simulation import simulate as visits
from producers.shop.visitors import Visitors
from producers.shop.wire import SchemaMix, version_of, wire_of
from producers.stamping import Stamper
from schemas.errors import ConfigError
from schemas.instants import format_instant_us, parse_instant_us


def began_before(resume: Path, processes: int) -> int | None:
    """Return when the run of a position began, in microseconds; None where it begins now.

    Raises:
        ConfigError: the position cannot be read, or is of a run of another number of processes.
    """
    paths = [part_file(resume, (index, processes)) for index in range(processes)]
    if others := set(part_files(resume)) - set(paths):
        other = min(others)
        before = other.name.rpartition("-of-")[2] if other != resume else 1
        raise ConfigError(
            f"{other} belongs to another run, so give another file: processes was {before}, now it is {processes}"
        )
    # A kill may have come before all of them had a file.
    began = next((begun for path in paths if (begun := fingerprint_at(path).get(BEGAN))), None)
    return parse_instant_us(began) if began else None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What is simulated.

    Attributes:
        began_us: when the run began, before it was resumed.
        duty: which events must be alerted; used by the key alone, as is the command.
        key: where the answer key is written; None for none.
        resume: the position file; None for none.
        no_aggregate: each event is a record of its own.
        as_json: the summary wants stdout.
    """

    visitors: Visitors
    seed: int
    plan: FaultPlan
    mix: SchemaMix
    began_us: int
    duty: AlertDuty | None = None
    command: str = ""
    key: Path | None = None
    resume: Path | None = None
    no_aggregate: bool = False
    as_json: bool = False

    @property
    def expected_lines(self) -> int:
        """How many lines there will be, about."""
        return round(self.visitors.events * self.plan.lines_per_event)

    def open(self, part: Part, out: Path | None, stack: ExitStack) -> Sending:
        """Return what one process sends.

        Args:
            part: which part of the shop; the first one strikes the stream, as often as the plan says.
            out: a file in place of the stream.
            stack: closes what was opened.

        Raises:
            ConfigError: a file cannot be written or belongs to another run, there is no such stream, or it cannot be
                struck.
            WorkFailedError: Kinesis cannot be reached.
        """
        position = None
        if self.resume is not None:
            position = PositionFile(part_file(self.resume, part), self._fingerprint(part), new_producer_id)
            stack.callback(position.close)
        share = counts_of(self.visitors, part[1])[part[0]] * self.plan.lines_per_event
        plan = self.plan if part[0] == 0 else self.plan.without_stream_faults
        stream_faults = stack.enter_context(open_stream_faults(plan, share, to_file=out is not None))
        stamper = position.stamper() if position else None if out else Stamper(new_producer_id())
        sink, spool = open_sink(out, self.no_aggregate, self.as_json, stack, stamper=stamper, position=position)
        key = None
        if self.key is not None and self.duty is not None:
            path, producer_id = part_file(self.key, part), stamper.producer_id if stamper else None
            key = stack.enter_context(key_at(path, self.began_us, self.duty, self.command, producer_id))
        answer = Answer()
        mix = self.mix
        has_versions = mix.old or mix.new
        # Chance of the faults is its own, so the visits of a seed are the same with and without them.
        lines = inject(
            visits(self.visitors, self.seed, part),
            self.plan,
            self.seed,
            answer,
            stamper=stamper,
            key=key,
            encode=(lambda event: wire_of(event, version_of(event.session_id, mix))) if has_versions else canonical,
        )
        if stream_faults:
            lines = stream_faults.watch(lines, first=position.settled if position else 0)
        return Sending(
            lines,
            sink,
            spool,
            lambda: {"answer": answer, **({"stream_faults": stream_faults.end()} if stream_faults else {})},
            position,
            lambda: answer.unsendable,
        )

    def _fingerprint(self, part: Part) -> dict[str, str]:
        return {
            BEGAN: format_instant_us(self.began_us),
            **texts_of(self.visitors),
            **{f"{name} clients": text for name, text in texts_of(self.mix).items()},
            **{f"fault {name}": text for name, text in texts_of(self.plan).items()},
            "seed": str(self.seed),
            "part": f"{part[0] + 1} of {part[1]}",
        }
