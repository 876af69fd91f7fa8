"""The lake of one life, in a folder: runs and rollbacks that may die at any call, or be overtaken at any step.

The engine, the catalog and the clients are the real ones, answered in-process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pyiceberg.catalog.glue import GlueCatalog

from batch_compaction.bookkeeping import waiting_lines
from batch_compaction.find import find_all
from batch_compaction.first_seen import FIRST_SEEN
from batch_compaction.hours import NOTHING, ROLLED_BACK, hours_of, versions_in_force
from batch_compaction.hours_log import HourLog
from batch_compaction.lake_tables import Lake, LakeTable, parquet_bytes
from batch_compaction.limits import QualityLimits
from batch_compaction.plan import HourPolicy
from batch_compaction.report import RunReport
from batch_compaction.rollback import Rollback, roll_back
from batch_compaction.rollback_report import RollbackReport
from batch_compaction.rollback_targets import of_hours, of_run
from batch_compaction.run import Run, compact
from batch_compaction.user_tables import UserTables
from bench.compaction_services import FolderIO, lake_of, s3_of
from schemas.errors import WorkFailedError
from schemas.instants import HOUR_US, parse_instant_us
from schemas.lake import format_hour, hour_of_partition, partition_of_hour
from schemas.tables import CONFLICTS, FACT_CLICKS, QUARANTINE, RAW_OBJECTS, TABLES_OF_RUNS

HOUR = parse_instant_us("2026-11-24T10:00:00Z")
RAW_BUCKET = "raw"
LENIENT = QualityLimits()
# Holds every hour in which a line came twice.
STRICT = QualityLimits(min_lines=1, max_duplicate_ratio=0.0, blocking=("duplicate_ratio",))
ALL_CLOSED = HourPolicy(HOUR + 48 * HOUR_US)
# What a rollback refuses where there is nothing to roll back.
_NOTHING_TO_DO = re.compile(
    r"nothing of \S+ is published|nothing that run \S+ published is in force|no hour was changed by"
)
Told = TypeVar("Told")


class DiedError(BaseException):
    """The run died here, as a killed process does: no handler of errors sees it."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A raw object: its key and its lines."""

    key: str
    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Setback:
    """Hours are rolled back, if there is something to go back to.

    Attributes:
        hours: these; none for all that a run changed.
        change: of the changes that there are, the one whose snapshot the hours go back to, or whose run goes, counted
            in a circle; None for the version before.
        dies_at: the call at which the rollback dies; 0 where it does not.
        overtaken_at: the step at which a run comes and goes; 0 for none.
    """

    hours: tuple[int, ...] = (HOUR,)
    change: int | None = None
    dies_at: int = 0
    overtaken_at: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """Some objects come, and a run starts.

    Attributes:
        comes: the objects.
        policy: of the run.
        limits: of its checks.
        redo: whether hours that the policy names are published although they were rolled back.
        dies_at: the call at which it dies; 0 where it does not.
        overtaken_at: the step at which something else comes and goes; 0 for none.
        overtaken_by: a rollback; else another run.
    """

    comes: tuple[RawFile, ...] = ()
    policy: HourPolicy = ALL_CLOSED
    limits: QualityLimits = LENIENT
    redo: bool = False
    dies_at: int = 0
    overtaken_at: int = 0
    overtaken_by: Setback | None = None


@dataclass(slots=True)
class _Fuse:
    """Burns down by a call; the run dies at its end."""

    left: int

    def burn(self) -> None:
        """Count a call."""
        self.left -= 1
        if self.left == 0:
            raise DiedError

    @contextmanager
    def out(self) -> Iterator[None]:
        """Count no calls meanwhile."""
        left, self.left = self.left, 0
        yield
        self.left = left


_FUSES: dict[str, _Fuse] = {}


class FusedIO(FolderIO):
    """Iceberg's files in a folder; each that is begun or looked at burns the fuse of the folder."""

    def new_output(self, location: str) -> Any:
        self._burn()
        return super().new_output(location)

    def new_input(self, location: str) -> Any:
        self._burn()
        return super().new_input(location)

    def _burn(self) -> None:
        _FUSES[self.properties["clickstream.bench-folder"]].burn()


@dataclass(slots=True)
class Place:
    """A folder with the buckets and the catalog of one life, and what happened in it."""

    folder: Path
    lived: list[str] = field(default_factory=list)

    def put(self, file: RawFile, source: Place | None = None) -> None:
        """Put an object, which is the very same as that of another place, entity tag and all."""
        path = self.folder / RAW_BUCKET / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        if source is None:
            path.write_bytes(b"\n".join(file.lines))
        else:
            os.link(source.folder / RAW_BUCKET / file.key, path)

    def live(self, episode: Episode, told: Callable[[str], object] = lambda _: None) -> RunReport | None:
        """Have a run over what is there, which tells its steps; None where it died."""

        def overtake(lake: Lake) -> None:
            if episode.overtaken_by is None:
                self._run(lake, Episode(policy=episode.policy), _silent)
            else:
                self._roll_back(lake, episode.overtaken_by, _silent)

        return self._until_it_dies(episode, overtake, lambda lake, on_step: self._run(lake, episode, on_step), told)

    def roll_back(self, setback: Setback, told: Callable[[str], object] = lambda _: None) -> RollbackReport | None:
        """Roll hours back, telling the steps; None where it died, or there was nothing to roll back."""

        def overtake(lake: Lake) -> None:
            self._run(lake, Episode(), _silent)

        return self._until_it_dies(
            setback, overtake, lambda lake, on_step: self._roll_back(lake, setback, on_step), told
        )

    def _until_it_dies(
        self,
        episode: Episode | Setback,
        overtake: Callable[[Lake], None],
        act: Callable[[Lake, Callable[[str], None]], Told],
        told: Callable[[str], object],
    ) -> Told | None:
        lake, fuse = self._lake(episode.dies_at)
        steps = 0

        def on_step(step: str) -> None:
            nonlocal steps
            told(step)
            steps += 1
            if steps == episode.overtaken_at:
                with fuse.out():
                    overtake(lake)
                self.lived.append("overtaken")
            fuse.burn()

        try:
            return act(lake, on_step)
        except DiedError:
            self.lived.append("died")
            return None
        finally:
            del _FUSES[str(self.folder)]

    def _lake(self, dies_at: int) -> tuple[Lake, _Fuse]:
        fuse = _FUSES[str(self.folder)] = _Fuse(dies_at)
        plain = lake_of(self.folder)
        glue = plain.catalog.glue
        glue.meta.events.register_first("before-send.glue", lambda **_: fuse.burn())
        properties = plain.catalog.properties | {"py-io-impl": f"{FusedIO.__module__}.{FusedIO.__name__}"}
        return Lake(GlueCatalog("glue", client=glue, **properties), plain.database, plain.bucket), fuse

    def _run(self, lake: Lake, episode: Episode, on_step: Callable[[str], None]) -> RunReport:
        s3 = s3_of(self.folder)
        s3.meta.events.register_first("before-send.s3", lambda **_: _FUSES[str(self.folder)].burn())
        self.lived.append("run")
        report = compact(
            Run(
                s3=s3,
                find=lambda: find_all(s3, RAW_BUCKET),
                lake=lake,
                policy=episode.policy,
                run_id=f"run-{len(self.lived)}",
                on_step=on_step,
                limits=episode.limits,
                redo=episode.redo,
            )
        )
        self.lived += ["held"] * bool(report.held)
        return report

    def _roll_back(self, lake: Lake, setback: Setback, on_step: Callable[[str], None]) -> RollbackReport | None:
        self.lived.append("rollback")
        with _FUSES[str(self.folder)].out():
            changes = self.rows("hour_changes")
        chosen = changes[setback.change % len(changes)] if changes and setback.change is not None else None
        to, run_id = (chosen["snapshot_id"], chosen["run_id"]) if chosen else (None, "none")
        by = Rollback(lake, f"rollback-{len(self.lived)}", ALL_CLOSED.now_us, on_step)
        try:
            return roll_back(
                by,
                lambda log, finished: (
                    of_hours(log, setback.hours, finished, to) if setback.hours else of_run(log, run_id, finished)
                ),
                "to see",
            )
        except WorkFailedError as error:
            if not _NOTHING_TO_DO.search(str(error)):
                raise
            self.lived.append("refused")
            return None

    def faults(self) -> list[str]:
        """Return where the tables disagree about the hours, between whatever runs and rollbacks came to their end."""
        lake = lake_of(self.folder)
        conflicts, facts = lake.open(CONFLICTS), lake.open(FACT_CLICKS)
        log = HourLog.open(lake, facts)
        rows = hours_of(log.hours.rows())
        waiting = waiting_lines(lake.open(RAW_OBJECTS), {})
        faults = [] if UserTables.open(lake).agree_with(facts) else ["the users are not the sum of the facts"]
        for hour_us, history in log.history(rows.keys() | map(hour_of_partition, facts.partitions)).items():
            at, in_force, row = partition_of_hour(hour_us), versions_in_force(history), rows.get(hour_us)
            version = in_force[-1].change.version if in_force else NOTHING
            is_right = facts.name_in(at) == version.facts_file
            if row is not None and row.is_held_back:
                is_right &= (row.state, row.facts) == (ROLLED_BACK, facts.rows_in(at))
                is_right &= conflicts.name_in(at) == version.conflicts_file
                is_right &= row.waiting_lines == waiting[hour_us]
            if not is_right:
                faults.append(f"{format_hour(hour_us)} is not {version}, or not as it says itself: {row}")
        return faults

    def data_files(self) -> dict[str, bytes]:
        """Return the files of every table without what tells of runs."""
        tables = lake_of(self.folder).find()
        return files_without_runs(tables, lambda path: (self.folder / path.removeprefix("s3://")).read_bytes())

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table."""
        found = lake_of(self.folder).find([table])
        rows: list[dict[str, Any]] = found[table].rows().to_pylist() if found else []
        return rows


def files_without_runs(tables: Mapping[str, LakeTable], body_of: Callable[[str], bytes]) -> dict[str, bytes]:
    """Return address -> file of every table but of those that tell of runs.

    Of the quarantine, whose rows say by which run they were seen first, it is the file of each hour without that.
    """
    files: dict[str, bytes] = {}
    for name, table in tables.items():
        if name == QUARANTINE.name:
            for at in table.partitions:
                rows = table.rows([at]).drop_columns([FIRST_SEEN])
                files[table.address(at, "rows")] = parquet_bytes(rows, rows.schema)
        elif name not in TABLES_OF_RUNS:
            files |= {path: body_of(path) for path in table.paths()}
    return files


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the addresses of files that are not the same on both sides."""
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def _silent(_: str) -> None:
    """Take a step that nobody is told of."""
