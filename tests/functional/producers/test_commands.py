"""The commands against an emulated stream: what they put is there, and what they say is so."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from schemas.attestation import read_attestation
from schemas.codec import decode
from schemas.errors import ConfigError, WorkFailedError
from schemas.event import Rejection
from schemas.kpl import MAGIC, payloads, user_records
from tests.commands import run, summary_of
from tests.streams import lines_in, records_in

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

LATER_US = 4_000_000_000_000_000
OPTIONS = ("--events", "3000", "--users", "100")


def without_attestations(records: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(key, data) for key, data in records if read_attestation(data) is None]


def test_what_simulate_puts_is_what_its_answer_says(kinesis: KinesisClient) -> None:
    summary = summary_of("simulate", *OPTIONS, "--duplicates", "0.05", "--late", "0.02", "--corrupt", "0.02")
    lines, answer = lines_in(kinesis), summary["answer"]
    read = [decode(line, LATER_US) for line in lines]
    distinct = {event.event_id: event for event in read if not isinstance(event, Rejection)}
    assert summary["sent"] == len(lines) == answer["events"] + answer["duplicates"] + sum(answer["corrupt"].values())
    assert (summary["failed"], summary["retried"]) == (0, 0)
    assert answer["events"] == len(distinct)
    assert answer["event_types"] == Counter(event.event_type for event in distinct.values())
    assert answer["purchases"] == answer["event_types"]["purchase"] > 0
    assert answer["corrupt"] == Counter(event.reason for event in read if isinstance(event, Rejection))
    records = [data for records in records_in(kinesis).values() for _, data in records]
    assert (summary["records"], summary["bytes"]) == (len(records), sum(map(len, records)))
    assert sum(record.startswith(MAGIC) for record in records) == len(records) - summary["attestations"]
    assert summary["attestations"] == 1 and len(records) < len(lines) / 20


def test_an_aggregate_is_on_the_shard_that_each_of_its_lines_belongs_to(kinesis: KinesisClient) -> None:
    summary_of("simulate", "--events", "2000", "--users", "100")
    aggregated = {
        shard: {user.partition_key for key, data in without_attestations(records) for user in user_records(data, key)}
        for shard, records in records_in(kinesis).items()
    }
    kinesis.delete_stream(StreamName="clickstream")
    kinesis.create_stream(StreamName="clickstream", ShardCount=2)
    summary_of("simulate", "--events", "2000", "--users", "100", "--no-aggregate")
    plain = {shard: {key for key, _ in without_attestations(records)} for shard, records in records_in(kinesis).items()}
    assert aggregated == plain and all(plain.values())


def test_a_seed_gives_the_same_answer_whatever_the_rate(kinesis: KinesisClient) -> None:
    options = ["simulate", "--events", "300", "--seed", "5", "--duplicates", "0.1", "--corrupt", "0.1"]
    slow, fast = summary_of(*options, "--rate", "1500"), summary_of(*options)
    assert slow["answer"] == fast["answer"]
    assert slow["seconds"] >= 0.2
    assert summary_of(*options, "--seed", "6")["answer"] != fast["answer"]


def test_a_user_keeps_the_order_of_time_in_the_stream(kinesis: KinesisClient) -> None:
    summary_of("simulate", "--events", "2000", "--users", "20", "--crawlers", "0")
    last: dict[str, int] = {}
    for records in map(without_attestations, records_in(kinesis).values()):
        for event in (decode(line, LATER_US) for _, data in records for line in payloads(data)):
            assert not isinstance(event, Rejection)
            assert event.event_timestamp_us >= last.get(event.user_id, 0)
            last[event.user_id] = event.event_timestamp_us
    assert len(last) == 20


def test_replay_without_a_mapping_sends_files_untouched_in_order(kinesis: KinesisClient, tmp_path: Path) -> None:
    first, second = tmp_path / "first.ndjson.gz", tmp_path / "second.ndjson"
    first.write_bytes(gzip.compress(b'{"user_id":"ana","session_id":"s","action":"click","timestamp":1764000000000}\n'))
    second.write_bytes(b"broken\n\nalso broken")
    summary = summary_of("replay", str(first), str(second))
    assert sorted(lines_in(kinesis)) == sorted([gzip.decompress(first.read_bytes()).strip(), b"broken", b"also broken"])
    assert {name: count for name, count in summary["rows"].items() if count} == {"read": 3, "unparsable": 2}


def test_replay_stops_at_its_limit_and_before_a_damage_it_sends_what_it_read(
    kinesis: KinesisClient, tmp_path: Path
) -> None:
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(b"".join(b"line %d\n" % number for number in range(5000)))[:-30])
    assert summary_of("replay", str(path), "--limit", "10")["sent"] == 10
    result = run("replay", str(path), "--json")
    assert isinstance(result.exception, WorkFailedError) and "damaged after line" in str(result.exception)
    sent = json.loads(result.stdout.splitlines()[-1])["sent"]
    assert len(lines_in(kinesis)) == sent + 10 > 1000


def test_replay_by_a_mapping_at_recorded_speed_keeps_the_gaps(kinesis: KinesisClient, tmp_path: Path) -> None:
    path, mapping = tmp_path / "shop.csv", tmp_path / "shop.toml"
    path.write_bytes(b"at,who\n2026-01-01T00:00:00Z,ana\n2026-01-01T00:00:30Z,bob\ncut\n")
    mapping.write_text(
        'format = "csv"\n[fields]\nuser_id = "who"\nsession_id = "who"\n[constants]\nevent_type = "click"\n'
        '[timestamp]\nsource = "at"\n'
    )
    summary = summary_of("replay", str(path), "--mapping", str(mapping), "--speed", "100x")
    assert summary["seconds"] >= 0.3
    assert {name: count for name, count in summary["rows"].items() if count} == {"read": 3, "unparsable": 1}


def test_a_file_is_written_with_a_line_for_each_event_and_needs_no_stream(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    summary = summary_of("simulate", "--events", "200", "--out", str(path))
    lines = path.read_bytes().splitlines()
    assert len(lines) == summary["sent"] == 200 and path.stat().st_size == summary["bytes"]
    assert not any(isinstance(decode(line, LATER_US), Rejection) for line in lines)


def test_stdout_takes_lines_only(tmp_path: Path) -> None:
    result = run("simulate", "--events", "20", "--out", "-")
    assert [type(json.loads(line)) for line in result.stdout.splitlines()] == [dict] * 20
    refused = run("simulate", "--events", "20", "--out", "-", "--json")
    assert isinstance(refused.exception, ConfigError) and not refused.stdout


def test_the_summary_is_a_table_for_people(kinesis: KinesisClient) -> None:
    result = run("simulate", "--events", "1000")
    assert re.search(r"sent\s+│ 1,000", result.stdout) and "page_view" in result.stdout


def test_a_stream_that_does_not_exist_is_a_fault_of_configuration(
    kinesis: KinesisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLICKSTREAM_STREAM", "elsewhere")
    result = run("simulate", "--events", "10")
    assert isinstance(result.exception, ConfigError)
    assert "no stream 'elsewhere'" in str(result.exception) and "clickstream up" in str(result.exception)


def test_an_endpoint_that_nobody_answers_fails_with_the_next_step(
    environment: None, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port}")
    result = run("simulate", "--events", "10")
    assert isinstance(result.exception, WorkFailedError) and "clickstream status" in str(result.exception)


def test_without_credentials_nothing_is_started(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    result = run("simulate", "--events", "10")
    assert isinstance(result.exception, ConfigError) and "credentials" in str(result.exception)


def test_an_event_that_no_record_holds_is_saved_and_told(kinesis: KinesisClient, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"x": "' + b"x" * (1 << 20) + b'"}\nsmall\n')
    result = run("replay", str(path), "--json")
    assert isinstance(result.exception, WorkFailedError) and "are saved in" in str(result.exception)
    summary = json.loads(result.stdout.splitlines()[-1])
    assert (summary["sent"], summary["failed"]) == (1, 1)
    assert lines_in(kinesis) == [b"small"]
    (spooled,) = (tmp_path / "state" / "spool").glob("*.ndjson")
    assert str(spooled) in str(result.exception)


def test_a_run_that_ends_early_tells_that_beside_what_could_not_be_sent(kinesis: KinesisClient, tmp_path: Path) -> None:
    path = tmp_path / "events.gz"
    lines = [b'{"x": "' + b"x" * (1 << 20) + b'"}\n', *(b"line %d\n" % number for number in range(5000))]
    path.write_bytes(gzip.compress(b"".join(lines))[:-30])
    told = str(run("replay", str(path)).exception)
    assert "damaged after line" in told and "1 events could not be sent: " in told and "saved in" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "--duplicates", "2"],
        ["replay", "none.csv"],
        ["replay", __file__, "--mapping", "none"],
        ["replay", __file__, "--speed", "fast"],
        ["replay", __file__, "--speed", "1x", "--rate", "5"],
        ["simulate", "--out", "/none/events.ndjson"],
    ],
)
def test_bad_usage_is_told_before_anything_is_sent(kinesis: KinesisClient, arguments: list[str]) -> None:
    assert isinstance(run(*arguments).exception, ConfigError)
    assert lines_in(kinesis) == []


@pytest.mark.parametrize("command", ["simulate", "replay"])
def test_help_has_an_example(command: str) -> None:
    assert f"clickstream {command}" in " ".join(run(command, "--help").output.split())


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
