"""What upkeep may take away."""

import pyarrow as pa

from batch_compaction.maintain_plan import Retention, SnapshotTime, due_tags, expired, is_closed_day, old_tags
from batch_compaction.rollback_states import states_after
from schemas.instants import DAY_US, HOUR_US, parse_instant_us, us_to_datetime
from schemas.tables import RAW_OBJECTS

NOW = parse_instant_us("2026-11-26T00:20:00Z")
RETENTION = Retention(NOW, 7 * DAY_US, 90 * DAY_US, DAY_US)
DAY_MS = DAY_US // 1000


def snapshots(*ages_days: int) -> list[SnapshotTime]:
    return [SnapshotTime(number, NOW // 1000 - age * DAY_MS) for number, age in enumerate(ages_days)]


def test_a_snapshot_is_kept_from_when_another_took_its_place() -> None:
    assert expired(snapshots(30, 20, 5, 1), [], RETENTION) == [0]
    assert expired(snapshots(30, 20, 10, 8), [], RETENTION) == [0, 1, 2]
    assert expired(snapshots(30), [], RETENTION) == []


def test_what_a_tag_or_branch_names_stays() -> None:
    assert expired(snapshots(30, 20, 10, 8), [1, 3], RETENTION) == [0, 2]


def test_a_day_is_tagged_once_it_is_closed() -> None:
    assert is_closed_day((2026, 11, 25), NOW)
    assert not is_closed_day((2026, 11, 25), NOW - 1)
    days = [(2026, 11, 26), (2026, 11, 25), (2026, 11, 24), (2025, 1, 1)]
    assert due_tags(days, ["day-2026-11-24"], RETENTION) == ["day-2026-11-25"]


def test_only_tags_of_old_days_go() -> None:
    assert old_tags(["main", "day-2026-11-25", "day-2026-01-02", "day-off", "release"], RETENTION) == ["day-2026-01-02"]


def test_lines_are_published_where_the_version_holds_them_and_held_elsewhere() -> None:
    hour, other = parse_instant_us("2026-11-24T10:00:00Z"), parse_instant_us("2026-11-24T11:00:00Z")

    def row(key: str, states: dict[int, str]) -> dict[str, object]:
        hours = [
            {"event_hour": us_to_datetime(at).replace(tzinfo=None), "accepted": 2, "state": state}
            for at, state in states.items()
        ]
        empty = dict.fromkeys(RAW_OBJECTS.schema.names)
        return empty | {"key": key, "hours": hours}

    schema = pa.schema([field.with_nullable(True) for field in RAW_OBJECTS.schema])
    rows = pa.Table.from_pylist(
        [
            row("a", {hour: "published", other: "published"}),
            row("b", {hour: "published", other: "open"}),
            row("c", {hour: "held"}),
        ],
        schema,
    )
    after, held = states_after(rows, {hour: {"a", "c"}})
    assert after is not None
    found = [{item["event_hour"].hour: item["state"] for item in hours} for hours in after["hours"].to_pylist()]
    assert found == [{10: "published", 11: "published"}, {10: "held", 11: "open"}, {10: "published"}]
    assert held == {hour: 2}
    again, held = states_after(after, {hour: {"a", "c"}})
    assert again is None
    assert held == {hour: 2}
    assert states_after(rows, {hour + 5 * HOUR_US: set()}) == (None, {})
