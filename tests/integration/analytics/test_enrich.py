"""Enrichments of published facts: each text has its row, only new facts are read, and one commit says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitFailedException

from analytics.enrichment.changes import MARK
from analytics.enrichment.run import MAX_PLANS
from analytics.enrichment.texts import TextLimits
from batch_compaction.maintain import Maintenance, maintain
from batch_compaction.maintain_plan import Retention
from schemas.errors import WorkFailedError
from schemas.instants import DAY_US, HOUR_US
from schemas.lake import partition_of_hour
from schemas.tables import DIM_USER_AGENTS, FACT_CLICKS
from tests.commands import run, summary_of
from tests.integration.analytics.enriching import enriched
from tests.integration.batch_compaction.conftest import Kill
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake, event
from tests.integration.batch_compaction.rollbacks import back

LATER = HOUR + HOUR_US


def put(lake: TestLake, name: str, *texts: str | None, hour_us: int = HOUR) -> None:
    """Add a fact for each text to an hour; None is one without."""
    facts, at = lake.lake.open(FACT_CLICKS), partition_of_hour(hour_us)
    rows = [
        {
            "click_id": f"{name}-{place}",
            "user_id": "u",
            "session_id": "s",
            "event_type": "click",
            "event_timestamp": datetime(*at, tzinfo=UTC).replace(tzinfo=None),
            "metadata": [] if text is None else [("country", "DE"), ("user_agent", text)],
            **dict(zip(FACT_CLICKS.partition, at, strict=True)),
            "source_object": "o",
            "source_line": place + 1,
        }
        for place, text in enumerate(texts)
    ]
    held = facts.rows([at]).select(FACT_CLICKS.schema.names)
    facts.replace({at: pa.concat_tables([held, pa.Table.from_pylist(rows, FACT_CLICKS.schema)])}, {})


def compact(lake: TestLake, name: str, text: str, hour_us: int = HOUR) -> None:
    """Have the compaction publish a fact with a text."""
    lake.put(name, [event(name, hour_us=hour_us, metadata={"user_agent": text})], hour_us)
    lake.compact()


def texts(lake: TestLake) -> list[str]:
    return [row["user_agent"] for row in lake.rows("dim_user_agents")]


def state(lake: TestLake) -> tuple[int, str | None, list[dict[str, Any]]]:
    """Return what a commit would change: the metadata's version, the mark, the rows."""
    table = lake.lake.open(DIM_USER_AGENTS)
    return len(table.iceberg.metadata.metadata_log), table.iceberg.properties.get(MARK), table.rows().to_pylist()


def test_every_text_of_the_facts_has_one_row_and_a_second_run_commits_nothing(lake: TestLake) -> None:
    put(lake, "a", "curl/8.5.0", None, "", "curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0")
    report = enriched(lake)
    assert (report.hours_read, report.new_texts, report.texts, report.is_committed) == (1, 3, 3, True)
    rows = lake.rows("dim_user_agents", "user_agent", "browser", "browser_version", "os", "device", "is_bot")
    assert [tuple(row.values()) for row in rows] == [
        ("", "other", None, "other", "other", False),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0", "Firefox", "130.0", "Linux", "desktop", False),
        ("curl/8.5.0", "curl", "8.5.0", "other", "bot", True),
    ]
    before = state(lake)
    again = enriched(lake)
    assert (again.hours_read, again.new_texts, again.texts, again.is_committed) == (0, 0, 3, False)
    assert state(lake) == before


def test_without_facts_there_is_a_table_without_rows(lake: TestLake) -> None:
    assert enriched(lake).is_committed is False
    assert lake.lake.find().keys() == {"dim_user_agents"}
    assert enriched(lake, rebuild=True).texts == 0
    assert lake.rows("dim_user_agents") == []


def test_only_hours_that_changed_are_read(lake: TestLake) -> None:
    put(lake, "a", "one")
    put(lake, "b", "two", hour_us=LATER)
    assert enriched(lake).hours_read == 2
    put(lake, "late", "three", "one")
    report = enriched(lake)
    assert (report.hours_read, report.new_texts, texts(lake)) == (1, 1, ["one", "three", "two"])
    put(lake, "known", "two", hour_us=LATER)
    assert enriched(lake).is_committed  # the mark alone
    assert enriched(lake).hours_read == 0


def test_other_rules_make_every_row_anew_without_the_facts(lake: TestLake) -> None:
    put(lake, "a", "one", "two")
    enriched(lake)
    report = enriched(lake, version="v2")
    assert (report.hours_read, report.new_texts, report.reread_texts, report.texts) == (0, 0, 2, 2)
    assert {row["rules_version"] for row in lake.rows("dim_user_agents")} == {"v2"}
    put(lake, "b", "three", hour_us=LATER)
    assert enriched(lake, version="v2").reread_texts == 0
    assert len(lake.rows("dim_user_agents")) == 3


def test_a_text_whose_facts_were_rolled_back_stays_until_a_rebuild(lake: TestLake) -> None:
    compact(lake, "a", "gone")
    compact(lake, "b", "kept", LATER)
    enriched(lake)
    back(lake, HOUR)
    assert enriched(lake).removed_texts == 0
    assert texts(lake) == ["gone", "kept"]
    report = enriched(lake, rebuild=True)
    assert (report.hours_read, report.new_texts, report.removed_texts, report.texts) == (1, 0, 1, 1)
    assert texts(lake) == ["kept"]
    assert enriched(lake, rebuild=True).is_committed is False


def test_a_run_that_was_killed_before_its_commit_is_run_again(lake: TestLake, kill: Kill) -> None:
    put(lake, "a", "one", "two")
    kill(lake, enriched, "publish")
    assert texts(lake) == []
    assert enriched(lake).new_texts == 2
    assert texts(lake) == ["one", "two"]


def test_a_run_that_is_overtaken_plans_again(lake: TestLake) -> None:
    put(lake, "a", "one")
    others = ["two"]

    def overtake(step: str) -> None:
        if step.startswith("publish") and others:
            put(lake, "b", others.pop(), hour_us=LATER)
            enriched(lake)

    report = enriched(lake, on_step=overtake)
    assert (report.overtaken, report.new_texts, report.is_committed) == (1, 0, False)
    assert texts(lake) == ["one", "two"]


def test_a_mark_alone_is_not_set_on_rows_that_came_meanwhile(lake: TestLake) -> None:
    """Else a rebuild that began before a text came back, and ended after, would leave it out for good."""
    put(lake, "a", "one")
    enriched(lake)
    opened = lake.lake.open(DIM_USER_AGENTS)
    enriched(lake, rebuild=True, version="v2")
    with pytest.raises(CommitFailedException):
        opened.replace({(): opened.rows()}, {}, {MARK: "later:9"})


def test_a_run_that_is_always_overtaken_gives_up(lake: TestLake) -> None:
    put(lake, "a", "one")
    versions = iter(range(100))

    def overtake(step: str) -> None:
        if step.startswith("publish"):
            enriched(lake, version=f"other {next(versions)}")

    with pytest.raises(WorkFailedError, match=f"{MAX_PLANS} times"):
        enriched(lake, on_step=overtake)
    assert texts(lake) == ["one"]


def test_facts_that_were_made_anew_are_all_read(lake: TestLake) -> None:
    put(lake, "a", "one")
    put(lake, "b", "two", hour_us=LATER)
    enriched(lake)
    facts = lake.lake.open(FACT_CLICKS)
    rows = {at: facts.rows([at]) for at in facts.partitions}
    lake.lake.catalog.drop_table((lake.lake.database, FACT_CLICKS.name))
    lake.lake.open(FACT_CLICKS).replace(rows, {})
    report = enriched(lake)
    assert (report.hours_read, report.new_texts) == (2, 0)


def test_upkeep_of_the_tables_makes_nothing_new(lake: TestLake) -> None:
    compact(lake, "a", "one")
    compact(lake, "b", "one", LATER)
    enriched(lake)
    before = lake.rows("dim_user_agents")
    retention = Retention(ALL_CLOSED.now_us + 30 * DAY_US, DAY_US, DAY_US, HOUR_US)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("batch_compaction.maintain._MANY_MANIFESTS", 2)
        report = maintain(Maintenance(lake.s3, lake.lake, retention, "an-upkeep", False, lambda _: None))
    assert next(item for item in report.tables if item.table == "fact_clicks").merged_manifests
    assert enriched(lake).hours_read == 0
    assert lake.rows("dim_user_agents") == before


def test_what_is_too_long_or_too_much_gets_no_row_and_is_counted(lake: TestLake) -> None:
    put(lake, "a", "x" * 50, "x" * 50, "short")
    report = enriched(lake, limits=TextLimits(text_chars=20))
    assert (report.left_out_facts, texts(lake)) == (2, ["short"])


def test_the_command_tells_what_it_did(lake: TestLake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in lake.settings.as_environment().items():
        monkeypatch.setenv(name, value)
    put(lake, "a", "curl/8.5.0")
    report = summary_of("enrich")
    assert report["new_texts"] == 1
    assert report["rules_version"].startswith("1, ua-parser-builtins 20")
    assert "nothing new" in run("enrich").output
    assert "1 hours read: 0 new texts" not in run("enrich", "--all").output
