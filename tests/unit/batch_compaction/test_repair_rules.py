"""The rules file: what it may say, and that all its faults are told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from batch_compaction.repair_rules import Instant, Where, parse_rules
from schemas.errors import ConfigError
from schemas.lake import parse_hour

SMALL = """
[[rule]]
where = { reason = "missing_field", detail = "user_id", hour = ["2026-11-24T10", "2026-11-24T11"] }
rename = { uid = "user_id" }
default = { "metadata.country" = "DE" }

[[rule]]
where = { object = "clickstream/year=2026/" }
drop = ["producer_seq"]
coerce = { event_timestamp = { format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }, metadata = "object" }
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_rules(text, "mine")
    return list(caught.value.faults)


def test_a_file_is_a_list_of_rules() -> None:
    first, second = parse_rules(SMALL, "mine").rules
    ten, eleven = parse_hour("2026-11-24T10"), parse_hour("2026-11-24T11")
    assert first.where == Where(reason=("missing_field",), detail="user_id", hour=(ten, eleven))
    assert second.drop == ("producer_seq",)
    assert second.coerce["event_timestamp"] == Instant("%d.%m.%Y %H:%M", "Europe/Berlin")


def test_the_first_rule_that_takes_a_line_decides() -> None:
    rules = parse_rules(SMALL, "mine")
    ten, noon = parse_hour("2026-11-24T10"), parse_hour("2026-11-24T12")
    key = "clickstream/year=2026/a"
    assert rules.number_of("missing_field", "user_id", key, ten) == 0
    assert rules.number_of("missing_field", "user_id", key, noon) == 1
    assert rules.number_of("missing_field", "session_id", key, ten) == 1
    assert rules.number_of("missing_field", "session_id", "clickstream/b", ten) is None
    assert rules.may_take(noon)


def test_hours_that_no_rule_names_need_not_be_read() -> None:
    rules = parse_rules('[[rule]]\nwhere.hour = "2026-11-24T10"\ndismiss = "x"', "mine")
    assert rules.may_take(parse_hour("2026-11-24T10"))
    assert not rules.may_take(parse_hour("2026-11-24T11"))


def test_the_digest_is_of_what_is_said_not_of_how_it_is_written() -> None:
    digest = parse_rules(SMALL, "mine").digest
    assert parse_rules(f"# a comment\n{SMALL}\n", "other").digest == digest
    assert parse_rules(SMALL.replace('"DE"', '"FR"'), "mine").digest != digest


def test_all_faults_are_told_at_once() -> None:
    faults = faults_of("""
    extra = 1
    [[rule]]
    where = { reason = ["odd"], hour = "10", detal = "x" }
    renames = { a = "user_id" }
    drop = 3
    [[rule]]
    rename = { a = "user" }
    coerce = { user = "text", event_timestamp = { format = "dd", zone = "Mars/Base" }, session_id = "number" }
    default = { event_id = "1", metadata = "x" }
    [[rule]]
    coerce = { event_timestamp = { format = "%Q" } }
    default = { "metadata." = "x" }
    dismiss = "why"
    """)
    told = "\n".join(faults)
    for part in (
        "unknown key 'extra'",
        "rule 1: unknown key where.detal",
        "rule 1: where.hour: '10' is not an hour",
        "rule 1: where.reason: no line has the reason 'odd'",
        "rule 1: unknown key renames",
        "rule 1: drop:",
        "rule 2: rename: an event has no field 'user'",
        "rule 2: coerce:",
        "rule 2: default: event_id cannot be the same for all lines",
        "rule 2: default: there is no text field 'metadata'",
        "rule 3: coerce.event_timestamp.format: '%Q'",
        "rule 3: default: there is no text field 'metadata.'",
        "rule 3: dismiss stands alone",
    ):
        assert part in told
    assert all(fault.startswith("rules mine: ") for fault in faults)


def test_a_coercion_is_judged_whole() -> None:
    faults = faults_of("""
    [[rule]]
    coerce = { user = "text", event_timestamp = { format = "dd", zone = "Mars/Base" } }
    """)
    assert len(faults) == 3


@pytest.mark.parametrize("text", ["", "rule = 1", "rule = [1]", "[rule]\ndismiss = 'x'"])
def test_a_file_without_rules_is_refused(text: str) -> None:
    assert faults_of(text) == ["rules mine: there is no [[rule]]"]


def test_what_is_no_toml_is_refused() -> None:
    assert "rules mine: " in faults_of("[[rule")[0]


def test_a_rule_behind_one_that_takes_every_line_is_a_fault() -> None:
    [fault] = faults_of('[[rule]]\nrename = { a = "user_id" }\n[[rule]]\ndismiss = "x"')
    assert "rule 2 is never reached: rule 1 takes every line" in fault


def test_the_example_of_the_document_holds_together() -> None:
    document = (Path(__file__).parents[3] / "docs" / "quarantine.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    assert [rule.where.reason[0] for rule in parse_rules(example, "example").rules] == [
        "missing_field",
        "bad_timestamp",
        "wrong_type",
        "not_json",
    ]
