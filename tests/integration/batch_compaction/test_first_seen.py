"""The rows of the quarantine say which run read their lines first, whatever is read again, replayed or overwritten."""

from __future__ import annotations

from collections.abc import Callable

from batch_compaction.plan import HourPolicy
from batch_compaction.quarantine_replay import Replay, replay
from batch_compaction.repair_rules import parse_rules
from bench.compaction_place import STRICT
from schemas.instants import HOUR_US
from tests.integration.batch_compaction.dying import compaction
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake, event

NO_USER = b'{"event_id":"no-user","uid":"u9","session_id":"s","event_type":"click","timestamp":"2026-11-24T10:05:00Z"}'
RULES = parse_rules('[[rule]]\nwhere = { reason = "missing_field" }\nrename = { uid = "user_id" }\n', "repair.toml")


def first_seen(lake: TestLake) -> dict[bytes, str]:
    return {row["raw_bytes"]: row["first_seen_run"] for row in lake.rows("quarantine")}


def test_a_line_keeps_its_run_when_its_object_is_read_again_for_hours_that_waited_and_were_held(lake: TestLake) -> None:
    bad = event("bad", hour_us=HOUR - HOUR_US)
    lake.put("a", [bad, bad, event("open"), b"{broken"])
    assert lake.compact(HourPolicy(HOUR + HOUR_US), limits=STRICT, run_id="first").held
    lake.put("b", [b"{later"])
    again = lake.compact(limits=STRICT, run_id="second")
    assert (list(again.held), again.objects, again.lines) == (["2026-11-24T09"], 2, 5)
    assert first_seen(lake) == {b"{broken": "first", b"{later": "second"}
    lake.put("c", [b"{last"])
    assert lake.compact(run_id="third").lines == 5
    assert first_seen(lake) == {b"{broken": "first", b"{later": "second", b"{last": "third"}


def test_a_line_keeps_its_run_when_it_is_replayed_and_its_object_is_read_again(lake: TestLake) -> None:
    key = lake.put("a", [event("waits", hour_us=HOUR + HOUR_US), NO_USER, b"{broken"])
    lake.compact(HourPolicy(HOUR + 2 * HOUR_US), run_id="first")
    replay(Replay(lake.s3, lake.settings.raw_bucket, lake.lake, RULES, ALL_CLOSED.now_us, lambda _: None))
    report = lake.compact(run_id="second")
    assert (report.objects, report.accepted) == (2, 2), "the object itself and that of its repaired line"
    assert {row["click_id"] for row in lake.rows("fact_clicks")} == {"waits", "no-user"}
    assert first_seen(lake) == {NO_USER: "first", b"{broken": "first"}
    [mark] = lake.rows("quarantine_resolutions")
    assert (mark["source_object"], mark["source_line"]) == (key, 2)


def test_of_an_object_that_was_overwritten_equal_lines_keep_their_run(
    lake: TestLake, kill: Callable[..., None]
) -> None:
    """A run dies once its quarantine is published, so that the next one reads what the object is by then."""
    lake.put("a", [b"{kept", b"{changed", b"{moved", event("good")])
    kill(lake, compaction, "publish conflicts")
    assert first_seen(lake) == dict.fromkeys([b"{kept", b"{changed", b"{moved"], "a-run")
    lake.put("a", [b"{kept", b"{changed!", event("good"), b"{moved"])
    lake.compact(run_id="next")
    read = {b"{kept": "a-run", b"{changed!": "next", b"{moved": "next"}
    assert first_seen(lake) == read

    key = lake.put("a", [b"{never read"])
    assert lake.compact(run_id="last").overwritten == [key]
    assert first_seen(lake) == read
