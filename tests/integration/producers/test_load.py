"""A load of real processes against the emulated stream: held, throttled, cut off, and interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from producers.load.assessment import Report
from producers.load.profiles import profile_of
from schemas.attestation import read_attestation
from schemas.codec import decode
from schemas.event import Rejection
from schemas.instants import format_instant_us
from schemas.receipt import Receipt, encode_receipt, receipt_object
from tests.commands import finish, output_of, start
from tests.streams import Arrivals, spooled_lines

if TYPE_CHECKING:
    from tests.conftest import LocalStack

LATER_US = 4_000_000_000_000_000
THROTTLED = "ProvisionedThroughputExceededException"
Load = Callable[..., "Running"]


class Running:
    """A `clickstream load`, and what it says at its end."""

    def __init__(self, emulator: LocalStack, folder: Path, arguments: tuple[str, ...]) -> None:
        self.folder = folder
        here = {"CLICKSTREAM_STATE_DIR": str(folder / "state")}
        options = ("--json", "--report", str(folder / "report.json"), *arguments)
        self.process = start(emulator.environment | here, "load", *options)

    def finish(self) -> tuple[Report, str]:
        """Return the report and what was told."""
        summary, err = finish(self.process)
        assert "Traceback" not in err and "Fatal" not in err, err
        assert summary["files"] == [str(self.folder / f"report.{kind}") for kind in ("json", "html")]
        report = msgspec.json.decode((self.folder / "report.json").read_bytes(), type=Report)
        assert summary["totals"] == msgspec.to_builtins(report.totals)
        page = (self.folder / "report.html").read_text(encoding="utf-8")
        ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))  # noqa: S314 (ours)
        return report, err


@pytest.fixture
def load(emulator: LocalStack, tmp_path: Path) -> Iterator[Load]:
    emulator.clear_faults()
    started: list[Running] = []

    def start(*arguments: str) -> Running:
        started.append(Running(emulator, tmp_path, arguments))
        return started[-1]

    yield start
    emulator.clear_faults()
    for running in started:
        running.process.kill()


def test_every_event_of_the_schedule_is_put_by_all_processes_at_its_time(load: Load, emulator: LocalStack) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    before_us = time.time_ns() // 1000
    # On a machine that is busy with other work events may be late, which is not what this is about.
    running = load("--profile", "ramp", "--rate", "1500", "--minutes", "0.1", "--processes", "2", "--tolerate", "1")
    report, told = running.finish()
    assert running.process.returncode == 0, told
    profile = profile_of("ramp", 1500, 6)
    totals = report.totals
    assert totals.scheduled == totals.put == totals.sent == profile.total == 4500
    assert (totals.failed, totals.unsettled, report.is_complete) == (0, 0, True)
    scheduled = report.series["scheduled"]
    assert scheduled[:6] == [profile.due_by(at_s + 1) - profile.due_by(at_s) for at_s in range(6)]
    assert sum(sent or 0 for sent in report.series["sent"]) == report.latency.count == 4500
    assert report.latency.p50_ms is not None and report.latency.p50_ms > 0 and report.service.count == totals.calls
    assert all(known.most_bytes > 1 << 20 for known in report.memory) and len(report.memory) == 2
    assert report.cost.usd > 0

    found = [decode(line, LATER_US) for line in stream.read()]
    attestations = stream.attestations
    assert {(attested.count, attested.is_last) for attested in attestations} == {(2250, True)}
    happened = [event for event in found if not isinstance(event, Rejection)]
    assert len(happened) == len({event.event_id for event in happened}) == 4500
    assert Counter(event.producer_id for event in happened) == {attested.producer_id: 2250 for attested in attestations}
    # Each event happened when it was due.
    start_us = min(event.event_timestamp_us for event in happened)
    assert before_us < start_us
    due_us = sorted(event.event_timestamp_us - start_us for event in happened)
    assert due_us == [pytest.approx(int(due_s * 1e6), abs=1) for due_s in profile.share(0, 1)]


def test_throttles_and_retries_are_in_the_report(load: Load, emulator: LocalStack) -> None:
    emulator.inject(
        **{
            "kinesis.PutRecords": [
                {"ratio": 0.5, "record_error": THROTTLED, "times": 4},
                {"error": THROTTLED, "times": 1, "status": 400},
                {"error": "InternalFailure", "times": 2},
            ]
        }
    )
    running = load("--rate", "800", "--minutes", "0.1", "--processes", "2", "--tolerate", "1")
    report, told = running.finish()
    assert running.process.returncode == 0, told
    totals = report.totals
    assert totals.sent == totals.scheduled == 4800 and totals.failed == 0
    assert totals.throttled > 1 and totals.retried >= totals.throttled + 2
    assert totals.failed_calls == 3
    for name in ("throttled", "retried", "failed_calls"):
        assert sum(count or 0 for count in report.series[name]) == getattr(totals, name)


def test_a_stream_that_takes_nothing_any_more_fails_the_load_and_all_is_saved(load: Load, emulator: LocalStack) -> None:
    emulator.inject(
        **{"kinesis.PutRecords": {"error": "AccessDeniedException", "status": 400, "after": 6, "times": 10_000}}
    )
    running = load("--rate", "500", "--minutes", "1", "--processes", "2")
    report, told = running.finish()
    assert running.process.returncode == 1
    assert "AccessDenied" in told and "saved in" in told
    totals = report.totals
    assert not report.verdict.is_held and not report.is_complete
    assert totals.failed > 0 and totals.put == totals.sent + totals.failed
    assert any("AccessDenied" in reason for reason in report.verdict.reasons)
    assert list((running.folder / "state" / "spool").glob("*.ndjson"))


def test_a_load_whose_only_process_fails_did_not_come_to_its_end_and_counts_what_that_held(
    load: Load, emulator: LocalStack
) -> None:
    emulator.inject(
        **{
            "kinesis.PutRecords": [
                {"delay_s": 2.0, "after": 6},
                {"error": "AccessDeniedException", "status": 400, "times": 10_000},
            ]
        }
    )
    report, _ = load("--rate", "500", "--minutes", "1").finish()
    totals = report.totals
    assert totals.failed > 0 and totals.put == totals.sent + totals.failed
    assert not report.is_complete and totals.seconds < 60


def test_an_interrupt_ends_it_with_a_report_of_what_was_done(
    load: Load, emulator: LocalStack, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    running = load("--rate", "500", "--minutes", "10", "--processes", "2", "--tolerate", "1")
    wait_until(lambda: len(stream.read()) > 500, 60)
    running.process.send_signal(signal.SIGINT)
    report, told = running.finish()
    assert running.process.returncode == 130, told
    totals = report.totals
    assert not report.is_complete and totals.failed == 0
    assert len(stream.read()) == totals.put == totals.sent < 300_000
    assert totals.seconds < 600 and "was stopped after" in (running.folder / "report.html").read_text()


def test_a_second_interrupt_saves_what_was_not_sent(
    load: Load, emulator: LocalStack, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    running = load("--rate", "500", "--minutes", "10", "--processes", "2", "--tolerate", "1")
    wait_until(lambda: len(stream.read()) > 200, 60)
    emulator.inject(**{"kinesis.PutRecords": {"error": THROTTLED, "status": 400, "times": 10_000}})
    wait_until(lambda: emulator.struck("kinesis.PutRecords") > 3, 60)
    running.process.send_signal(signal.SIGINT)
    # The first one is noticed when the processes are told; they then wait for the stream.
    time.sleep(2)
    running.process.send_signal(signal.SIGINT)
    output_of(running.process)
    saved = spooled_lines(running.folder / "state")
    numbers: dict[str | None, set[int | None]] = {}
    for line in [*stream.read(), *saved]:
        if read_attestation(line) is None:
            event = decode(line, LATER_US)
            assert not isinstance(event, Rejection)
            numbers.setdefault(event.producer_id, set()).add(event.producer_seq)
    assert saved and len(numbers) == 2
    assert all(found == set(range(len(found))) for found in numbers.values())


def test_a_process_that_is_killed_is_told(
    load: Load, emulator: LocalStack, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    stream = Arrivals(emulator.client("kinesis"))
    running = load("--rate", "500", "--minutes", "10", "--processes", "2", "--tolerate", "1")
    wait_until(lambda: len(stream.read()) > 500, 60)
    children = subprocess.run(
        ["pgrep", "-P", str(running.process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(children[0]), signal.SIGKILL)
    report, told = running.finish()
    assert running.process.returncode == 1
    assert "ended with code -9" in told and any("ended with code -9" in reason for reason in report.verdict.reasons)


def test_alerts_and_the_alert_job_are_seen_while_it_runs(load: Load, emulator: LocalStack) -> None:
    running = load("--rate", "200", "--minutes", "0.15", "--tolerate", "1")
    s3, bucket = emulator.client("s3"), emulator.environment["CLICKSTREAM_CURATED_BUCKET"]
    alerts = running.folder / "state" / "alerts"
    alerts.mkdir(parents=True)
    put = 0
    while running.process.poll() is None:
        now_us = time.time_ns() // 1000
        record = {"state": "running", "pid": os.getpid(), "updated_us": now_us, "behind_ms": 1234}
        (alerts / "next.json").write_text(json.dumps(record))
        (alerts / "next.json").replace(alerts / "status.json")
        for happened_us in (now_us, now_us - 3_600_000_000):
            key, body = receipt_object([encode_receipt(receipt_at(happened_us, now_us))])
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        put += 1
        time.sleep(0.3)
    report, told = running.finish()
    assert running.process.returncode == 0, told
    assert 1234 in report.series["behind_ms"]
    # Those whose event happened before the load are not of it.
    assert 0 < report.totals.alerts <= put
    assert report.alert_latency.p50_ms == pytest.approx(250, rel=1 / 64)
    assert not report.notes


def receipt_at(happened_us: int, published_us: int) -> Receipt:
    return Receipt(
        event_id=str(happened_us),
        event_type="purchase",
        user_id="u",
        session_id="s",
        event_timestamp=format_instant_us(happened_us),
        arrival_timestamp=format_instant_us(published_us - 250_000),
        message_id="m",
        published_timestamp=format_instant_us(published_us),
        latency_ms=250.0,
    )


def test_receipts_that_cannot_be_read_are_told_and_end_nothing(load: Load, emulator: LocalStack) -> None:
    emulator.inject(**{"s3.ListObjectsV2": {"error": "AccessDenied", "status": 403, "times": 1000}})
    running = load("--rate", "100", "--minutes", "0.05", "--tolerate", "1")
    report, told = running.finish()
    assert running.process.returncode == 0, told
    assert report.totals.sent == 300 and "receipts could not be read" in report.notes[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--profile", "wave"], "--profile is 'wave'"),
        (["--rate", "0"], "--rate is 0"),
        (["--prices", "missing.toml"], "--prices cannot be read"),
        (["--report", "/dev/null/report.html"], "cannot write /dev/null/report.html"),
        (["--answer-key", "/none/key.gz", "--processes", "2"], "cannot write /none/key.gz"),
    ],
)
def test_a_load_that_cannot_be_is_refused_before_anything_starts(load: Load, arguments: list[str], told: str) -> None:
    running = load(*arguments)
    _, err = output_of(running.process)
    assert running.process.returncode == 2 and told in err


def test_a_stream_that_is_not_there_is_bad_usage(
    load: Load, monkeypatch: pytest.MonkeyPatch, emulator: LocalStack
) -> None:
    monkeypatch.setitem(emulator.environment, "CLICKSTREAM_STREAM", "nowhere")
    running = load("--minutes", "0.1")
    _, err = output_of(running.process)
    assert running.process.returncode == 2 and "there is no stream 'nowhere'" in err
