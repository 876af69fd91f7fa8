"""The recount of random hours is that of a naive loop over dictionaries, and every tampering with a row is found."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_compaction.recount import CONFLICT, FACT, Anomaly, Recount, partition_of
from schemas.instants import HOUR_US, parse_instant_us

HOUR = parse_instant_us("2026-11-24T10:00:00Z")
HOURS = (HOUR, HOUR + HOUR_US)

Line = tuple[int, dict[str, Any], str, int]


def event_of(click_id: str, user_id: str, hour_us: int, metadata: dict[str, str], seq: int | None) -> dict[str, Any]:
    texts = {"session_id": "s", "event_type": "click", "device_type": None, "page_url": None, "referrer_url": None}
    own = {"click_id": click_id, "user_id": user_id, "event_timestamp": hour_us + 1, "metadata": metadata}
    return texts | own | {"producer_id": None, "producer_seq": seq}


events = st.builds(
    event_of,
    st.sampled_from("abcé"),
    st.sampled_from("uv"),
    st.sampled_from(HOURS),
    st.sampled_from([{}, {"k": "1"}, {"l": "2", "k": "1"}, {"k": "1", "l": "2"}]),
    st.none() | st.integers(0, 2),
)
objects = st.dictionaries(st.sampled_from(["x", "x-1", "é", "\U0001f600", "\uffff"]), st.lists(events, max_size=6))


def lines_in(contents: dict[str, list[dict[str, Any]]]) -> list[Line]:
    return [
        (event["event_timestamp"] // HOUR_US * HOUR_US, event, key, number)
        for key, lines in contents.items()
        for number, event in enumerate(lines, start=1)
    ]


def naive(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    facts: dict[Any, Line] = {}
    payloads: dict[Any, Line] = {}
    for line in sorted(lines, key=lambda line: (line[2].encode(), line[3])):
        hour_us, event, _, _ = line
        facts.setdefault((hour_us, event["click_id"]), line)
        payload = (event["user_id"], tuple(sorted(event["metadata"].items())))
        payloads.setdefault((hour_us, event["click_id"], payload), line)
    return list(facts.values()), [line for line in payloads.values() if line not in facts.values()]


def anomalies(lines: list[Line], facts: list[Line], conflicts: list[Line]) -> tuple[list[Anomaly], Counter[str]]:
    with tempfile.TemporaryDirectory() as folder:
        recount = Recount(Path(folder) / "day", {key for _, _, key, _ in lines})
        for line in reversed(lines):
            recount.add_line(*line)
        for kind, rows in ((FACT, facts), (CONFLICT, conflicts)):
            for row in rows:
                recount.add_held(kind, *row, partition_of(row[0]))
        found = list(recount.compare(HOURS))
        counts = Counter[str]()
        for hour in HOURS:
            counts.update(recount.counts(hour))
        recount.close()
        return found, counts


@settings(max_examples=100, deadline=None)
@given(objects)
def test_a_naive_recount_comes_to_the_same_rows(contents: dict[str, list[dict[str, Any]]]) -> None:
    lines = lines_in(contents)
    facts, conflicts = naive(lines)
    found, counts = anomalies(lines, facts, conflicts)
    assert found == []
    assert counts["lines"] == len(lines)
    assert counts["facts_expected"] == counts["facts_held"] == len(facts)
    assert counts["conflicts_expected"] == counts["conflicts_held"] == len(conflicts)


@settings(max_examples=100, deadline=None)
@given(objects.filter(lambda contents: any(contents.values())), st.data())
def test_every_tampering_with_a_fact_is_found_and_named(
    contents: dict[str, list[dict[str, Any]]], data: st.DataObject
) -> None:
    lines = lines_in(contents)
    facts, conflicts = naive(lines)
    at = data.draw(st.integers(0, len(facts) - 1))
    hour_us, event, key, line = facts[at]
    column = data.draw(st.sampled_from(["user_id", "metadata", "page_url", "producer_seq", "event_timestamp"]))
    other = {"metadata": {"k": "other"}, "producer_seq": 99, "event_timestamp": hour_us + 2}.get(column, "other")
    tampered = {
        "fact_missing": facts[:at] + facts[at + 1 :],
        "fact_doubled": [*facts, facts[at]],
        "fact_changed": [*facts[:at], (hour_us, event | {column: other}, key, line), *facts[at + 1 :]],
        "fact_unexpected": [*facts, (hour_us, event | {"click_id": "invented"}, key, line)],
    }
    for kind, rows in tampered.items():
        [found], _ = anomalies(lines, rows, conflicts)
        assert (found.kind, found.hour_us, found.source_object, found.source_line) == (kind, hour_us, key, line)
        assert found.click_id == ("invented" if kind == "fact_unexpected" else event["click_id"])
        if kind == "fact_changed":
            assert found.got == f"others in {column}"
