"""The front door: exit codes, and errors that name the cause and the next step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.settings import Settings

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(
    stream="clickstream",
    raw_bucket="raw-bucket",
    curated_bucket="curated-bucket",
    alerts_topic_arn="arn:aws:sns:us-east-1:123456789012:PurchaseAlerts",
    dead_letter_queue_url="http://127.0.0.1:9/queue",
)
NOBODY_LISTENS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}


def clickstream(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clickstream", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


COMMANDS = [
    ["simulate", "--events", "1"],
    ["alerts"],
    ["watch", "--seconds", "1"],
    ["dead-letters", "list"],
    ["dead-letters", "redrive"],
    ["compact"],
    ["quarantine", "list"],
    ["validate", "--day", "2026-11-24"],
    ["query", "SELECT count(*) AS n FROM fact_clicks"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: "-".join(arguments[:2]))
def test_without_a_stack_a_command_says_how_to_start_one(tmp_path: Path, arguments: list[str]) -> None:
    done = clickstream(tmp_path, *arguments)
    assert done.returncode == 2
    assert "CLICKSTREAM_STREAM" in done.stderr
    assert "clickstream up" in done.stderr
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_where_some_settings_are_given_each_that_is_missing_is_told(tmp_path: Path) -> None:
    told = clickstream(tmp_path, "simulate", CLICKSTREAM_STREAM="clicks").stderr.splitlines()
    assert len(told) == 5 and "raw_bucket is not set" in told[0] and "clickstream up" in told[-1]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: "-".join(arguments[:2]))
def test_with_an_unreachable_stack_a_command_fails_and_names_it(tmp_path: Path, arguments: list[str]) -> None:
    done = clickstream(tmp_path, *arguments, **SETTINGS.as_environment(), **NOBODY_LISTENS)
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dead_stack_is_noticed_by_every_command_and_cleaned_by_down(tmp_path: Path) -> None:
    state = tmp_path / ".clickstream"
    state.mkdir()
    (state / "stack.json").write_text("{}")
    done = clickstream(tmp_path, "query", "SELECT 1")
    assert done.returncode == 2
    assert "clickstream up" in done.stderr
    assert clickstream(tmp_path, "down").returncode == 0
    assert not (state / "stack.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["compact", "--hour", "yesterday"], "not an hour like"),
        (["query"], "give one query"),
        (["query", "DROP TABLE fact_clicks"], "one SELECT"),
        (["query", "SELECT 1", "--format", "xml"], "none of table, csv, json, parquet"),
        (["query", "--file", "nowhere.sql"], "cannot read nowhere.sql"),
        (["demo", "--events", "0"], "not above 0"),
        (["simulate", "--duplicates", "2", "--out", "x"], "between 0 and 1"),
        (["watch", "--topic-arn", "PurchaseAlerts"], "not the ARN of an SNS topic"),
        (["alerts", "--from", "yesterday"], "a job cannot begin at"),
        (["alerts", "--max-alert-age", "a while"], "a while"),
        (["dead-letters", "list", "--reason", "not_jsn"], "no letter has the reason not_jsn: there are absurd_"),
        (["nonsense"], "No such command"),
        (["compact", "--nonsense"], "No such option"),
    ],
)
def test_wrong_usage_is_told_before_any_work(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = clickstream(tmp_path, *arguments, **SETTINGS.as_environment(), **NOBODY_LISTENS)
    assert done.returncode == 2
    assert told in done.stderr


def test_every_fault_of_the_configuration_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "clickstream.toml").write_text('strem = "typo"\n')
    variables = SETTINGS.as_environment() | {"CLICKSTREAM_RAW_BUCKET": "No_Bucket"}
    done = clickstream(tmp_path, "compact", **variables, **NOBODY_LISTENS)
    assert done.returncode == 2
    assert "strem" in done.stderr
    assert "No_Bucket" in done.stderr
