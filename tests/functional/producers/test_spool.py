"""What could not be sent, on disk: found by whoever starts next, by one of them, and gone when it is settled."""

from __future__ import annotations

import fcntl
import resource
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import pytest

from producers.batching import MAX_RECORD_BYTES, Record
from producers.spool import Spool, destination_of, left_files, read_spool

HERE = "local/clickstream"
RECORDS = [Record("ana", b"\x00one", 1), Record("ben", b"two", 7, "12"), Record("producer", b"attestation", 0)]


def left(folder: Path, destination: str = HERE) -> dict[str, list[Record]]:
    """Return what each file that is left holds for a destination."""
    return {found.path.name: list(found.records()) for found in left_files(folder, destination)}


def settled(folder: Path, unsent: Sequence[tuple[Record, str]] = ()) -> None:
    for found in left_files(folder, HERE):
        found.replace(unsent)


def saved(path: Path, *records: Record, destination: str = HERE) -> Spool:
    spool = Spool(path, destination)
    spool.save([(record, "no") for record in records])
    return spool


def test_what_is_saved_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "spool" / "a.ndjson"
    saved(path, *RECORDS).close()
    assert left(path.parent) == {"a.ndjson": RECORDS}
    assert [(s.reason, s.lines) for s in read_spool(path)] == [("no", 1), ("no", 7), ("no", 0)]


def test_what_is_cut_by_a_full_disk_is_not_in_the_file_and_spoils_nothing_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    spool = saved(path, RECORDS[0])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            spool.save([(RECORDS[1], "no")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    spool.save([(RECORDS[2], "no")])
    spool.close()
    assert left(tmp_path) == {"a.ndjson": [RECORDS[0], RECORDS[2]]}


def test_a_file_of_a_living_process_is_left_to_it(tmp_path: Path) -> None:
    spool = saved(tmp_path / "a.ndjson", *RECORDS)
    assert left(tmp_path) == {}
    spool.close()
    assert left(tmp_path) == {"a.ndjson": RECORDS}


def test_of_two_that_start_at_once_one_has_a_file(tmp_path: Path) -> None:
    saved(tmp_path / "a.ndjson", RECORDS[0]).close()
    saved(tmp_path / "b.ndjson", RECORDS[1]).close()
    first = left_files(tmp_path, HERE)
    assert next(first).path.name == "a.ndjson"
    assert left(tmp_path) == {"b.ndjson": [RECORDS[1]]}
    assert [found.path.name for found in first] == ["b.ndjson"]


def test_a_file_goes_when_all_of_it_is_settled(tmp_path: Path) -> None:
    saved(tmp_path / "a.ndjson", *RECORDS).close()
    settled(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_sent_again_takes_the_place_of_the_rest(tmp_path: Path) -> None:
    saved(tmp_path / "a.ndjson", *RECORDS).close()
    settled(tmp_path, [(RECORDS[1], "again no")])
    assert [(s.record(), s.reason) for s in read_spool(tmp_path / "a.ndjson")] == [(RECORDS[1], "again no")]
    assert len(list(tmp_path.iterdir())) == 1


def test_what_no_stream_takes_and_what_was_cut_stays_and_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    large = Record("ana", b"x" * MAX_RECORD_BYTES, 1)
    saved(path, large, RECORDS[0]).close()
    kept, sendable = path.read_bytes().splitlines(keepends=True)
    cut = sendable[:40]
    path.write_bytes(kept + sendable + cut)
    for found in left_files(tmp_path, HERE):
        assert list(found.records()) == [RECORDS[0]]
        assert found.unsendable == 2
        found.replace([])
    assert path.read_bytes() == kept + cut


def test_what_is_for_another_stream_stays_for_it(tmp_path: Path) -> None:
    saved(tmp_path / "a.ndjson", *RECORDS, destination="local/other").close()
    for found in left_files(tmp_path, HERE):
        assert list(found.records()) == [] and found.unsendable == 0
        found.replace([])
    assert left(tmp_path, "local/other") == {"a.ndjson": RECORDS}


def test_a_writer_whose_file_was_taken_away_before_it_had_the_lock_begins_another(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    # Held as by a process that looks at what is left; it finds the file empty of what it could send, and removes it.
    path.write_bytes(b"")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        spool = Spool(path, HERE)
        writer = Thread(target=spool.save, args=([(RECORDS[1], "no")],))
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        path.unlink()
    writer.join(10)
    assert left(tmp_path) == {}
    assert [spooled.record() for spooled in read_spool(path)] == [RECORDS[1]]
    spool.close()


@pytest.mark.parametrize(
    ("endpoint", "destination"),
    [
        ("https://kinesis.eu-central-1.amazonaws.com", "kinesis.eu-central-1.amazonaws.com/clickstream"),
        ("http://127.0.0.1:4566", HERE),
        ("http://localhost:5000/", HERE),
    ],
)
def test_streams_of_regions_are_told_apart_and_ports_of_a_local_stack_are_not(endpoint: str, destination: str) -> None:
    assert destination_of(endpoint, "clickstream") == destination
