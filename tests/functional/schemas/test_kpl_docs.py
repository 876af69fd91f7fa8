"""docs/kpl.md: its message is the library's, its code runs, and what it says of a reader is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.messages_pb2 import AggregatedRecord, Record, Tag

from bench.kpl_reference import records_of
from schemas.hash_keys import MAX_HASH_KEY
from schemas.kpl import MAGIC, BrokenFrameError, UserRecord, payloads, user_records
from schemas.kpl_wire import frame

DOCS = (Path(__file__).parents[3] / "docs" / "kpl.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    assert isinstance(text, str)
    return text


def aggregate() -> bytes:
    aggregator = RecordAggregator()
    aggregator.add_user_record("ana", b"1", "7")
    aggregator.add_user_record("bob", b"2")
    blob = aggregator.clear_and_get().get_contents()[2]
    assert isinstance(blob, bytes)
    return blob


def test_the_message_told_is_that_of_the_library() -> None:
    told = {
        name: {field: int(number) for field, number in re.findall(r"(\w+)\s*= (\d+);", body)}
        for name, body in re.findall(r"message (\w+) \{(.*?)\}", block("proto"), re.DOTALL)
    }
    assert told == {
        message.DESCRIPTOR.name: {field.name: field.number for field in message.DESCRIPTOR.fields}
        for message in (AggregatedRecord, Record, Tag)
    }
    assert f"\n{MAGIC.hex(' ').upper()} | protobuf message" in DOCS


def test_the_code_told_runs_and_tells_what_is_foreign() -> None:
    names = {"data": aggregate(), "partition_key": "outer", "first": 8, "last": MAX_HASH_KEY}
    *statements, last = block("python").splitlines()
    exec("\n".join(statements), names)  # noqa: S102 - the document's own code
    assert eval(last, names) == [UserRecord("ana", b"1", "7", 0)]  # noqa: S307


def test_a_reader_that_does_as_it_says_of_others() -> None:
    damaged, empty = aggregate()[:-1] + b"!", frame(b"")
    assert list(records_of([damaged, empty])) == [UserRecord("outer", damaged), UserRecord("outer", empty)]
    assert payloads(empty) == []


def test_the_library_leaves_out_the_rest_behind_a_key_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    records = [Record(partition_key_index=index, data=bytes((index,))) for index in (0, 1, 0)]
    blob = frame(AggregatedRecord(partition_key_table=["ana"], records=records).SerializeToString())
    assert list(records_of([blob])) == [UserRecord("ana", b"\x00", None, 0)]
    assert "ERROR" in capsys.readouterr().err
    assert payloads(blob) == [b"\x00", b"\x01", b"\x00"]
    with pytest.raises(BrokenFrameError):
        user_records(blob, "outer")


@pytest.mark.parametrize("blob", [aggregate()[:-1] + b"!", MAGIC])
def test_what_is_said_of_a_broken_frame_is_what_is_raised(blob: bytes) -> None:
    with pytest.raises(BrokenFrameError) as raised:
        payloads(blob)
    assert f"`{raised.value}`" in DOCS
