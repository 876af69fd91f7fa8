"""Every source of a replay against emulated services: what was there is on the stream again."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from schemas.codec import decode, encode
from schemas.errors import ConfigError, WorkFailedError
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, parse_instant_us
from schemas.kpl import MAGIC, Aggregator, UserRecord, user_records
from schemas.lake import RAW_PREFIX, hour_folder
from tests.attestations import attestation_line
from tests.commands import run, summary_of
from tests.streams import records_in

HOUR = parse_instant_us("2025-11-24T10:00:00Z")
LATER_US = 4_000_000_000_000_000


@pytest.fixture
def kinesis(kinesis: Any) -> Any:
    """The stream, and a raw bucket beside it."""
    boto3.client("s3").create_bucket(Bucket="clickstream-raw")
    return kinesis


def counts_of(summary: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in summary["rows"].items() if count}


def sent(tmp_path: Path, *arguments: str) -> tuple[list[bytes], dict[str, int]]:
    out = tmp_path / "sent.ndjson"
    summary = summary_of("replay", *arguments, "--out", str(out))
    return out.read_bytes().splitlines(), counts_of(summary)


def an_event(number: int, at_us: int = HOUR, **fields: Any) -> ClickEvent:
    return ClickEvent(
        event_id=f"e{number}",
        user_id=f"u{number % 7}",
        session_id="s",
        event_type="click",
        event_timestamp_us=at_us + number * 1_000_003,
        metadata={"a": "1", "n": str(number)},
        **fields,
    )


def put_raw(key: str, body: bytes) -> None:
    boto3.client("s3").put_object(Bucket="clickstream-raw", Key=RAW_PREFIX + key, Body=body)


def test_raw_objects_are_sent_in_order_of_their_hours_whatever_their_compression(kinesis: Any, tmp_path: Path) -> None:
    lines = [encode(an_event(number)) for number in range(5)]
    put_raw(hour_folder(HOUR + HOUR_US) + "b.json.gz", gzip.compress(lines[3] + b"\n\n" + lines[4] + b"\n"))
    put_raw(hour_folder(HOUR) + "z.json.zst", zstd.compress(lines[2] + b"\nno event\n" + attestation_line()))
    put_raw(hour_folder(HOUR) + "a.json", lines[0] + b"\n" + lines[1])
    put_raw(hour_folder(HOUR + 2 * HOUR_US) + "later.json", b"later\n")
    put_raw("elsewhere/other.json", b"other\n")
    span = ("--start", "2025-11-24T10", "--end", "2025-11-24T12")
    expected = [*lines[:3], b"no event", *lines[3:]]
    for source in ("raw:", "s3://clickstream-raw/clickstream/", "s3://clickstream-raw/"):
        assert sent(tmp_path, source, *span) == (expected, {"read": 7, "unparsable": 1, "attestations": 1})
    assert sent(tmp_path, "s3://clickstream-raw/clickstream/year=2025/", *span[:2])[0] == [*expected, b"later"]
    assert sent(tmp_path, "raw:")[0] == [b"other", *expected, b"later"]


def test_raw_objects_of_other_lines_are_read_by_a_mapping(kinesis: Any, tmp_path: Path) -> None:
    mapping = tmp_path / "mine.toml"
    mapping.write_text(
        'format = "csv"\n[fields]\nuser_id = "who"\nsession_id = "who"\n[constants]\nevent_type = "click"\n'
        '[timestamp]\nsource = "at"\n'
    )
    for name in "ab":
        put_raw(f"{name}.csv", b"at,who\n2026-01-01T00:00:00Z,%s\n" % name.encode())
    lines, _ = sent(tmp_path, "raw:", "--mapping", str(mapping))
    assert [json.loads(line)["user_id"] for line in lines] == ["a", "b"]


def test_what_no_raw_source_has_is_a_fault_of_usage(kinesis: Any, tmp_path: Path) -> None:
    result = run("replay", "raw:", "s3://none-there/x/", "facts:", str(tmp_path / "none"))
    assert isinstance(result.exception, ConfigError)
    said = "\n".join(result.exception.faults)
    assert "s3://clickstream-raw/clickstream/ has no objects of that time" in said
    assert "no bucket 'none-there'" in said and "no table clickstream.fact_clicks" in said and "is not a file" in said


def test_a_raw_object_that_is_damaged_ends_the_replay_by_its_name(kinesis: Any, tmp_path: Path) -> None:
    lines = b"".join(encode(an_event(number)) + b"\n" for number in range(2000))
    put_raw("a.json.gz", gzip.compress(lines)[:-50])
    out = tmp_path / "sent.ndjson"
    result = run("replay", "raw:", "--out", str(out))
    assert isinstance(result.exception, WorkFailedError)
    assert "s3://clickstream-raw/clickstream/a.json.gz is damaged after line" in str(result.exception)
    assert lines.startswith(out.read_bytes()) and out.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("names", [("event_id", "event_type", "event_timestamp"), ("click_id", "action", "timestamp")])
def test_parquet_with_the_columns_of_an_event_is_sent_as_events(
    kinesis: Any, tmp_path: Path, names: tuple[str, str, str]
) -> None:
    path = tmp_path / "events.parquet"
    events = [an_event(number, device_type="mobile" if number % 2 else None) for number in range(20_000)]
    instants = pa.array([event.event_timestamp_us for event in events], pa.timestamp("us"))
    columns = {
        names[0]: [event.event_id for event in events],
        "user_id": [event.user_id for event in events],
        "session_id": [event.session_id for event in events],
        names[1]: [event.event_type for event in events],
        names[2]: instants if names[0] == "event_id" else instants.cast(pa.timestamp("ns", "UTC")),
        "device_type": [event.device_type for event in events],
        "metadata": pa.array([list(event.metadata.items()) for event in events], pa.map_(pa.string(), pa.string())),
        "producer_id": ["p"] * len(events),
        "year": [2025] * len(events),
    }
    pq.write_table(pa.table(columns), path)
    lines, counts = sent(tmp_path, str(path))
    assert [decode(line, LATER_US) for line in lines] == events
    assert counts == {"read": 20_000}
    assert sent(tmp_path, str(path), "--end", "2025-11-24T11", "--limit", "50000")[1]["outside"] == 20_000 - 3600


def test_parquet_with_other_columns_needs_a_mapping_and_is_read_by_it(kinesis: Any, tmp_path: Path) -> None:
    path, mapping = tmp_path / "shop.parquet", tmp_path / "shop.toml"
    at = datetime(2025, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)
    pq.write_table(
        pa.table(
            {
                "who": [1, None],
                "at": pa.array([at, at], pa.timestamp("us", "UTC")),
                "basket": [[{"sku": "A"}], []],
                "price": pa.array([17, 2], pa.decimal128(9, 2)),
                "unused": [b"x", b"\xff"],
            }
        ),
        path,
    )
    refused = run("replay", str(path))
    assert isinstance(refused.exception, ConfigError) and "no column 'user_id'" in str(refused.exception)
    mapping.write_text(
        'format = "parquet"\n[fields]\nuser_id = "who"\nsession_id = "who"\n[constants]\nevent_type = "purchase"\n'
        '[timestamp]\nsource = "at"\n[metadata]\nsku = "basket/0/sku"\n'
        'amount_minor = { first = ["price"], decimals = 2 }\n'
    )
    lines, counts = sent(tmp_path, str(path), "--mapping", str(mapping))
    assert json.loads(lines[0]) == {
        "user_id": "1",
        "session_id": "1",
        "event_type": "purchase",
        "event_timestamp": "2025-11-24T10:00:00.123456Z",
        "metadata": {"sku": "A", "amount_minor": "1700"},
    }
    assert counts == {"read": 2, "incomplete": 1} and "user_id" not in json.loads(lines[1])
    text = tmp_path / "text"
    text.write_bytes(b"x")
    for source, named in ((path, "rees46"), (text, str(mapping))):
        assert isinstance(run("replay", str(source), "--mapping", named).exception, ConfigError)


def test_a_recorded_stream_is_put_again_with_all_its_keys_and_bytes(kinesis: Any, tmp_path: Path) -> None:
    aggregator = Aggregator(50_000)
    for number in range(10):
        aggregator.add(f"u{number % 7}", encode(an_event(number)))
    plain = [("alone", encode(an_event(10))), ("two", b"no event\n" + encode(an_event(11))), ("b", MAGIC + b"broken")]
    put = [(aggregator.partition_key, aggregator.drain()), *plain]
    for key, data in put:
        kinesis.put_record(StreamName="clickstream", PartitionKey=key, Data=data)
    path = tmp_path / "recorded.avro"
    recorded = summary_of("record", "--out", str(path), "--from", "trim", "--limit", "4")
    assert {name: recorded[name] for name in ("records", "events", "shards", "retried")} == {
        "records": 4,
        "events": 13,
        "shards": 2,
        "retried": 0,
    }
    kinesis.delete_stream(StreamName="clickstream")
    kinesis.create_stream(StreamName="clickstream", ShardCount=3)
    summary = summary_of("replay", str(path), "--no-aggregate")
    assert counts_of(summary) == {"read": 14, "unparsable": 2}
    expected = [UserRecord(f"u{number % 7}", encode(an_event(number))) for number in range(10)]
    expected += [UserRecord(key, data) for key, data in plain]
    found = [UserRecord(key, data) for records in records_in(kinesis).values() for key, data in records]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_a_folder_of_archives_is_sent_file_by_file(kinesis: Any, tmp_path: Path) -> None:
    folder = tmp_path / "archives"
    folder.mkdir()
    for number in range(3):
        kinesis.put_record(StreamName="clickstream", PartitionKey="u", Data=encode(an_event(number)))
    summary_of("record", "--out", str(folder), "--from", "trim", "--duration", "0.3")
    assert [path.suffix for path in folder.iterdir()] == [".avro"]
    assert sent(tmp_path, str(folder))[0] == [encode(an_event(number)) for number in range(3)]


def test_latest_leaves_out_what_was_there_and_bad_usage_records_nothing(kinesis: Any, tmp_path: Path) -> None:
    kinesis.put_record(StreamName="clickstream", PartitionKey="u", Data=b"before")
    path = tmp_path / "recorded.avro"
    assert summary_of("record", "--out", str(path), "--duration", "0")["records"] == 0
    for arguments in (
        ("--out", str(path)),
        ("--out", str(tmp_path / "none" / "x.avro")),
        ("--out", str(tmp_path / "new.avro"), "--from", "yesterday"),
    ):
        assert isinstance(run("record", *arguments, "--duration", "0").exception, ConfigError)
    kinesis.delete_stream(StreamName="clickstream")
    gone = run("record", "--out", str(tmp_path / "new.avro"), "--duration", "0")
    assert isinstance(gone.exception, ConfigError) and "no stream" in str(gone.exception)
    assert list(tmp_path.iterdir()) == [path]


def test_passes_shift_and_span_hold_for_all_sources_together(kinesis: Any, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(encode(an_event(number)) + b"\n" for number in range(3)))
    put_raw("a.json", encode(an_event(3)) + b"\n")
    lines, _ = sent(tmp_path, str(path), "raw:", "--shift-to", "2025-01-01T00:00:00Z", "--loop", "2")
    events = [decode(line, LATER_US) for line in lines]
    assert [event.event_id for event in events if isinstance(event, ClickEvent)] == [
        *("e0", "e1", "e2", "e3"),
        *("e0~1", "e1~1", "e2~1", "e3~1"),
    ]
    times = [event.event_timestamp_us for event in events if isinstance(event, ClickEvent)]
    assert times[0] == parse_instant_us("2025-01-01T00:00:00Z")
    # Three seconds and nine microseconds up to whole milliseconds, and one more.
    assert times[4] - times[0] == times[7] - times[3] == 3_002_000
    assert sent(tmp_path, str(path), "--start", "2025-11-24T10:00:01Z", "--sort-window", "1")[1] == {
        "read": 3,
        "outside": 1,
    }


def test_an_event_of_a_parquet_file_is_one_line_however_its_metadata_are_written(kinesis: Any, tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    row = {"user_id": "u", "session_id": "s", "event_type": "click", "event_timestamp": "2025-11-24T10:00:00Z"}
    pq.write_table(pa.Table.from_pylist([row | {"metadata": json.dumps({"a": "1", "b": "x\ny"}, indent=2)}]), path)
    lines, counts = sent(tmp_path, str(path))
    event = decode(lines[0], LATER_US)
    assert isinstance(event, ClickEvent) and event.metadata == {"a": "1", "b": "x\ny"}
    assert (len(lines), counts) == (1, {"read": 1})


@pytest.mark.parametrize(
    "arguments",
    [("--start", "today"), ("--start", "2025-11-24T10", "--end", "2025-11-24T10"), ("--shift-to", "then")],
)
def test_a_time_that_is_none_is_told(kinesis: Any, arguments: tuple[str, ...]) -> None:
    assert isinstance(run("replay", __file__, *arguments).exception, ConfigError)


@pytest.mark.parametrize("minutes", ["inf", "nan", "-1"])
def test_a_window_that_is_none_is_told(kinesis: Any, minutes: str) -> None:
    assert run("replay", __file__, "--sort-window", minutes).exit_code == 2


def test_aggregates_are_put_with_the_keys_of_the_user_records(kinesis: Any, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(encode(an_event(number)) + b"\n" for number in range(100)))
    summary_of("replay", str(path))
    found = [
        user for records in records_in(kinesis).values() for key, data in records for user in user_records(data, key)
    ]
    assert {(user.partition_key, user.data) for user in found} == {
        (an_event(number).user_id, encode(an_event(number))) for number in range(100)
    }
