"""The way of a bad line: quarantined, looked at, repaired by rules, read again, a fact."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from analytics.query.duckdb_engine import answer
from analytics.query.translation import translate
from batch_compaction import quarantine_cli
from batch_compaction.quarantine_objects import REPAIRED_PREFIX
from batch_compaction.quarantine_replay import Replay, preview, replay
from batch_compaction.quarantine_report import RepairReport
from batch_compaction.repair_rules import parse_rules
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import HOUR_US
from schemas.lake import hour_folder
from tests.integration.batch_compaction.dying import replay_of
from tests.integration.batch_compaction.lakes import HOUR, TestLake, event

NOW = HOUR + 48 * HOUR_US
RULES = """
[[rule]]
where = { reason = "missing_field", detail = "user_id" }
rename = { uid = "user_id" }

[[rule]]
where = { reason = "bad_timestamp" }
coerce = { event_timestamp = { format = "%d.%m.%Y %H:%M:%S", zone = "Europe/Berlin" } }

[[rule]]
where = { reason = "not_json" }
dismiss = "a load test"
"""
NO_USER = b'{"event_id":"no-user","uid":"u9","session_id":"s","event_type":"click","timestamp":"2026-11-24T10:05:00Z"}'
GERMAN = (
    b'{"event_id":"german","user_id":"u8","session_id":"s","event_type":"purchase",'
    b'"event_timestamp":"24.11.2026 11:10:00","metadata":{"amount_minor":100}}'
)
# Taken by a rule, and no event after it either.
HOPELESS = b'{"event_id":"hopeless","uid":"u9","event_type":"click","timestamp":"2026-11-24T10:05:00Z"}'
NO_RULE = b"[]"
BROKEN = b"{broken"


def given(lake: TestLake, text: str = RULES, now_us: int = NOW) -> Replay:
    rules = parse_rules(text, "repair.toml")
    return Replay(lake.s3, lake.settings.raw_bucket, lake.lake, rules, now_us, lambda _: None)


def run(lake: TestLake, text: str = RULES, now_us: int = NOW) -> RepairReport:
    return replay(given(lake, text, now_us))


def objects(lake: TestLake) -> list[str]:
    listed = lake.s3.list_objects_v2(Bucket=lake.settings.raw_bucket, Prefix=REPAIRED_PREFIX)
    return [item["Key"] for item in listed.get("Contents", [])]


def test_repaired_lines_become_facts_and_their_rows_are_resolved(lake: TestLake) -> None:
    first = lake.put("a", [event("good"), NO_USER, BROKEN, NO_RULE])
    second = lake.put("b", [GERMAN, HOPELESS], HOUR + HOUR_US)
    lake.compact()
    quarantine = lake.rows("quarantine")
    told = preview(given(lake))
    assert (told.passes, told.fails, told.dismissed, told.untaken) == (2, 1, 1, 1)
    assert objects(lake) == []

    report = run(lake)
    assert (report.passes, report.fails, report.dismissed, report.untaken) == (2, 1, 1, 1)
    assert objects(lake) == sorted(report.objects)
    compacted = lake.compact()
    assert (compacted.lines, compacted.accepted, compacted.quarantined) == (2, 2, {})

    facts = {row["click_id"]: row for row in lake.rows("fact_clicks")}
    assert facts.keys() == {"good", "no-user", "german"}
    assert facts["german"]["event_timestamp"].isoformat() == "2026-11-24T10:10:00"
    resolved = {(row["source_object"], row["source_line"]): row for row in lake.rows("quarantine_resolutions")}
    assert resolved.keys() == {(first, 2), (first, 3), (second, 1)}
    for origin, click_id in (((first, 2), "no-user"), ((second, 1), "german")):
        mark, fact = resolved[origin], facts[click_id]
        assert mark["resolution"] == "repaired"
        assert (mark["replay_object"], mark["replay_line"]) == (fact["source_object"], fact["source_line"])
    assert (resolved[first, 3]["resolution"], resolved[first, 3]["why"]) == ("dismissed", "a load test")
    assert lake.rows("quarantine") == quarantine
    assert {(row["click_id"], row["source_object"], row["source_line"]) for row in way_back(lake)} == {
        ("no-user", first, 2),
        ("german", second, 1),
    }


def way_back(lake: TestLake) -> list[dict[str, Any]]:
    """Answer the query of the document that leads from facts to the lines as they came."""
    document = (Path(__file__).parents[3] / "docs" / "quarantine.md").read_text(encoding="utf-8")
    [sql] = re.findall(r"```sql\n(.*?)```", document, re.DOTALL)
    translated = translate(sql, lake.settings.database)
    tables = {name: table.dataset() for name, table in lake.lake.find(translated.tables).items()}
    rows: list[dict[str, Any]] = answer(translated, lake.settings.database, tables).to_pylist()
    return rows


def test_a_second_replay_changes_nothing(lake: TestLake) -> None:
    lake.put("a", [NO_USER, BROKEN, HOPELESS])
    lake.compact()
    run(lake)
    lake.compact()
    before, contents, put = lake.snapshots(), lake.contents(), objects(lake)
    report = run(lake, now_us=NOW + 5 * HOUR_US)
    assert (report.passes, report.fails, report.dismissed, report.adopted) == (0, 1, 0, 0)
    assert (lake.snapshots(), lake.contents(), objects(lake)) == (before, contents, put)
    assert lake.compact().committed == []


def test_a_line_is_judged_by_the_hour_in_which_it_first_arrived(lake: TestLake) -> None:
    ahead = NO_USER.replace(b"2026-11-24T10", b"2026-11-26T10")
    lake.put("a", [ahead])
    lake.compact()
    report = run(lake, now_us=NOW + 100 * HOUR_US)
    assert [(group.still, group.lines) for group in report.groups] == [("absurd_timestamp", 1)]
    assert objects(lake) == []


def test_a_line_that_was_good_from_the_beginning_wins_over_a_repaired_one(lake: TestLake) -> None:
    lake.put("a", [NO_USER])
    lake.put("b", [event("no-user", minute=5, user_id="sent again")], HOUR + 3 * HOUR_US)
    lake.compact()
    run(lake)
    lake.compact()
    assert [row["user_id"] for row in lake.rows("fact_clicks")] == ["sent again"]
    assert [row["user_id"] for row in lake.rows("conflicts")] == ["u9"]


@pytest.mark.parametrize("step", ["judge ", "put ", "publish quarantine_resolutions", "done"])
def test_a_replay_killed_at_any_step_is_simply_run_again(lake: TestLake, kill: Callable[..., None], step: str) -> None:
    lake.put("a", [NO_USER, BROKEN])
    lake.put("b", [GERMAN], HOUR + HOUR_US)
    lake.compact()
    kill(lake, replay_of, step, RULES)
    lake.put("c", [NO_USER.replace(b"no-user", b"came-between")])
    lake.compact()
    run(lake)
    lake.compact()
    assert sorted(row["click_id"] for row in lake.rows("fact_clicks")) == ["came-between", "german", "no-user"]
    assert sum(row["accepted"] for row in lake.rows("raw_objects")) == 3
    assert len(lake.rows("quarantine_resolutions")) == 4
    before = lake.snapshots()
    run(lake)
    assert lake.compact().committed == []
    assert lake.snapshots() == before


def test_what_a_dead_replay_has_written_is_repaired_whatever_the_rules_of_the_next_one(
    lake: TestLake, kill: Callable[..., None]
) -> None:
    lake.put("a", [NO_USER, BROKEN])
    lake.compact()
    kill(lake, replay_of, "publish quarantine_resolutions", RULES)
    dismiss_all = '[[rule]]\ndismiss = "all of it"\n'
    told = preview(given(lake, dismiss_all))
    report = run(lake, dismiss_all)
    assert (report.adopted, report.dismissed) == (told.adopted, told.dismissed) == (1, 1)
    marks = lake.rows("quarantine_resolutions", "resolution", "rules_digest")
    assert [mark["resolution"] for mark in marks] == ["repaired", "dismissed"]
    assert marks[0]["rules_digest"] == parse_rules(RULES, "first").digest
    assert marks[1]["rules_digest"] == report.rules_digest


def test_another_replay_in_between_makes_this_one_plan_again(lake: TestLake) -> None:
    lake.put("a", [NO_USER, BROKEN])
    lake.compact()
    others: list[RepairReport] = []

    def interfere(step: str) -> None:
        if step == "publish quarantine_resolutions" and not others:
            others.append(run(lake))

    report = replay(replace(given(lake), on_step=interfere))
    assert (others[0].adopted, others[0].dismissed) == (1, 1)
    assert (report.passes, report.dismissed, report.objects) == (0, 0, [])
    assert len(objects(lake)) == 1
    assert len(lake.rows("quarantine_resolutions")) == 2


def test_what_is_no_object_of_repaired_lines_is_named_and_stops_the_replay(lake: TestLake) -> None:
    lake.put("a", [NO_USER])
    lake.compact()
    key = f"{REPAIRED_PREFIX}{hour_folder(HOUR)}{'0' * 16}-{'0' * 32}.json.gz"
    lake.s3.put_object(Bucket=lake.settings.raw_bucket, Key=key, Body=gzip.compress(b"{}\n"))
    with pytest.raises(WorkFailedError, match=key):
        run(lake)


def test_the_commands_list_show_preview_and_replay(lake: TestLake, tmp_path: Path) -> None:
    key = lake.put("a", [event("good"), NO_USER, b"\xff\x1b[31m", BROKEN])
    lake.compact()
    rules = tmp_path / "repair.toml"
    rules.write_text(RULES, encoding="utf-8")
    told = json.loads(command(lake, "preview", str(rules), "--json"))
    done = json.loads(command(lake, "replay", str(rules), "--json"))
    counts = ("passes", "fails", "dismissed", "untaken")
    assert [told[name] for name in counts] == [done[name] for name in counts] == [1, 0, 1, 1]
    assert told["groups"] == done["groups"]

    listed = json.loads(command(lake, "list", "--all", "--json", "--hour", "2026-11-24T10", "--object", key[:20]))
    states = {row["reason"]: (row["repaired"], row["dismissed"], row["unresolved"]) for row in listed["counts"]}
    assert states == {"missing_field": (1, 0, 0), "not_json": (0, 1, 0), "invalid_utf8": (0, 0, 1)}
    assert [line["resolution"] for line in listed["lines"]] == ["repaired", None, "dismissed"]
    assert {line["first_seen_run"] for line in listed["lines"]} == {"a-run"}
    text = command(lake, "list")
    assert "6 bytes, first read by run a-run  hex:ff1b5b33316d" in text
    assert "no-user" not in text
    assert "1 of 1 unresolved lines shown" in text

    shown = json.loads(command(lake, "show", key, "2", "--json"))
    assert shown["first_seen_run"] == "a-run"
    assert (shown["detail"], shown["stored"], shown["resolution"]) == ("user_id", "as it was read", "repaired")
    assert shown["replay_object"] == done["objects"][0]
    assert shown["line"] == NO_USER.decode()
    lake.put("a", [event("good"), b"another line, which is longer than the first one was, since nobody knows it all"])
    assert "  not as it was read: another line" in command(lake, "show", key, "2")
    lake.s3.delete_object(Bucket=lake.settings.raw_bucket, Key=key)
    assert "the raw object is gone" in command(lake, "show", key, "2")
    with pytest.raises(WorkFailedError, match="is not in the quarantine"):
        command(lake, "show", key, "1")


def command(lake: TestLake, *arguments: str) -> str:
    """Run a command of the group inside of this process and return what it prints."""
    app = typer.Typer()
    quarantine_cli.register(app)
    done = CliRunner().invoke(app, ["quarantine", *arguments], env=lake.settings.as_environment())
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_commands_over_a_lake_where_nothing_was_published_say_so(lake: TestLake, tmp_path: Path) -> None:
    rules = tmp_path / "repair.toml"
    rules.write_text(RULES, encoding="utf-8")
    assert "no line of these is in the quarantine" in command(lake, "list")
    assert "0 pass, 0 fail, 0 dismissed, 0 taken by no rule" in command(lake, "preview", str(rules))
    assert "0 pass" in command(lake, "replay", str(rules))


def test_every_fault_of_a_command_is_told_before_anything_is_done(lake: TestLake, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        command(lake, "list", "--reason", "odd", "--hour", "10")
    assert len(caught.value.faults) == 2
    with pytest.raises(ConfigError, match="No such file"):
        command(lake, "preview", str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        command(lake, "replay", str(tmp_path / "bad.toml"))
