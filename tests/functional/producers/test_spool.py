"""What could not be sent, on disk: found by whoever starts next, by one of them, and gone when it is settled."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.batching import MAX_RECORD_BYTES, Record
from producers.spool import LeftFile, Spool, destination_of, left_files, read_spool

HERE = "local/clickstream"
RECORDS = [Record("ana", b"\x00one", 1), Record("ben", b"two", 7, "12"), Record("producer", b"attestation", 0)]


def left(folder: Path, destination: str = HERE) -> list[LeftFile]:
    return list(left_files(folder, destination))


def saved(path: Path, *records: Record, destination: str = HERE) -> Spool:
    spool = Spool(path, destination)
    spool.save([(record, "no") for record in records])
    return spool


def test_what_is_saved_is_read_as_it_was(tmp_path: Path) -> None:
    saved(tmp_path / "spool" / "a.ndjson", *RECORDS).close()
    (found,) = left(tmp_path / "spool")
    assert [spooled.record() for spooled in found.records] == RECORDS
    assert [(s.reason, s.lines) for s in read_spool(found.path)] == [("no", 1), ("no", 7), ("no", 0)]


def test_a_file_of_a_living_process_is_left_to_it(tmp_path: Path) -> None:
    spool = saved(tmp_path / "a.ndjson", *RECORDS)
    assert left(tmp_path) == []
    spool.close()
    assert len(left(tmp_path)) == 1


def test_of_two_that_start_at_once_one_has_a_file(tmp_path: Path) -> None:
    saved(tmp_path / "a.ndjson", RECORDS[0]).close()
    saved(tmp_path / "b.ndjson", RECORDS[1]).close()
    first = left_files(tmp_path, HERE)
    assert next(first).path.name == "a.ndjson"
    assert [found.path.name for found in left(tmp_path)] == ["b.ndjson"]
    assert [found.path.name for found in first] == ["b.ndjson"]


def test_a_file_goes_when_all_of_it_is_settled(tmp_path: Path) -> None:
    saved(tmp_path / "a.ndjson", *RECORDS).close()
    for found in left_files(tmp_path, HERE):
        found.replace([], HERE)
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_sent_again_takes_the_place_of_the_rest(tmp_path: Path) -> None:
    saved(tmp_path / "a.ndjson", *RECORDS).close()
    for found in left_files(tmp_path, HERE):
        found.replace([(RECORDS[1], "again no")], HERE)
    (found,) = left(tmp_path)
    assert [(s.record(), s.reason) for s in found.records] == [(RECORDS[1], "again no")]


def test_what_no_stream_takes_and_what_was_cut_stays_and_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    large = Record("ana", b"x" * MAX_RECORD_BYTES, 1)
    saved(path, large, RECORDS[0]).close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[1][:40])
    for found in left_files(tmp_path, HERE):
        assert found.unsendable == 2 and [spooled.record() for spooled in found.records] == [RECORDS[0]]
        found.replace([], HERE)
    (found,) = left(tmp_path)
    assert found.unsendable == 2 and not found.records
    assert b"".join(found.kept) == path.read_bytes()


def test_what_is_for_another_stream_stays_for_it(tmp_path: Path) -> None:
    saved(tmp_path / "a.ndjson", *RECORDS, destination="local/other").close()
    assert left(tmp_path) == []
    assert len(left(tmp_path, "local/other")) == 1


def test_a_writer_whose_file_was_taken_away_before_it_had_the_lock_begins_another(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    saved(path, RECORDS[0]).close()
    for found in left_files(tmp_path, HERE):
        found.replace([], HERE)
    spool = saved(path, RECORDS[1])
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
