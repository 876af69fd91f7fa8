"""The compaction under what S3, Glue, the disk and the writers of raw objects do to it: no line lost, none twice."""

from __future__ import annotations

import gzip
import io
import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from batch_compaction import run as run_module
from batch_compaction.body import Unread, UnreadObjectError
from batch_compaction.find import find_all
from batch_compaction.lake_tables import parquet_bytes
from batch_compaction.raw import RawObject
from batch_compaction.reading import read_blocks
from batch_compaction.run import MAX_PLANS, Run, compact
from bench.compaction_place import Episode, Place, RawFile
from bench.compaction_runs import key_of, pool_of
from schemas.blocks import Block
from schemas.codec import encode
from schemas.errors import ClickstreamError, WorkFailedError
from schemas.instants import DAY_US, HOUR_US
from schemas.tables import FACT_CLICKS
from tests.attestations import attestation_line
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake, event
from tests.integration.batch_compaction.test_compaction import STEPS

EVENTS = [event(f"e{number}", minute=number % 60, user_id=f"u{number % 7}") for number in range(100)]
ROOT = Path(__file__).parents[3]
# What the command line tells in one line.
FAILURES = (ClickstreamError, BotoCoreError, ClientError, OSError)


def assert_whole(lake: TestLake, ids: Iterable[str], quarantined: int = 0) -> None:
    """Hold the tables against the ids that they should have, after one more run that finds nothing to do."""
    assert lake.compact().committed == []
    assert sorted(row["click_id"] for row in lake.rows("fact_clicks")) == sorted(ids)
    assert len(lake.rows("quarantine")) == quarantined
    assert sum(row["events"] for row in lake.rows("dim_users")) == len(set(ids))


def command(
    lake: TestLake, preexec_fn: Callable[[], object] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `clickstream compact` as a user does."""
    return subprocess.run(
        [sys.executable, "clickstream.py", "compact", "--reconcile", "--all"],
        env=lake.environment | lake.settings.as_environment() | {"COLUMNS": "1000"} | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        preexec_fn=preexec_fn,
    )


def test_the_steps_that_a_run_is_killed_at_are_all_that_it_tells(tmp_path: Path) -> None:
    place, told = Place(tmp_path), list[str]()
    lines = (*map(encode, EVENTS[:3]), encode(event("e1", user_id="other")), b"{broken", attestation_line())
    place.put(RawFile(key_of(0), lines))
    place.live(Episode(), told.append)
    assert [step for step in told if not step.startswith(tuple(STEPS))] == []
    assert [step for step in STEPS if not any(one.startswith(step) for one in told)] == []


def test_another_run_may_come_first_at_any_step(tmp_path: Path) -> None:
    """Each table's commit fails once for it: the end is that of one run."""
    pool = pool_of(Random(5))
    old, new = RawFile(key_of(0), tuple(pool)), RawFile(key_of(1), tuple(pool[::2]))
    once = Place(tmp_path / "once")
    for file in (old, new):
        once.put(file)
    once.live(Episode())
    told: list[str] = []
    first = next(number for number, step in enumerate(STEPS, 1) if step.startswith("publish"))
    for step in range(first, len(STEPS) + 1):
        life = Place(tmp_path / str(step))
        life.put(old, source=once)
        life.live(Episode())
        life.put(new, source=once)
        report = life.live(Episode(overtaken_at=step), told.append)
        assert report is not None and life.lived.count("overtaken") == 1
        assert life.data_files() == once.data_files()
        assert life.live(Episode()).committed == []  # type: ignore[union-attr]
    assert told.count("another run committed first: planning again") == len(STEPS) - first + 1


@pytest.mark.parametrize("torn", [1, MAX_PLANS - 1, MAX_PLANS])
def test_objects_that_change_while_they_are_read_wait_for_the_next_run(
    torn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [RawFile(key_of(number), tuple(pool_of(Random(number)))) for number in range(MAX_PLANS + 1)]
    once, place = Place(tmp_path / "once"), Place(tmp_path / "torn")
    for file in files:
        once.put(file)
        place.put(file, source=once)
    once.live(Episode())
    changing = {file.key for file in files[:torn]}

    def torn_blocks(s3: Any, raw: RawObject) -> Iterator[Block]:
        for block in read_blocks(s3, raw):
            yield block
            if raw.key in changing:
                raise UnreadObjectError(raw, Unread.CHANGED, "it is changed")

    with monkeypatch.context() as patched:
        patched.setattr(run_module, "read_blocks", torn_blocks)
        if torn == MAX_PLANS:
            with pytest.raises(WorkFailedError, match=r"objects changed while they were read: .*o4\.json"):
                place.live(Episode())
            assert place.data_files() == {}
        else:
            report = place.live(Episode())
            assert report is not None and report.unread.keys() == changing
            assert report.objects == len(files) - torn
    place.live(Episode())
    assert place.data_files() == once.data_files()


@pytest.mark.parametrize(
    "fault",
    [
        {"s3.GetObject": {"error": "InternalError", "status": 500, "times": 4}},
        {"s3.GetObject": {"delay_s": 2, "times": 2}},
        {"s3.PutObject": {"error": "InternalError", "status": 500, "times": 2}},
        {"s3.CreateMultipartUpload": {"error": "InternalError", "status": 500, "times": 2}},
        {"glue.UpdateTable": {"error": "InternalServiceException", "status": 500, "applied": True, "times": 3}},
    ],
    ids=json.dumps,
)
def test_a_service_that_fails_for_a_while_loses_and_doubles_nothing(
    lake: TestLake, emulator: Any, fault: dict[str, Any]
) -> None:
    lake.put("a", [*EVENTS[:50], b"{broken"])
    lake.compact()
    lake.put("b", [*EVENTS[40:], b"{broken"])
    emulator.inject(**fault)
    try:
        with suppress(*FAILURES):
            lake.compact()
    finally:
        emulator.clear_faults()
    lake.compact()
    assert_whole(lake, [each.event_id for each in EVENTS], quarantined=2)


@pytest.mark.parametrize("operation", ["s3.GetObject", "glue.UpdateTable"])
def test_a_service_that_goes_on_failing_is_told_in_one_line(lake: TestLake, emulator: Any, operation: str) -> None:
    lake.put("a", EVENTS)
    lake.compact()
    lake.put("b", [event("late")])
    emulator.inject(**{operation: {"error": "InternalFailure", "status": 500, "times": 10_000}})
    try:
        done = command(lake, AWS_MAX_ATTEMPTS="3")
        assert emulator.struck(operation) == 3
    finally:
        emulator.clear_faults()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "failed: " in done.stderr and operation.partition(".")[2] in done.stderr
    lake.compact()
    assert_whole(lake, [*(each.event_id for each in EVENTS), "late"])


class Torn(io.RawIOBase):
    """Gives the beginning of a body, then something happens, and then no more comes."""

    def __init__(self, body: Any, length: int, happens: Callable[[], object]) -> None:
        self._left, self._body, self._happens = length, body, happens

    def read(self, amount: int = -1) -> bytes:
        if not self._left:
            self._happens()
            raise ReadTimeoutError(endpoint_url="s3")
        found: bytes = self._body.read(min(amount, self._left))
        self._left -= len(found)
        return found


def compact_torn(lake: TestLake, length: int, happens: Callable[[], object]) -> Any:
    """Compact while the first object that is read breaks off once."""
    s3: Any = boto3.client("s3")
    whole = s3.get_object
    torn: list[str] = []

    def get_object(**request: Any) -> Any:
        answer = whole(**request)
        if not torn:
            torn.append(request["Key"])
            answer["Body"] = Torn(answer["Body"], length, happens)
        return answer

    s3.get_object = get_object
    find = partial(find_all, s3, lake.settings.raw_bucket)
    report = compact(Run(s3, find, lake.lake, ALL_CLOSED, "torn", lambda _: None))
    assert torn
    return report


MANY = [event(f"m{number}", minute=number % 60, page_url=f"/{number:0900d}") for number in range(6_000)]


def test_a_read_that_breaks_off_goes_on_where_it_stopped(lake: TestLake) -> None:
    lake.put_body("a.json", b"".join(encode(each) + b"\n" for each in MANY))
    compact_torn(lake, 5_000_000, lambda: None)
    assert_whole(lake, [each.event_id for each in MANY])


@pytest.mark.parametrize("vanishes", [True, False], ids=["vanishes", "changes"])
def test_an_object_that_is_another_one_in_the_middle_of_the_reading_is_not_mixed(
    lake: TestLake, vanishes: bool
) -> None:
    lake.put("z", EVENTS)
    key = lake.put_body("a.json", b"".join(encode(each) + b"\n" for each in MANY))

    def happens() -> None:
        if vanishes:
            lake.s3.delete_object(Bucket=lake.settings.raw_bucket, Key=key)
        else:
            lake.put_body("a.json", encode(event("instead")))

    report = compact_torn(lake, 5_000_000, happens)
    assert list(report.unread) == [key]
    assert {row["click_id"] for row in lake.rows("fact_clicks")} == {each.event_id for each in EVENTS}
    lake.compact()
    assert_whole(lake, [*(each.event_id for each in EVENTS), *([] if vanishes else ["instead"])])


@pytest.mark.parametrize("vanishes", [True, False], ids=["vanishes", "changes"])
def test_an_object_that_is_another_one_after_the_listing_is_left_to_the_next_run(
    lake: TestLake, vanishes: bool
) -> None:
    lake.put("b", EVENTS)
    key = lake.put("a", [event("first")])

    def between(step: str) -> None:
        if step == f"read {key}":
            if vanishes:
                lake.s3.delete_object(Bucket=lake.settings.raw_bucket, Key=key)
            else:
                lake.put("a", [event("second")])

    assert list(lake.compact(on_step=between).unread) == [key]
    lake.compact()
    assert_whole(lake, [*(each.event_id for each in EVENTS), *([] if vanishes else ["second"])])


def padded(line: bytes, length: int) -> bytes:
    return line[:-1] + b" " * (length - len(line)) + b"}"


BAD_LINES = {
    b'{"event_id": "surrogate", "user_id": "\\ud800", "session_id": "s"}': "not_json",
    b'{"event_id": "nul", "user_id": "\0", "session_id": "s"}': "not_json",
    b"\0\0\0": "not_json",
    encode(event("ahead", hour_us=HOUR + 2 * DAY_US)): "absurd_timestamp",
    padded(encode(event("long")), 20_000_000): "too_large",
}
GOOD_LINES: dict[bytes, dict[str, Any]] = {
    b'{"event_id": "twice", "user_id": "a", "user_id": "b", "session_id": "s", "event_type": "click",'
    b' "event_timestamp": "2026-11-24T10:00:00Z"}': {"user_id": "b"},
    b'{"event_id": "nested", "user_id": "a", "session_id": "s", "event_type": "click", "metadata":'
    b' {"cart": {"items": [1, {"id": null}]}, "n": 1.50}, "event_timestamp": "2026-11-24T10:00:00Z"}': {
        "metadata": [("cart", '{"items": [1, {"id": null}]}'), ("n", "1.50")]
    },
    b'{"event_id": "pair", "user_id": "\\ud83d\\ude00", "session_id": "\\u0000", "event_type": "click",'
    b' "event_timestamp": "2026-11-24T10:00:00Z"}': {"user_id": "\U0001f600", "session_id": "\0"},
}


def test_odd_lines_are_each_in_one_place(lake: TestLake) -> None:
    lake.put("odd", [*BAD_LINES, *GOOD_LINES, EVENTS[0]])
    report = lake.compact()
    assert report.lines == len(BAD_LINES) + len(GOOD_LINES) + 1 == report.accepted + sum(report.quarantined.values())
    assert report.quarantined == dict(Counter(BAD_LINES.values()))
    for row in lake.rows("quarantine"):
        [line] = [line for line in BAD_LINES if line.startswith(row["raw_bytes"])]
        assert row["reason"] == BAD_LINES[line]
    facts = {row["click_id"]: row for row in lake.rows("fact_clicks")}
    for line, expected in GOOD_LINES.items():
        found = facts[json.loads(line)["event_id"]]
        assert {name: found[name] for name in expected} == expected
    assert_whole(lake, facts, quarantined=len(BAD_LINES))


def test_an_hour_without_a_good_line_and_objects_of_nothing_are_done_with(lake: TestLake) -> None:
    lake.put("bad", [b"{broken", b"[]", b""])
    lake.put_body("empty.json", b"")
    lake.put_body("empty.json.gz", gzip.compress(b""))
    report = lake.compact()
    assert report.committed == ["quarantine", "raw_objects"] or "raw_objects" in report.committed
    assert (report.objects, report.lines, report.blank, report.unread) == (3, 3, 1, {})
    assert_whole(lake, [], quarantined=2)


def test_a_poisoned_gzip_is_quarantined_from_the_damage_on(lake: TestLake) -> None:
    lines = b"".join(encode(each) + b"\n" for each in MANY[:1000])
    body = bytearray(gzip.compress(lines, mtime=0))
    body[len(body) // 2 : len(body) // 2 + 64] = bytes(64)
    lake.put_body("a.json.gz", bytes(body))
    lake.put("b", EVENTS)
    report = lake.compact()
    assert report.quarantined.get("damaged_object") == 1
    kept = {row["click_id"] for row in lake.rows("fact_clicks")}
    assert {each.event_id for each in EVENTS} < kept
    # What lies before the damage is whole; nothing is made up.
    assert {each.event_id for each in MANY[:100]} < kept <= {each.event_id for each in [*EVENTS, *MANY[:1000]]}
    assert lake.compact().committed == []


def test_a_partition_of_several_files_is_one_file_after_its_repair(lake: TestLake) -> None:
    """As an engine leaves it that appends."""
    lake.put("a", EVENTS)
    lake.compact()
    foreign = event("foreign", minute=59)
    table = lake.lake.open(FACT_CLICKS)
    row = lake.lake.open(FACT_CLICKS).rows().slice(0, 1).to_pylist()[0]
    row |= {"click_id": "foreign", "user_id": foreign.user_id, "source_object": "elsewhere"}
    [partition] = table.partitions
    path = f"{table.iceberg.location()}/year=2026/month=11/day=24/hour=10/foreign.parquet"
    with table.iceberg.io.new_output(path).create() as stream:
        stream.write(
            parquet_bytes(FACT_CLICKS.schema.empty_table().from_pylist([row], FACT_CLICKS.schema), table.file_schema)
        )
    table.iceberg.add_files([path])
    assert len(lake.lake.open(FACT_CLICKS).paths([partition])) == 2
    lake.put("b", [event("late")])
    lake.compact()
    assert len(lake.lake.open(FACT_CLICKS).paths([partition])) == 1
    assert_whole(lake, [*(each.event_id for each in EVENTS), "foreign", "late"])


def test_a_full_disk_is_told_as_such_and_nothing_is_published(lake: TestLake, tmp_path: Path) -> None:
    assert command(lake).returncode == 0  # so that what compiles on first use is compiled
    random = Random(3)
    lines = [event(f"{random.getrandbits(256):x}", minute=number % 60) for number in range(20_000)]
    lake.put("a", lines)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (256 * 1024, 256 * 1024))
    before = lake.contents()
    done = command(lake, preexec_fn=limit)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "no room" in done.stderr and "TMPDIR" in done.stderr
    assert lake.contents() == before
    lake.compact()
    assert_whole(lake, [each.event_id for each in lines])


def test_hours_far_apart_are_all_published(lake: TestLake) -> None:
    """Late lines of many hours in one object."""
    events = [event(f"e{number}", hour_us=HOUR - number * 7 * HOUR_US) for number in range(12)]
    lake.put("a", events)
    lake.compact()
    assert_whole(lake, [each.event_id for each in events])
