"""What the tables end with depends on the raw objects alone, however runs were cut, held, overtaken, killed, undone."""

import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from batch_compaction.plan import HourPolicy
from bench.compaction_place import HOUR, STRICT, Episode, Place, RawFile, Setback, differences
from bench.compaction_runs import REDO, key_of, live, pool_of

# A seed that fails reads in the report, and `live(Random(seed), folder)` lives it again.
seeds = st.integers(0, 1 << 32)
# To shrink a seed leads nowhere.
phases = (Phase.explicit, Phase.reuse, Phase.generate)
_LINEAGE = ("source_object", "source_line")


@settings(max_examples=6, phases=phases)
@given(seeds)
def test_any_life_of_the_lake_ends_with_the_bytes_of_one_run(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live(Random(seed), Path(folder))


@settings(max_examples=3, phases=phases)
@given(seeds)
def test_where_lines_are_cut_into_objects_shows_in_the_lineage_alone(seed: int) -> None:
    random = Random(seed)
    lines = random.choices(pool_of(random), k=40)
    cuts = sorted(random.sample(range(41), random.randint(0, 6)))
    whole, parts = [[lines], [lines[start:end] for start, end in zip([0, *cuts], [*cuts, 40], strict=True)]]
    assert told_of(whole) == told_of(parts)


@settings(max_examples=3, phases=phases)
@given(seeds)
def test_which_object_an_event_stands_in_does_not_matter_where_no_id_has_two_payloads(seed: int) -> None:
    random = Random(seed)
    by_id = {msgspec.json.decode(line)["event_id"]: line for line in pool_of(random) if b'"event_id":"' in line}
    lines = [line for line in by_id.values() for _ in range(random.randint(1, 3))]
    shuffled = random.sample(lines, len(lines))
    assert told_of([lines]) == told_of([shuffled[part::3] for part in range(3)])


def told_of(objects: list[list[bytes]]) -> dict[str, Any]:
    """Return what the tables say beside the lineage after one run over objects of these lines."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        for number, lines in enumerate(objects):
            place.put(RawFile(key_of(number), tuple(lines)))
        place.live(Episode())
        tables = {name: place.rows(name) for name in ("fact_clicks", "conflicts", "dim_users", "dim_users_history")}
        tables = {name: [without(row, _LINEAGE) for row in rows] for name, rows in tables.items()}
        # The order of conflicts is that of their lines.
        conflicts = Counter(map(repr, tables.pop("conflicts")))
        quarantined = Counter((row["reason"], row["raw_bytes"]) for row in place.rows("quarantine"))
        attested = Counter(repr(without(row, _LINEAGE)) for row in place.rows("attestations"))
        return tables | {"conflicts": conflicts, "quarantine": quarantined, "attestations": attested}


def without(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_a_life_has_deaths_held_hours_and_overtaking_in_it(tmp_path: Path) -> None:
    """The harness does what it says: each kind of interruption strikes where it is asked for."""
    file = RawFile(key_of(0), tuple(pool_of(Random(1))) * 2)
    place = Place(tmp_path)
    place.put(file)
    assert place.live(Episode((file,), dies_at=5)) is None
    held = place.live(Episode(limits=STRICT))
    assert held is not None and held.held
    waits = place.live(Episode(policy=HourPolicy(HOUR)))
    assert waits is not None and waits.unpublished == waits.accepted
    assert place.rows("fact_clicks") == []
    overtaken = place.live(Episode(overtaken_at=4))
    assert overtaken is not None and overtaken.committed == []
    assert place.lived.count("died") == place.lived.count("overtaken") == place.lived.count("held") == 1
    assert place.rows("fact_clicks") != []


def test_a_life_has_rollbacks_in_it_that_die_are_overtaken_and_redone(tmp_path: Path) -> None:
    files = [RawFile(key_of(number), tuple(pool_of(Random(number)))) for number in range(3)]
    place, once = Place(tmp_path / "life"), Place(tmp_path / "once")
    for file in files:
        once.put(file)
    once.live(Episode())
    for file in files[:2]:
        place.put(file, source=once)
        place.live(Episode((file,)))
    assert place.roll_back(Setback(dies_at=120)) is None
    assert place.faults()
    finished = place.roll_back(Setback(overtaken_at=2))
    assert finished is not None and [hour.undone for hour in finished.hours] == [[]], "it went back further"
    assert place.faults() == []

    place.put(files[2], source=once)
    ran = place.live(Episode(overtaken_at=4, overtaken_by=Setback((), 0)))
    assert ran is not None and ran.overtaken
    assert place.rows("fact_clicks") == [], "the run that published every hour first is rolled back"
    assert place.roll_back(Setback((), 0)) is None
    lived = Counter(place.lived)
    assert [lived[name] for name in ("rollback", "died", "overtaken", "refused")] == [4, 1, 2, 1]
    assert differences(once.data_files(), place.data_files())
    place.live(REDO)
    assert place.faults() == []
    assert differences(once.data_files(), place.data_files()) == []
