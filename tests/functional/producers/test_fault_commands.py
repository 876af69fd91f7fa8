"""`simulate` with a plan of faults: the stream holds what the answer key says, and bad usage is told before a line."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from producers.answer_key import Accepted, Entry, Refused, Run, Total, Unsendable
from producers.faults.key_files import join_keys, key_at
from producers.lines import line_digest_text
from producers.position import BEGAN, PositionFile
from producers.simulating import began_before
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import format_instant_us
from tests.commands import run, summary_of
from tests.streams import lines_in, spooled_lines

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

EVERYTHING = Path(__file__).parents[3] / "bench" / "faults" / "everything.toml"


def read_key(path: Path) -> list[Entry]:
    decoder = msgspec.json.Decoder(Entry)
    with gzip.open(path) as file:
        return [decoder.decode(line) for line in file]


def digests_of(lines: list[bytes]) -> Counter[str]:
    return Counter(map(line_digest_text, lines))


def without_stream_faults(tmp_path: Path) -> Path:
    path = tmp_path / "events.toml"
    path.write_text(EVERYTHING.read_text("utf-8").partition("# The stream itself")[0], "utf-8")
    return path


def test_the_stream_and_the_spool_hold_what_the_key_says(kinesis: KinesisClient, tmp_path: Path) -> None:
    key_path, plan = tmp_path / "key.ndjson.gz", without_stream_faults(tmp_path)
    summary = summary_of("simulate", "--events", "4000", "--faults", str(plan), "--answer-key", str(key_path))
    key = read_key(key_path)
    sent = [entry.line for entry in key if isinstance(entry, Accepted | Refused)]
    kept = [entry.line for entry in key if isinstance(entry, Unsendable)]
    assert digests_of(lines_in(kinesis)) == Counter(sent)
    assert digests_of(spooled_lines(tmp_path / "state")) == Counter(kept)
    assert (summary["sent"], summary["failed"]) == (len(sent), len(kept))
    total, answer = key[-1], summary["answer"]
    assert isinstance(total, Total) and total.lines == len(sent) + len(kept) == len(key) - 2
    assert (answer["events"], answer["duplicates"], answer["conflicts"], answer["corrupt"], answer["unsendable"]) == (
        total.facts,
        total.duplicates,
        total.conflicts,
        total.refused,
        total.unsendable,
    )
    assert isinstance(key[0], Run) and key[0].started.endswith("Z")


def test_a_seed_gives_the_same_faults_in_a_file_and_in_the_stream(environment: None, tmp_path: Path) -> None:
    plan = str(without_stream_faults(tmp_path))
    options = ("simulate", "--events", "3000", "--seed", "4", "--faults", plan, "--out")
    first, again = (summary_of(*options, str(tmp_path / name))["answer"] for name in ("first", "again"))
    # Stretches of time are others when the clock is.
    for answer in (first, again):
        answer["duplicates"] -= answer["faults"].pop("retry_storm", 0)
    assert first == again


def test_a_line_that_was_planned_to_be_kept_is_no_failure(kinesis: KinesisClient, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[unsendable]\nshare = 0.01\n")
    summary = summary_of("simulate", "--events", "1000", "--faults", str(plan))
    assert summary["failed"] == summary["answer"]["unsendable"] > 0


def test_a_run_that_is_finished_sends_nothing_again_and_another_does_not_go_on_from_it(
    kinesis: KinesisClient, tmp_path: Path
) -> None:
    place = ("--resume", str(tmp_path / "place"))
    options = ("simulate", "--events", "2000", "--duplicates", "0.1", "--answer-key")
    first = summary_of(*options, str(tmp_path / "first.gz"), *place)
    lines = lines_in(kinesis)
    again = summary_of(*options, str(tmp_path / "again.gz"), *place)
    assert lines_in(kinesis) == lines and again["sent"] == 0 and again["answer"] == first["answer"]
    assert read_key(tmp_path / "first.gz")[1:] == read_key(tmp_path / "again.gz")[1:]
    other = run(*options, str(tmp_path / "other.gz"), *place, "--seed", "9")
    assert isinstance(other.exception, ConfigError) and other.exception.faults == (
        f"{tmp_path / 'place'} belongs to another run, so give another file: seed was 1, now it is 9",
    )
    finished = run(*options, str(tmp_path / "again.gz"), *place)
    assert f"the run of {tmp_path / 'place'} had come to its end" in finished.stderr
    more = run(*options, str(tmp_path / "other.gz"), *place, "--processes", "2")
    assert isinstance(more.exception, ConfigError) and "processes was 1, now it is 2" in str(more.exception)
    assert lines_in(kinesis) == lines


def test_a_run_of_several_processes_began_when_any_of_them_says(tmp_path: Path) -> None:
    place, began_us = tmp_path / "place", 1_795_000_000_000_000
    assert began_before(place, 2) is None
    # A kill came before the first process had a file.
    PositionFile(tmp_path / "place.2-of-2", {BEGAN: format_instant_us(began_us)}, lambda: "p").close()
    assert began_before(place, 2) == began_us


def test_a_run_goes_on_with_as_many_processes_as_it_began_with(kinesis: KinesisClient, tmp_path: Path) -> None:
    options = ("simulate", "--events", "500", "--resume", str(tmp_path / "place"))
    summary_of(*options)
    other = run(*options, "--processes", "2")
    assert isinstance(other.exception, ConfigError) and "processes was 1, now it is 2" in str(other.exception)
    (tmp_path / "place").rename(tmp_path / "place.2-of-3")
    assert isinstance(run(*options).exception, ConfigError)
    assert len(lines_in(kinesis)) == 500


@pytest.mark.parametrize(
    ("plan", "options", "told"),
    [
        ("", ["--end", "2100-01-01T00:00:00Z"], "2100-01-01T00:00:00.000000Z, more than 23 hours ahead"),
        ("[late]\nshare = 1\nmost = '9999d'\n", [], "events before the year 2000"),
        ("[clock_behind]\nshare = 1\n", ["--end", "2000-01-01T07:00:00Z"], "events before the year 2000"),
        ("[clock_absurd]\nshare = 1\n", ["--end", "2004-01-01T00:00:00Z"], "clock_absurd"),
    ],
)
def test_a_key_is_not_written_for_times_of_which_it_would_say_something_wrong(
    kinesis: KinesisClient, tmp_path: Path, plan: str, options: list[str], told: str
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(plan)
    result = run(
        "simulate", "--events", "10", "--faults", str(path), "--answer-key", str(tmp_path / "key.gz"), *options
    )
    assert isinstance(result.exception, ConfigError) and told in str(result.exception)
    assert lines_in(kinesis) == [] and not (tmp_path / "key.gz").exists()


@pytest.mark.parametrize(
    ("plan", "options", "told"),
    [
        ("[[throttle]]\nat = 0.5\n", [], "AWS_ENDPOINT_URL names none"),
        ("[[split]]\nat = 0.5\n", ["--out", "events.ndjson"], "--out has no stream"),
        ("[duplicate]\nshare = 3\n[what]\n", [], "there is no fault 'what'"),
        ("", ["--late", "0.1"], "--faults and --late"),
        ("", ["--answer-key", "/none/key.gz"], "cannot write /none/key.gz"),
        ("", ["--answer-key", "/none/key.gz", "--processes", "2"], "cannot write /none/key.gz"),
        ("", ["--out", "events.ndjson", "--resume", "place"], "written from its start"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_sent(
    kinesis: KinesisClient, tmp_path: Path, plan: str, options: list[str], told: str
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(plan)
    result = run("simulate", "--events", "10", "--faults", str(path), *options)
    assert isinstance(result.exception, ConfigError) and told in str(result.exception)
    assert lines_in(kinesis) == [] and not (tmp_path / "events.ndjson").exists()


def test_calls_do_not_fail_on_request_where_the_endpoint_is_something_else(
    kinesis: KinesisClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import http.server
    import threading

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        path = tmp_path / "plan.toml"
        path.write_text("[[partial_failure]]\nat = 0.5\n")
        result = run("simulate", "--events", "10", "--faults", str(path))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert isinstance(result.exception, ConfigError) and "need the local stack" in str(result.exception)


@pytest.mark.parametrize("events", ["10", "20000"])
def test_a_key_that_cannot_be_written_ends_the_run(kinesis: KinesisClient, events: str) -> None:
    result = run("simulate", "--events", events, "--answer-key", "/dev/full")
    assert isinstance(result.exception, WorkFailedError) and "answer key" in str(result.exception)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_key_of_a_run_before_stays_where_none_begins(environment: None, tmp_path: Path, processes: str) -> None:
    key = tmp_path / "key.gz"
    key.write_bytes(b"of a run before")
    options = ("--processes", processes, "--answer-key", str(key), "--out", "/none/events.ndjson")
    assert isinstance(run("simulate", "--events", "10", *options).exception, ConfigError)
    assert key.read_bytes() == b"of a run before"


def test_parts_are_joined_and_taken_away(tmp_path: Path) -> None:
    from producers.faults.alert_duty import alert_duty_of

    parts = [tmp_path / f"key.{number}" for number in range(3)]
    for part in parts:
        with key_at(part, 0, alert_duty_of("purchase", "24h", 0, 0), "simulate", producer_id=part.name) as key:
            key.unsendable(part.name.encode(), "unsendable")
    join_keys(parts, tmp_path / "key")
    entries = read_key(tmp_path / "key")
    assert [type(entry) for entry in entries] == [Run, Unsendable, Total] * 3
    assert not any(part.exists() for part in parts)
    join_keys(parts, tmp_path / "key")
    assert read_key(tmp_path / "key") == entries
    with pytest.raises(WorkFailedError, match="cannot be joined"):
        join_keys([tmp_path / "key"], tmp_path / "none" / "key")
