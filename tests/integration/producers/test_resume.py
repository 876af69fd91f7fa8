"""A replay that is killed and goes on: nothing is left out, and no more than a window is repeated for each kill."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from producers.position import Position
from producers.sinks import WINDOW_LINES
from schemas.codec import decode, encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, SECOND_US, parse_instant_us
from schemas.lake import RAW_PREFIX, hour_folder
from tests import commands
from tests.commands import finish, output_of
from tests.streams import lines_in

if TYPE_CHECKING:
    from tests.conftest import LocalStack

LATER_US = 4_000_000_000_000_000
HOUR = parse_instant_us("2025-11-24T10:00:00Z")
IN_EACH = 15_000
LINES = 2 * 2 * IN_EACH
KILLS_AT = (8_000, 22_000, 45_000)


@pytest.fixture
def stream(emulator: LocalStack) -> Iterator[str]:
    """A stream of its own."""
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="resumed", ShardCount=2)
    yield "resumed"
    kinesis.delete_stream(StreamName="resumed")


def start(emulator: LocalStack, stream: str, *arguments: str) -> subprocess.Popen[str]:
    here = {"CLICKSTREAM_STATE_DIR": str(emulator.state_dir), "CLICKSTREAM_STREAM": stream}
    return commands.start(emulator.environment | here, "replay", *arguments, "--json")


def an_event(number: int) -> bytes:
    return encode(
        ClickEvent(
            event_id=f"e{number}",
            user_id=f"u{number % 101}",
            session_id="s",
            event_type="click",
            event_timestamp_us=HOUR + number * SECOND_US // 10,
        )
    )


def sources(emulator: LocalStack, folder: Path) -> list[str]:
    """Write half of the events to a file and half to raw objects of two hours."""
    path = folder / "events.ndjson.gz"
    path.write_bytes(gzip.compress(b"".join(an_event(number) + b"\n" for number in range(IN_EACH)), 1))
    bucket = emulator.environment["CLICKSTREAM_RAW_BUCKET"]
    for hour in range(2):
        first = IN_EACH + hour * IN_EACH // 2
        body = b"".join(an_event(number) + b"\n" for number in range(first, first + IN_EACH // 2))
        key = f"{RAW_PREFIX}{hour_folder(HOUR + hour * HOUR_US)}replayed.json"
        emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return [str(path), f"s3://{bucket}/{RAW_PREFIX}", "--start", "2025-11-24T09", "--end", "2025-11-24T12"]


def settled_at(position: Path) -> int:
    return msgspec.json.decode(position.read_bytes(), type=Position).settled if position.exists() else 0


def test_a_replay_that_is_killed_again_and_again_skips_nothing_and_repeats_little(
    emulator: LocalStack, stream: str, tmp_path: Path, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    position, key = tmp_path / "position", tmp_path / "key.ndjson.gz"
    options = (
        *sources(emulator, tmp_path),
        *("--shift-to", "now", "--loop", "2", "--sort-window", "1", "--rate", "12000"),
        *("--resume", str(position), "--answer-key", str(key)),
    )
    for kill_at in KILLS_AT:
        process = start(emulator, stream, *options)
        try:
            wait_until(lambda kill_at=kill_at: settled_at(position) >= kill_at, 60)  # type: ignore[misc]
        finally:
            process.kill()
            process.communicate(timeout=30)
        assert settled_at(position) < LINES
    begin = settled_at(position)
    summary, told = finish(start(emulator, stream, *options))
    assert (summary["sent"], summary["failed"]) == (LINES - begin, 0), told
    lines = lines_in(emulator.client("kinesis"), stream)
    events = [decode(line, LATER_US) for line in set(lines)]
    assert {event.event_id for event in events if isinstance(event, ClickEvent)} == {
        f"e{number}{suffix}" for number in range(2 * IN_EACH) for suffix in ("", "~1")
    }
    # One line for each id: all lives moved the recording to the same instant.
    assert len(events) == LINES
    assert len(lines) <= LINES + len(KILLS_AT) * WINDOW_LINES
    entries = [json.loads(line) for line in gzip.decompress(key.read_bytes()).splitlines()]
    assert entries[-1]["facts"] == entries[-1]["lines"] == LINES

    # Once more there is nothing left to send, and another run is refused.
    again, told = finish(start(emulator, stream, *options))
    assert again["sent"] == 0, told
    other = start(emulator, stream, *options[:-2], "--limit", "5")
    _, told = output_of(other)
    assert other.returncode == 2 and "belongs to another run" in told
