"""Long runs of the compaction: hundreds of random lives of a lake, and a death at each call of a run and of a rollback.

Each case ends with what it counted, or with the first promise that was broken and the seed that shows it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any

from bench.compaction_place import Episode, Place, RawFile, Setback, differences
from bench.compaction_runs import HOURS, REDO, key_of, live, pool_of
from schemas.errors import WorkFailedError

LIVES = 300


def lives(folder: Path) -> dict[str, Any]:
    """Live hundreds of random lives, each of which must end with the bytes of one run."""
    counted: Counter[str] = Counter()
    for seed in range(LIVES):
        try:
            counted.update(asdict(live(Random(seed), folder / str(seed))))
        except Exception as error:
            raise WorkFailedError(f"the life of seed {seed}: {type(error).__name__}: {error}") from error
        rmtree(folder / str(seed))
    return {"lives": LIVES, **counted}


def deaths(folder: Path) -> dict[str, Any]:
    """Let a run that changes every table die at each of its calls, and run it again each time."""

    def die(life: Place, call: int) -> bool:
        has_died = life.live(Episode(dies_at=call)) is None
        life.live(Episode())
        return has_died

    return {"deaths": _at_each_call(folder, die, runs_before=1)}


def rollback_deaths(folder: Path) -> dict[str, Any]:
    """Let a rollback of every hour die at each of its calls; a run or a rollback finishes it, and all is redone."""

    def die(life: Place, call: int) -> bool:
        has_died = life.roll_back(Setback(HOURS, dies_at=call)) is None
        if call % 2:
            life.live(Episode())
        else:
            life.roll_back(Setback(HOURS))
        if has_died and (faults := life.faults()):
            raise WorkFailedError(f"after a death at call {call}: {faults}")
        life.live(REDO)
        return has_died

    return {"deaths": _at_each_call(folder, die, runs_before=2)}


def _at_each_call(folder: Path, die: Callable[[Place, int], bool], runs_before: int) -> int:
    """Have something die in a lake at one call after the other until it does not; return how often it died.

    Args:
        folder: for the lakes.
        die: has it die at a call, and the lake be mended; False where there was no such call.
        runs_before: after how many of the two objects that come there was a run.

    Raises:
        WorkFailedError: the lake does not end as after one run.
    """
    pool = pool_of(Random(5))
    files = RawFile(key_of(0), tuple(pool)), RawFile(key_of(1), tuple(pool[::2] * 2))
    once = Place(folder / "once")
    for file in files:
        once.put(file)
    once.live(Episode())
    expected, call = once.data_files(), 0
    has_died = True
    while has_died:
        call += 1
        life = Place(folder / str(call))
        for number, file in enumerate(files):
            life.put(file, source=once)
            if number < runs_before:
                life.live(Episode())
        has_died = die(life, call)
        if differing := differences(expected, life.data_files()):
            raise WorkFailedError(f"after a death at call {call}, not as after one run: {differing}")
        rmtree(life.folder)
    return call - 1
