"""Archive files, cut anywhere, and which shards are read from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.recording.archive import PARTIAL_SUFFIX, ArchiveFile, check_archive, read_archive
from producers.recording.shards import ListedShard, Start, iterator_arguments, readable, unneeded
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import parse_instant_us, us_to_datetime
from schemas.kinesis_record import KinesisRecord

NOW_US = parse_instant_us("2026-11-24T12:00:00Z")


def a_record(number: int) -> KinesisRecord:
    return KinesisRecord(
        data=b"\x00\xff%d" % number,
        partition_key=f"é{number}",
        sequence_number=str(10**50 + number),
        shard_id="shardId-000000000001",
        arrival_timestamp_us=NOW_US + number * 1000,
    )


def written(path: Path, *blocks: range) -> list[KinesisRecord]:
    file = ArchiveFile(path)
    for block in blocks:
        file.append(map(a_record, block))
    file.finish()
    return [a_record(number) for block in blocks for number in block]


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "one.avro"
    records = written(path, range(200), range(0), range(200, 203))
    check_archive(path)
    assert list(read_archive(path)) == records
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_of_nothing_is_one(tmp_path: Path) -> None:
    assert written(tmp_path / "none.avro") == list(read_archive(tmp_path / "none.avro"))


def test_a_file_is_whole_after_each_block_and_has_its_name_once_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "one.avro"
    file = ArchiveFile(path)
    for number in range(3):
        file.append([a_record(number)])
        assert list(read_archive(path.with_name(path.name + PARTIAL_SUFFIX))) == list(map(a_record, range(number + 1)))
    assert not path.exists()
    file.finish()
    assert path.exists()


def test_wherever_a_file_is_cut_all_whole_blocks_are_read_and_the_cut_is_told(tmp_path: Path) -> None:
    path, cut = tmp_path / "one.avro", tmp_path / "cut.avro"
    records = written(path, range(70), range(70, 72))
    whole = path.read_bytes()
    ends = []
    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        found: list[KinesisRecord] = []
        try:
            for record in read_archive(cut):
                found.append(record)
            ends.append(len(found))
        except WorkFailedError as error:
            assert "cut.avro" in str(error)
        assert found in ([], records[:70])
    # Where a block ends nothing is missing that one could know of.
    assert ends == [0, 70]


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other.avro"
    path.write_bytes(b"Obj\x01 and something else")
    with pytest.raises(WorkFailedError, match=r"other\.avro is no archive"):
        check_archive(path)


def test_a_child_waits_for_its_parents_but_not_for_those_that_are_gone() -> None:
    shards = [
        ListedShard("a", ("gone",), is_closed=True),
        ListedShard("b", is_closed=True),
        ListedShard("c", ("a", "b")),
        ListedShard("d", ("b",)),
    ]
    assert readable(shards, set()) == ["a", "b"]
    assert readable(shards, {"b"}) == ["a", "d"]
    assert readable(shards, {"a", "b"}) == ["c", "d"]
    assert unneeded(shards, Start("latest", NOW_US)) == {"a", "b"}
    assert unneeded(shards, Start("trim", NOW_US)) == set()


@pytest.mark.parametrize(
    ("choice", "after", "is_new", "is_first", "kind"),
    [
        ("trim", None, False, True, "TRIM_HORIZON"),
        ("latest", None, False, True, "LATEST"),
        ("latest", None, False, False, "AT_TIMESTAMP"),
        ("latest", None, True, True, "TRIM_HORIZON"),
        ("2026-11-24T10:00:00Z", None, False, True, "AT_TIMESTAMP"),
        ("latest", "7", False, False, "AFTER_SEQUENCE_NUMBER"),
    ],
)
def test_a_shard_is_read_from_where_the_recording_begins_or_goes_on(
    choice: str, after: str | None, is_new: bool, is_first: bool, kind: str
) -> None:
    arguments = iterator_arguments(Start(choice, NOW_US), after, is_new=is_new, is_first=is_first)
    assert arguments["ShardIteratorType"] == kind
    if kind == "AT_TIMESTAMP":
        assert arguments["Timestamp"] == us_to_datetime(NOW_US - (0 if choice == "latest" else 7_200_000_000))
    if kind == "AFTER_SEQUENCE_NUMBER":
        assert arguments["StartingSequenceNumber"] == "7"


@pytest.mark.parametrize(("choice", "why"), [("soon", "--from is 'soon'"), ("2026-11-24T12:00:01Z", "yet to come")])
def test_a_recording_begins_at_a_known_place(choice: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Start(choice, NOW_US)
