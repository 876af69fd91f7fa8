"""Random lives of a lake: objects come, runs and rollbacks die or overtake each other, and in the end all is there.

However a life was lived, once all that was rolled back is redone its tables have the bytes that one run over all
objects writes; `differences` says where they do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from batch_compaction.plan import HourPolicy
from bench.compaction_place import ALL_CLOSED, HOUR, LENIENT, STRICT, Episode, Place, RawFile, Setback, differences
from schemas.attestation import Attestation, encode_attestation
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, format_instant_us
from schemas.lake import RAW_PREFIX, hour_folder

HOURS = (HOUR - HOUR_US, HOUR, HOUR + HOUR_US)
# All that was rolled back is published again.
REDO = Episode(policy=HourPolicy(ALL_CLOSED.now_us, only=frozenset(HOURS)), redo=True)
# A run makes about so many calls, where each table changes, and a rollback more.
_CALLS = 210
_CALLS_OF_ROLLBACK = 300
_STEPS = 20
_IDS = ["e", "f", "g", "h\0", "h\0\0", "h", "i\ud7ff", "j\U0010ffff", *(f"n{number}" for number in range(8))]
# None begins with a bracket, which at the head of an object would begin an array, or with a null, which repeated would
# be UTF-16.
_BROKEN = [b"{broken", b"7", b"", b" \t", b'{"user_id": "\xff"}', b'"text"', b"x\0", b'{"event_id": "\\ud800"}']


@dataclass(frozen=True, slots=True)
class Lived:
    """What happened in a life: runs and rollbacks, and how many died, were overtaken, held hours back, had nothing."""

    runs: int
    rollbacks: int
    deaths: int
    overtaken: int
    held: int
    refused: int


def live(random: Random, folder: Path) -> Lived:
    """Live a random life and hold its end against one run over the same objects.

    Raises:
        AssertionError: they differ, the tables disagree in between, or a run over nothing new commits something.
    """
    files = files_of(random)
    once, life = Place(folder / "once"), Place(folder / "life")
    for file in files:
        once.put(file)
    once.live(Episode())
    for episode in [*episodes_of(random, files), REDO, Episode()]:
        if isinstance(episode, Setback):
            has_ended = life.roll_back(episode) is not None
        else:
            for file in episode.comes:
                life.put(file, source=once)
            has_ended = life.live(episode) is not None
        if has_ended and (faults := life.faults()):
            raise AssertionError(f"after {episode}: {faults}")
    if differing := differences(once.data_files(), life.data_files()):
        raise AssertionError(f"not as after one run: {differing}")
    again = life.live(Episode())
    assert again is not None
    if again.committed or again.unpublished:
        raise AssertionError(f"a run over nothing new committed {again.committed}, {again.unpublished} lines are left")
    return Lived(*map(life.lived.count, ("run", "rollback", "died", "overtaken", "held", "refused")))


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
    """Return lines to draw from: of events, some with one id and several payloads, of attestations, of neither."""
    events = [encode(_event(random)) for _ in range(random.randint(1, 24))]
    return [*events, *random.sample(_BROKEN, 4), *(_attestation(random) for _ in range(random.randint(0, 2)))]


def _attestation(random: Random) -> bytes:
    first, count = random.randint(0, 1), random.randint(0, 2)
    return encode_attestation(
        Attestation(
            producer_id=random.choice(["p", "q\0"]),
            send_hour=format_instant_us(random.choice(HOURS)),
            first_seq=first,
            last_seq=first + count - 1,
            count=count,
            digest="0" * 32,
            closed_timestamp=format_instant_us(HOUR + HOUR_US),
            is_last=random.choice([True, False]),
        )
    )


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


def episodes_of(random: Random, files: Sequence[RawFile]) -> list[Episode | Setback]:
    """Return the objects in a random order, cut anywhere; runs and rollbacks that may do or suffer anything."""
    left = random.sample(list(files), len(files))
    episodes: list[Episode | Setback] = []
    while left or (random.random() < 0.6 and len(episodes) < 3 * len(files)):
        if episodes and random.random() < 0.45:
            episodes.append(_setback(random))
            continue
        count = random.randint(0, len(left))
        comes, left = left[:count], left[count:]
        episodes.append(_run(random, tuple(comes)))
    return episodes


def _run(random: Random, comes: tuple[RawFile, ...]) -> Episode:
    is_redo, only = random.random() < 0.25, frozenset(random.sample(HOURS, random.randint(1, 2)))
    named = HourPolicy(ALL_CLOSED.now_us, only=only)
    some_open = HourPolicy(HOUR + random.randint(0, 3) * HOUR_US, include_open=random.random() < 0.3)
    return Episode(
        comes,
        named if is_redo else random.choice([ALL_CLOSED, ALL_CLOSED, some_open, named]),
        random.choice([LENIENT, LENIENT, STRICT]),
        is_redo,
        dies_at=random.choice([0, random.randint(1, _CALLS)]),
        overtaken_at=random.choice([0, 0, random.randint(1, _STEPS)]),
        overtaken_by=random.choice([None, _setback(random)]),
    )


def _setback(random: Random) -> Setback:
    some, change = tuple(random.sample(HOURS, random.randint(1, 3))), random.randint(0, 9)
    hours, to = random.choice([(some[:1], None), (some, change), ((), change)])
    return Setback(
        hours,
        to,
        dies_at=random.choice([0, random.randint(1, _CALLS_OF_ROLLBACK)]),
        overtaken_at=random.choice([0, 0, random.randint(1, _STEPS // 2)]),
    )
