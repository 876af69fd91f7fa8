"""Random lives of a lake: objects come, runs die, overtake each other or hold hours back, and in the end all is there.

A life is lived in a folder, with the real engine, catalog and clients, answered in-process. However it was lived, its
tables end with the bytes that one run over all objects writes; `differences` says where they do not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pyiceberg.catalog.glue import GlueCatalog

from batch_compaction.find import find_all
from batch_compaction.lake_tables import Lake
from batch_compaction.limits import QualityLimits
from batch_compaction.plan import HourPolicy
from batch_compaction.report import RunReport
from batch_compaction.run import Run, compact
from bench.compaction_services import FolderIO, lake_of, s3_of
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, parse_instant_us
from schemas.lake import RAW_PREFIX, hour_folder
from schemas.tables import TABLES_OF_RUNS

HOUR = parse_instant_us("2026-11-24T10:00:00Z")
RAW_BUCKET = "raw"
LENIENT = QualityLimits()
# Holds every hour in which a line came twice.
STRICT = QualityLimits(min_lines=1, max_duplicate_ratio=0.0, blocking=("duplicate_ratio",))
ALL_CLOSED = HourPolicy(HOUR + 48 * HOUR_US)
# A run makes about so many calls, where each table changes.
_CALLS = 190
_STEPS = 20
_IDS = ["e", "f", "g", "h\0", "h\0\0", "h", "i\ud7ff", "j\U0010ffff", *(f"n{number}" for number in range(8))]
# None begins with a bracket, which at the head of an object would begin an array.
_BROKEN = [b"{broken", b"7", b"", b" \t", b'{"user_id": "\xff"}', b'"text"', b"\0", b'{"event_id": "\\ud800"}']


class DiedError(BaseException):
    """The run died here, as a killed process does: no handler of errors sees it."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A raw object: its key and its lines."""

    key: str
    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Episode:
    """Some objects come, and a run starts.

    Attributes:
        comes: the objects.
        policy: of the run.
        limits: of its checks.
        dies_at: the call at which it dies; 0 where it does not.
        overtaken_at: the step at which another run comes and goes; 0 for none.
    """

    comes: tuple[RawFile, ...]
    policy: HourPolicy = ALL_CLOSED
    limits: QualityLimits = LENIENT
    dies_at: int = 0
    overtaken_at: int = 0


@dataclass(frozen=True, slots=True)
class Lived:
    """What happened in a life: runs, and how many of them died, were overtaken, or held hours back."""

    runs: int
    deaths: int
    overtaken: int
    held: int


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
    """A folder with the buckets and the catalog of one life."""

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
        lake, fuse = self._lake(episode.dies_at)
        steps = 0

        def on_step(step: str) -> None:
            nonlocal steps
            told(step)
            steps += 1
            if steps == episode.overtaken_at:
                with fuse.out():
                    self._run(lake, Episode((), episode.policy), lambda _: None)
                self.lived.append("overtaken")
            fuse.burn()

        try:
            return self._run(lake, episode, on_step)
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
            )
        )
        self.lived += ["held"] * bool(report.held)
        return report

    def data_files(self) -> dict[str, bytes]:
        """Return the files of every table but of those that tell of runs."""
        return {
            path: (self.folder / path.removeprefix("s3://")).read_bytes()
            for name, table in lake_of(self.folder).find().items()
            for path in (table.paths() if name not in TABLES_OF_RUNS else ())
        }

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table."""
        found = lake_of(self.folder).find([table])
        rows: list[dict[str, Any]] = found[table].rows().to_pylist() if found else []
        return rows


def live(random: Random, folder: Path) -> Lived:
    """Live a random life and hold its end against one run over the same objects.

    Raises:
        AssertionError: they differ, or a run over nothing new commits something.
    """
    files = files_of(random)
    once, life = Place(folder / "once"), Place(folder / "life")
    for file in files:
        once.put(file)
    once.live(Episode(tuple(files)))
    for episode in episodes_of(random, files):
        for file in episode.comes:
            life.put(file, source=once)
        life.live(episode)
    life.live(Episode(()))
    if differing := differences(once.data_files(), life.data_files()):
        raise AssertionError(f"not as after one run: {differing}")
    again = life.live(Episode(()))
    assert again is not None
    if again.committed or again.unpublished:
        raise AssertionError(f"a run over nothing new committed {again.committed}, {again.unpublished} lines are left")
    return Lived(*map(life.lived.count, ("run", "died", "overtaken", "held")))


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the addresses of files that are not the same on both sides."""
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def files_of(random: Random) -> list[RawFile]:
    """Return some objects in the order of their keys."""
    pool = pool_of(random)
    return [
        RawFile(key_of(number, random.randint(0, 2)), tuple(random.choices(pool, k=random.randint(0, 12))))
        for number in range(random.randint(1, 6))
    ]


def key_of(number: int, hours_later: int = 0) -> str:
    """Return the key of an object that arrived so many hours later."""
    return f"{RAW_PREFIX}{hour_folder(HOUR + hours_later * HOUR_US)}o{number}.json"


def pool_of(random: Random) -> list[bytes]:
    """Return lines to draw from: of events, some with one id and several payloads, and of no events."""
    return [*(encode(_event(random)) for _ in range(random.randint(1, 24))), *random.sample(_BROKEN, 4)]


def _event(random: Random) -> ClickEvent:
    metadata = {
        "country": random.choice(["DE", "FR", ""]),
        "signup_date": random.choice(["2020-02-29", "2021-01-01", "never"]),
        "k": "",
    }
    return ClickEvent(
        event_id=random.choice(_IDS),
        user_id=random.choice(["u", "v", "w\0"]),
        session_id="s",
        event_type=random.choice(["click", "purchase"]),
        # Few instants, so that ties and repeats are frequent.
        event_timestamp_us=HOUR + random.randint(-1, 1) * HOUR_US + random.randint(0, 1),
        device_type=random.choice([None, "mobile", "desktop"]),
        metadata=dict(sorted(random.sample(sorted(metadata.items()), random.randint(0, 3)))),
        producer_id=random.choice([None, "p"]),
        producer_seq=random.choice([None, 0, 2**63 - 1]),
    )


def episodes_of(random: Random, files: Sequence[RawFile]) -> list[Episode]:
    """Return the objects in a random order, cut anywhere, each cut with a run that may do or suffer anything."""
    left = random.sample(list(files), len(files))
    episodes: list[Episode] = []
    while left or (random.random() < 0.3 and len(episodes) < 2 * len(files)):
        count = random.randint(0, len(left))
        comes, left = left[:count], left[count:]
        episodes.append(
            Episode(
                tuple(comes),
                random.choice(
                    [
                        ALL_CLOSED,
                        HourPolicy(HOUR + random.randint(0, 3) * HOUR_US, include_open=random.random() < 0.3),
                        HourPolicy(ALL_CLOSED.now_us, only=frozenset({HOUR + random.randint(-1, 1) * HOUR_US})),
                    ]
                ),
                random.choice([LENIENT, STRICT]),
                dies_at=random.choice([0, random.randint(1, _CALLS)]),
                overtaken_at=random.choice([0, 0, random.randint(1, _STEPS)]),
            )
        )
    return episodes
