"""A producer of its own process against the emulated stream: interrupted, throttled, and cut off."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from producers.lines import line_digest_text
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from producers.sinks import WINDOW_LINES
from schemas.attestation import read_attestation
from schemas.codec import decode
from schemas.event import ClickEvent, Rejection
from schemas.instants import HOUR_US, parse_instant_us
from tests import commands
from tests.commands import finish, output_of
from tests.streams import Arrivals, spooled_lines

if TYPE_CHECKING:
    from tests.conftest import LocalStack

THROTTLED = "ProvisionedThroughputExceededException"
LATER_US = 4_000_000_000_000_000


@pytest.fixture(autouse=True)
def no_faults_left(emulator: LocalStack) -> Iterator[None]:
    yield
    emulator.clear_faults()


def start(emulator: LocalStack, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    here = {"CLICKSTREAM_STATE_DIR": str(folder)}
    return commands.start(emulator.environment | here, "simulate", "--json", *arguments)


@pytest.mark.parametrize("rate", ["3000", "0"])
def test_an_interrupt_sends_what_is_held_and_tells_what_was_sent(
    emulator: LocalStack, tmp_path: Path, wait_until: Callable[[Callable[[], bool], float], None], rate: str
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    options = ("--events", "5000000", "--rate", rate, "--duplicates", "0.1", "--corrupt", "0.1")
    process = start(emulator, tmp_path, *options)
    wait_until(lambda: len(stream.read()) > 1000, 30)
    process.send_signal(signal.SIGINT)
    summary, _ = finish(process)
    assert process.returncode == 130
    read = [decode(line, LATER_US) for line in stream.read()]
    accepted = Counter(event.event_id for event in read if not isinstance(event, Rejection))
    answer = summary["answer"]
    assert summary["sent"] == len(read) and summary["failed"] == 0
    assert (answer["events"], answer["duplicates"]) == (len(accepted), accepted.total() - len(accepted))
    assert answer["corrupt"] == Counter(event.reason for event in read if isinstance(event, Rejection))


def test_throttled_calls_and_records_are_put_again_until_every_event_is_there(
    emulator: LocalStack, tmp_path: Path
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    emulator.inject(
        **{
            "kinesis.PutRecords": [
                {"error": THROTTLED, "times": 2},
                {"error": "InternalFailure"},
                {"ratio": 0.5, "record_error": THROTTLED, "times": 4},
            ]
        }
    )
    summary, _ = finish(start(emulator, tmp_path, "--events", "5000"))
    assert (summary["sent"], summary["failed"]) == (5000, 0)
    assert summary["retried"] > 3
    assert (
        len({event.event_id for line in stream.read() if not isinstance(event := decode(line, LATER_US), Rejection)})
        == 5000
    )
    assert len(stream.lines) == 5000


def test_a_call_whose_answer_was_lost_is_repeated_and_the_copies_keep_their_ids(
    emulator: LocalStack, tmp_path: Path
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    emulator.inject(**{"kinesis.PutRecords": {"error": "InternalFailure", "applied": True}})
    summary, _ = finish(start(emulator, tmp_path, "--events", "2000"))
    assert (summary["sent"], summary["failed"]) == (2000, 0)
    lines = stream.read()
    assert len(lines) > 2000 == len(set(lines))


def test_a_stream_that_stays_closed_ends_the_run_with_every_event_sent_or_saved(
    emulator: LocalStack, tmp_path: Path
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    emulator.inject(
        **{"kinesis.PutRecords": {"error": "AccessDeniedException", "status": 400, "after": 2, "times": 100}}
    )
    process = start(emulator, tmp_path, "--events", "200000")
    summary, told = finish(process)
    assert process.returncode == 1
    assert "AccessDenied" in told and "are saved in" in told
    saved = [line for line in spooled_lines(tmp_path) if read_attestation(line) is None]
    assert (len(stream.read()), len(saved)) == (summary["sent"], summary["failed"])
    assert summary["sent"] + summary["failed"] == summary["answer"]["events"] < 200_000
    assert not set(stream.lines) & set(saved)


def test_a_run_that_is_killed_goes_on_with_the_same_lines_and_repeats_at_most_what_was_under_way(
    emulator: LocalStack, wait_until: Callable[[Callable[[], bool], float], None], tmp_path: Path
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    key = tmp_path / "key.gz"
    options = ("--events", "30000", "--rate", "8000", "--duplicates", "0.05", "--corrupt", "0.05")
    resumed = (*options, "--answer-key", str(key), "--resume", str(tmp_path / "place"))
    for kill_at in (5000, 18_000):
        process = start(emulator, tmp_path, *resumed)
        wait_until(lambda kill_at=kill_at: len(set(stream.read())) > kill_at, 60)  # type: ignore[misc]
        process.kill()
        process.communicate()
        with gzip.open(key) as file, pytest.raises(EOFError):
            file.read()
    summary, told = finish(start(emulator, tmp_path, *resumed))
    assert summary["failed"] == 0, told
    with gzip.open(key) as file:
        entries = [json.loads(line) for line in file]
    came = Counter(map(line_digest_text, stream.read()))
    made = Counter(entry["line"] for entry in entries if "line" in entry)
    assert made.keys() == came.keys() and not made - came
    assert (came - made).total() <= 2 * WINDOW_LINES
    assert (
        entries[-1]["lines"]
        == made.total()
        == sum(
            (summary["answer"][name] for name in ("events", "duplicates")), sum(summary["answer"]["corrupt"].values())
        )
    )
    (producer_id,) = (entry["producer_id"] for entry in entries if entry["entry"] == "run")
    stamp = b'"producer_id":"%b"' % producer_id.encode()
    assert sum(stamp in line for line in stream.lines) > 0.9 * len(stream.lines)


def test_several_processes_put_what_one_would_and_keep_each_users_order(emulator: LocalStack, tmp_path: Path) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    process = start(
        emulator, tmp_path, "--events", "6000", "--users", "300", "--end", "2026-11-24T12:00:00Z", "--processes", "2"
    )
    summary, told = finish(process)
    assert process.returncode == 0, told
    assert (summary["sent"], summary["failed"], summary["processes"]) == (6000, 0, 2)
    visitors = Visitors(6000, 300, parse_instant_us("2026-11-24T12:00:00Z"), 6 * HOUR_US)
    came: dict[str, ClickEvent] = {}
    times: dict[str, int] = {}
    for event in (decode(line, LATER_US) for line in stream.read()):
        assert isinstance(event, ClickEvent) and event.event_timestamp_us >= times.get(event.user_id, 0)
        times[event.user_id] = event.event_timestamp_us
        came[event.event_id] = msgspec.structs.replace(event, producer_id=None, producer_seq=None)
    assert len(stream.lines) == len(came)
    assert came == {event.event_id: event for event in simulate(visitors, 1)}


def test_an_interrupt_reaches_every_process_and_each_sends_what_it_holds(
    emulator: LocalStack, tmp_path: Path, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    arguments = ("--events", "5000000", "--rate", "3000", "--processes", "2", "--duplicates", "0.1")
    process = start(emulator, tmp_path, *arguments)
    wait_until(lambda: len(stream.read()) > 1000, 60)
    process.send_signal(signal.SIGINT)
    summary, told = finish(process)
    assert process.returncode == 130, told
    answer = summary["answer"]
    ids = {
        event.event_id for event in (decode(line, LATER_US) for line in stream.read()) if isinstance(event, ClickEvent)
    }
    assert summary["sent"] == len(stream.lines) == answer["events"] + answer["duplicates"] and summary["failed"] == 0
    assert len(ids) == answer["events"]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_second_interrupt_saves_what_is_not_sent_yet(
    emulator: LocalStack, tmp_path: Path, wait_until: Callable[[Callable[[], bool], float], None], processes: str
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    process = start(emulator, tmp_path, "--events", "5000000", "--rate", "3000", "--processes", processes)
    wait_until(lambda: len(stream.read()) > 1000, 60)
    emulator.inject(**{"kinesis.PutRecords": {"error": THROTTLED, "status": 400, "times": 10_000}})
    wait_until(lambda: emulator.struck("kinesis.PutRecords") > 3, 60)
    process.send_signal(signal.SIGINT)
    # The first one is noticed between two lines; then all wait for the stream.
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, told = output_of(process)
    assert process.returncode != 0 and "Traceback" not in told, told
    saved = spooled_lines(tmp_path)
    numbers: dict[str | None, set[int | None]] = {}
    for event in (decode(line, LATER_US) for line in [*stream.read(), *saved]):
        if isinstance(event, ClickEvent):
            numbers.setdefault(event.producer_id, set()).add(event.producer_seq)
    assert saved and len(numbers) == int(processes)
    assert all(found == set(range(len(found))) for found in numbers.values())


def test_a_stream_that_stays_closed_ends_every_process_with_each_event_sent_or_saved(
    emulator: LocalStack, tmp_path: Path
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    emulator.inject(
        **{"kinesis.PutRecords": [{"error": "AccessDeniedException", "status": 400, "after": 4, "times": 1000}]}
    )
    process = start(emulator, tmp_path, "--events", "400000", "--processes", "2")
    summary, told = finish(process)
    assert process.returncode == 1
    assert "AccessDenied" in told and "are saved in" in told
    sent_or_saved = summary["sent"] + summary["failed"]
    assert len(stream.read()) == summary["sent"]
    assert sent_or_saved == summary["answer"]["events"] < 400_000
