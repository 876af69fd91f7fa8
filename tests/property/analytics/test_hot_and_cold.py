"""Hours are published, repaired, rolled back, loaded, refreshed and let go in any order, and scripts die in any place:
a reader of the hybrid view always finds one whole version of each hour, and the lake's own where none is told stale.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from analytics.rendering.blanks import EXAMPLE
from analytics.rendering.catalog import FILES
from analytics.rendering.redshift_loads import RETENTION_DAYS
from schemas.instants import DAY_US, parse_instant_us, timestamp_to_us, us_to_timestamp
from schemas.lake import partition_of_hour
from schemas.tables import FACT_CLICKS, HOURS
from tests.redshift_stand_in import Session
from tests.sql_statements import statements_of

TEXT = {file.name: file for file in FILES if file.folder == "redshift"}
FIRST = parse_instant_us("2026-09-01T05:00:00Z")
# Hours so far apart that retention lets go of some.
STEP = (RETENTION_DAYS // 3) * DAY_US
SLOTS = 8
Version = int | None


@dataclass
class Lake:
    """Hours by their slot: the version in force, whose rows are named after it."""

    versions: dict[int, Version] = field(default_factory=dict)
    through: int = 0
    sequence: int = 0

    def publish(self, slot: int, *, holds_facts: bool) -> None:
        self.sequence += 1
        self.versions[slot] = self.sequence if holds_facts else None

    def tables(self) -> dict[str, pa.Table]:
        facts, hours = [], []
        for slot, version in self.versions.items():
            hour_us = FIRST + slot * STEP
            year, month, day, hour = partition_of_hour(hour_us)
            row = dict.fromkeys(FACT_CLICKS.schema.names) | {"year": year, "month": month, "day": day, "hour": hour}
            facts += [
                row | {"click_id": name, "event_timestamp": us_to_timestamp(hour_us + 1), "metadata": []} | REQUIRED
                for name in rows_of(slot, version)
            ]
            hours.append(
                dict.fromkeys(HOURS.schema.names)
                | {
                    "event_hour": us_to_timestamp(hour_us),
                    "version": version,
                    "facts": len(rows_of(slot, version)),
                    "published_through": us_to_timestamp(FIRST + self.through * STEP),
                }
            )
        return {
            FACT_CLICKS.name: pa.Table.from_pylist(facts, as_nullable(FACT_CLICKS.schema)),
            HOURS.name: pa.Table.from_pylist(hours, as_nullable(HOURS.schema)),
        }


REQUIRED = {"user_id": "u", "session_id": "s", "event_type": "click", "source_object": "o", "source_line": 1}


def as_nullable(schema: pa.Schema) -> pa.Schema:
    return pa.schema([column.with_nullable(True) for column in schema])


def rows_of(slot: int, version: Version) -> list[str]:
    return [] if version is None else [f"{slot}-{version}-{number}" for number in range(2)]


@dataclass
class Model:
    """What the warehouse should hold: slots that were loaded, with the version of then."""

    loaded: dict[int, Version] = field(default_factory=dict)

    def check(self, reader: Session, lake: Lake) -> None:
        ((first, end),) = reader.rows("SELECT hot_from, hot_until FROM hot.boundary")
        hot = [slot for slot in range(SLOTS) if timestamp_to_us(first) <= FIRST + slot * STEP < timestamp_to_us(end)]
        assert set(hot) <= self.loaded.keys()
        assert first == end or timestamp_to_us(end) <= FIRST + lake.through * STEP
        assert hot == list(range(hot[0], hot[-1] + 1)) if hot else True
        found = defaultdict(list)
        for (name,) in reader.rows("SELECT click_id FROM mart.fact_clicks"):
            found[int(name.partition("-")[0])].append(name)
        for slot in range(SLOTS):
            version = self.loaded[slot] if slot in hot else lake.versions.get(slot)
            assert sorted(found[slot]) == rows_of(slot, version), slot
        stale = {slot for slot in hot if self.loaded[slot] != lake.versions.get(slot)}
        told = {
            (timestamp_to_us(hour) - FIRST) // STEP for (hour,) in reader.rows("SELECT event_hour FROM hot.stale_hours")
        }
        assert told == stale


class Died(Exception):
    pass


SLOT = st.integers(0, SLOTS - 1)
# A script dies after a statement now and then; most come to their end.
LAST = st.sampled_from([None, None, None, *range(1, 14, 3)])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), SLOT, st.booleans()),
        st.tuples(st.just("load"), SLOT, st.integers(1, 4), LAST),
        st.tuples(st.just("load"), SLOT, st.integers(1, 4), st.none()),
        st.tuples(st.just("refresh"), LAST),
        st.tuples(st.just("retention"), LAST),
        st.tuples(st.just("through"), st.integers(0, SLOTS)),
    ),
    min_size=5,
    max_size=9,
)


# Nothing is made smaller: each try is a warehouse of its own, and what failed is short enough to read.
@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(st.sets(SLOT, min_size=3), STEPS)
def test_a_reader_finds_one_whole_version_of_each_hour(published: set[int], steps: list[tuple[object, ...]]) -> None:
    lake, model = Lake(through=SLOTS - 2), Model()
    for slot in published:
        lake.publish(slot, holds_facts=True)
    with duckdb.connect() as connection:
        session = Session(connection, lake.tables())
        reader = session.another(lake.tables())
        for name in ("external_schema", "hot_tables", "hybrid_view", "stale_hours"):
            session.run(TEXT[name].text())
        for step in steps:
            run(step, session, reader, lake, model)
            model.check(reader, lake)


def run(step: tuple[object, ...], session: Session, reader: Session, lake: Lake, model: Model) -> None:
    """Do one step; where it is to die, nothing is changed by it."""
    match step:
        case ("publish", int(slot), bool(holds_facts)):
            lake.publish(slot, holds_facts=holds_facts)
        case ("through", int(through)):
            lake.through = max(lake.through, through)
        case ("load", int(slot), int(count), last):
            end = min(slot + count, SLOTS)
            blanks = replace(EXAMPLE, from_us=FIRST + slot * STEP, to_us=FIRST + end * STEP)
            after = model.loaded | {each: lake.versions.get(each) for each in range(slot, end)}
            script(TEXT["load_hours"].text(blanks), after, last, session, reader, lake, model)
        case ("refresh", last):
            after = model.loaded | {slot: lake.versions.get(slot) for slot in stale_slots(reader)}
            script(TEXT["refresh_repaired_hours"].text(), after, last, session, reader, lake, model)
        case ("retention", last):
            script(TEXT["retention"].text(), model.loaded, last, session, reader, lake, model)
    for each in (session, reader):
        each.see(lake.tables())


def stale_slots(reader: Session) -> list[int]:
    return [
        (timestamp_to_us(hour) - FIRST) // STEP for (hour,) in reader.rows("SELECT event_hour FROM hot.stale_hours")
    ]


def script(
    text: str, after: dict[int, Version], last: object, session: Session, reader: Session, lake: Lake, model: Model
) -> None:
    """Run a script that may die after a statement of its transaction, and look in after each of them."""
    commit = statements_of(text).index("COMMIT;")

    def look(number: int, statement: str) -> None:
        if number < commit:
            model.check(reader, lake)
            if number == last and number > 0:
                raise Died
        elif number == commit:
            model.loaded = after
            model.check(reader, lake)

    try:
        session.run(text, after=look)
    except Died:
        session.connection.execute("ROLLBACK")
