"""Long runs of the compaction: hundreds of random lives of a lake, and a death at each call of a run.

Each case ends with what it counted, or with the first promise that was broken and the seed that shows it again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any

from bench.compaction_runs import Episode, Place, RawFile, differences, key_of, live, pool_of
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
    pool = pool_of(Random(5))
    old, new = RawFile(key_of(0), tuple(pool)), RawFile(key_of(1), tuple(pool[::2] * 2))
    once = Place(folder / "once")
    for file in (old, new):
        once.put(file)
    once.live(Episode(()))
    expected, call = once.data_files(), 0
    has_died = True
    while has_died:
        call += 1
        life = Place(folder / str(call))
        life.put(old, source=once)
        life.live(Episode(()))
        life.put(new, source=once)
        has_died = life.live(Episode((), dies_at=call)) is None
        life.live(Episode(()))
        if differing := differences(expected, life.data_files()):
            raise WorkFailedError(f"after a death at call {call}, not as after one run: {differing}")
        rmtree(life.folder)
    return {"deaths": call - 1}
