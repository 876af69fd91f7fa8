"""The commands against an emulated stream: what they put is there, and what they say is so."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import typer
from moto import mock_aws
from typer.testing import CliRunner, Result

import producers.replay_cli
import producers.simulate_cli
from schemas.attestation import read_attestation
from schemas.codec import decode
from schemas.errors import ConfigError, WorkFailedError
from schemas.event import Rejection
from schemas.kpl import MAGIC, payloads, user_records

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

LATER_US = 4_000_000_000_000_000
SETTINGS = {
    "CLICKSTREAM_STREAM": "clickstream",
    "CLICKSTREAM_RAW_BUCKET": "clickstream-raw",
    "CLICKSTREAM_CURATED_BUCKET": "clickstream-curated",
    "CLICKSTREAM_ALERTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:PurchaseAlerts",
    "CLICKSTREAM_DEAD_LETTER_QUEUE_URL": "http://127.0.0.1/123456789012/clickstream-dead-letters",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
OPTIONS = ("--events", "3000", "--users", "100")
app = typer.Typer()
producers.simulate_cli.register(app)
producers.replay_cli.register(app)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("CLICKSTREAM_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def kinesis(environment: None) -> Iterator[KinesisClient]:
    with mock_aws():
        client = boto3.client("kinesis")
        client.create_stream(StreamName="clickstream", ShardCount=2)
        yield client


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def summary_of(result: Result) -> dict[str, Any]:
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return summary


def records_of(kinesis: KinesisClient) -> dict[str, list[tuple[str, bytes]]]:
    """Return shard id -> (partition key, data) of all records in the stream."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for shard in kinesis.list_shards(StreamName="clickstream")["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName="clickstream", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = kinesis.get_records(ShardIterator=iterator, Limit=10_000)["Records"]
        found[shard["ShardId"]] = [(record["PartitionKey"], record["Data"]) for record in records]
    return found


def without_attestations(records: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(key, data) for key, data in records if read_attestation(data) is None]


def lines_of(kinesis: KinesisClient) -> list[bytes]:
    """Return all lines in the stream that are no attestations."""
    found = (record for records in records_of(kinesis).values() for record in without_attestations(records))
    return [line for _, data in found for line in payloads(data)]


def test_what_simulate_puts_is_what_its_answer_says(kinesis: KinesisClient) -> None:
    summary = summary_of(
        run("simulate", "--json", *OPTIONS, *("--duplicates", "0.05", "--late", "0.02", "--corrupt", "0.02"))
    )
    lines, answer = lines_of(kinesis), summary["answer"]
    read = [decode(line, LATER_US) for line in lines]
    distinct = {event.event_id: event for event in read if not isinstance(event, Rejection)}
    assert summary["sent"] == len(lines) == answer["events"] + answer["duplicates"] + sum(answer["corrupt"].values())
    assert (summary["failed"], summary["retried"]) == (0, 0)
    assert answer["events"] == len(distinct)
    assert answer["event_types"] == Counter(event.event_type for event in distinct.values())
    assert answer["purchases"] == answer["event_types"]["purchase"] > 0
    assert answer["corrupt"] == Counter(event.reason for event in read if isinstance(event, Rejection))
    records = [data for records in records_of(kinesis).values() for _, data in records]
    assert (summary["records"], summary["bytes"]) == (len(records), sum(map(len, records)))
    assert sum(record.startswith(MAGIC) for record in records) == len(records) - summary["attestations"]
    assert summary["attestations"] == 1 and len(records) < len(lines) / 20


def test_an_aggregate_is_on_the_shard_that_each_of_its_lines_belongs_to(kinesis: KinesisClient) -> None:
    summary_of(run(*["simulate", "--events", "2000", "--users", "100", "--json"]))
    aggregated = {
        shard: {user.partition_key for key, data in without_attestations(records) for user in user_records(data, key)}
        for shard, records in records_of(kinesis).items()
    }
    kinesis.delete_stream(StreamName="clickstream")
    kinesis.create_stream(StreamName="clickstream", ShardCount=2)
    summary_of(run(*["simulate", "--events", "2000", "--users", "100", "--no-aggregate", "--json"]))
    plain = {shard: {key for key, _ in without_attestations(records)} for shard, records in records_of(kinesis).items()}
    assert aggregated == plain and all(plain.values())


def test_a_seed_gives_the_same_answer_whatever_the_rate(kinesis: KinesisClient) -> None:
    options = ["simulate", "--events", "300", "--seed", "5", "--duplicates", "0.1", "--corrupt", "0.1", "--json"]
    slow, fast = summary_of(run(*options, "--rate", "1500")), summary_of(run(*options))
    assert slow["answer"] == fast["answer"]
    assert slow["seconds"] >= 0.2
    assert summary_of(run(*options, "--seed", "6"))["answer"] != fast["answer"]


def test_a_user_keeps_the_order_of_time_in_the_stream(kinesis: KinesisClient) -> None:
    summary_of(run(*["simulate", "--events", "2000", "--users", "20", "--crawlers", "0", "--json"]))
    last: dict[str, int] = {}
    for records in map(without_attestations, records_of(kinesis).values()):
        for event in (decode(line, LATER_US) for _, data in records for line in payloads(data)):
            assert not isinstance(event, Rejection)
            assert event.event_timestamp_us >= last.get(event.user_id, 0)
            last[event.user_id] = event.event_timestamp_us
    assert len(last) == 20


def test_replay_without_a_mapping_sends_files_untouched_in_order(kinesis: KinesisClient, tmp_path: Path) -> None:
    first, second = tmp_path / "first.ndjson.gz", tmp_path / "second.ndjson"
    first.write_bytes(gzip.compress(b'{"user_id":"ana","session_id":"s","action":"click","timestamp":1764000000000}\n'))
    second.write_bytes(b"broken\n\nalso broken")
    summary = summary_of(run("replay", str(first), str(second), "--json"))
    assert sorted(lines_of(kinesis)) == sorted([gzip.decompress(first.read_bytes()).strip(), b"broken", b"also broken"])
    assert {name: count for name, count in summary["rows"].items() if count} == {"read": 3, "unparsable": 2}


def test_replay_stops_at_its_limit_and_before_a_damage_it_sends_what_it_read(
    kinesis: KinesisClient, tmp_path: Path
) -> None:
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(b"".join(b"line %d\n" % number for number in range(5000)))[:-30])
    assert summary_of(run("replay", str(path), "--limit", "10", "--json"))["sent"] == 10
    result = run("replay", str(path), "--json")
    assert isinstance(result.exception, WorkFailedError) and "damaged after line" in str(result.exception)
    sent = json.loads(result.stdout.splitlines()[-1])["sent"]
    assert len(lines_of(kinesis)) == sent + 10 > 1000


def test_replay_by_a_mapping_at_recorded_speed_keeps_the_gaps(kinesis: KinesisClient, tmp_path: Path) -> None:
    path, mapping = tmp_path / "shop.csv", tmp_path / "shop.toml"
    path.write_bytes(b"at,who\n2026-01-01T00:00:00Z,ana\n2026-01-01T00:00:30Z,bob\ncut\n")
    mapping.write_text(
        'format = "csv"\n[fields]\nuser_id = "who"\nsession_id = "who"\n[constants]\nevent_type = "click"\n'
        '[timestamp]\nsource = "at"\n'
    )
    summary = summary_of(run("replay", str(path), "--mapping", str(mapping), "--speed", "100x", "--json"))
    assert summary["seconds"] >= 0.3
    assert {name: count for name, count in summary["rows"].items() if count} == {"read": 3, "unparsable": 1}


def test_a_file_is_written_with_a_line_for_each_event_and_needs_no_stream(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    summary = summary_of(run("simulate", "--events", "200", "--out", str(path), "--json"))
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
    assert lines_of(kinesis) == [b"small"]
    (spooled,) = (tmp_path / "state" / "spool").glob("*.ndjson")
    assert str(spooled) in str(result.exception)


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
    assert lines_of(kinesis) == []


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
