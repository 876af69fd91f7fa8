"""Odd files are read alike for the tables and for the alerts: the same records under the same numbers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from batch_compaction.body import Unread, UnreadObjectError
from batch_compaction.raw import list_raw_objects
from batch_compaction.reading import read_blocks
from schemas.event import MAX_EVENT_BYTES
from schemas.formats import HEAD_BYTES
from schemas.lake import RAW_PREFIX
from stream_jobs.object_content import Piece, pieces

EVENTS = [{"event_id": f"e{number}", "metadata": {"text": 'a "]},\\ b'}} for number in range(3_000)]
LINES = b"".join(json.dumps(event).encode() + b"\n" for event in EVENTS)
ARRAY = json.dumps(EVENTS).encode()
MARK = b"\xef\xbb\xbf"
FILES = {
    "nothing": b"",
    "blank": b" \n\r\n\t",
    "lines": LINES,
    "carriage returns": LINES.replace(b"\n", b"\r\n"),
    "no newline at the end": LINES.rstrip(),
    "blank lines": b"\n\n" + LINES.replace(b"\n", b"\n\n"),
    "a mark": MARK + LINES,
    "a bad line": b"{bad\n" + LINES,
    "other text": LINES + "é\n".encode("latin-1") + LINES,
    "an array": ARRAY,
    "an array over many lines": json.dumps(EVENTS, indent=2).encode() + b"\n",
    "an array behind a mark and blank lines": MARK + b"\n\n " + ARRAY,
    "an array and lines": ARRAY + b"\n" + LINES,
    "no element": b"[]",
    "no value between commas": b"[{},,{},]",
    "an array that is cut": ARRAY[:-100],
    "an array that is cut behind an element": ARRAY[: ARRAY.rindex(b"{") - 2],
    "a bracket that closes nothing": b"[{}}, {}]]\n{}",
    "one object over many lines": json.dumps(EVENTS[0], indent=2).encode(),
    "gzip": gzip.compress(LINES[:5_000]) + gzip.compress(LINES[5_000:]) + bytes(512),
    "gzip of an array": gzip.compress(MARK + ARRAY),
    "gzip that is cut": gzip.compress(LINES)[:-500],
    "gzip that is spoilt": gzip.compress(LINES, compresslevel=0)[:90_000] + b"\xff" * 50_000,
    "gzip with a wrong checksum": gzip.compress(LINES)[:-8] + bytes(8),
    "gzip and something": gzip.compress(LINES) + LINES,
    "gzip that is nothing but a beginning": b"\x1f\x8b",
    "a long line": LINES + b'{"long": "' + b"x" * MAX_EVENT_BYTES + b'"}\n' + LINES,
    "garbage": b"\x00\xff\n" * 100,
}
NOT_UNDERSTOOD = {
    "Parquet": b"PAR1" + LINES,
    "UTF-16": LINES.decode().encode("utf-16"),
    "csv": b"event_id,user_id\n" * HEAD_BYTES,
    "gzip twice": gzip.compress(gzip.compress(LINES)),
}


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        make: Any = boto3.client
        client = make("s3")
        client.create_bucket(Bucket="raw")
        yield client


def by_the_tables(s3: Any, body: bytes) -> list[Piece]:
    s3.put_object(Bucket="raw", Key=f"{RAW_PREFIX}o.json", Body=body)
    [raw] = list_raw_objects(s3, "raw")
    found: list[Piece] = []
    for block in read_blocks(s3, raw, 100_000):
        lines = block.data.split(b"\n")
        if not lines[-1] and block.damage is None:
            lines.pop()
        found += [Piece(number, line, len(line)) for number, line in enumerate(lines, len(found) + 1)]
        if block.damage is not None:
            last = found[-1]
            found[-1] = Piece(last.number, last.data, last.length, block.damage)
    return found


def by_the_alerts(body: bytes) -> list[Piece]:
    chunks = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    return list(pieces(chunks, 2 * MAX_EVENT_BYTES, lambda: None))


@pytest.mark.parametrize("name", FILES)
def test_an_odd_file_holds_the_same_records_for_both(s3: Any, name: str) -> None:
    assert by_the_tables(s3, FILES[name]) == by_the_alerts(FILES[name])


@pytest.mark.parametrize("name", ["an array", "an array over many lines", "gzip of an array", "lines", "a mark"])
def test_each_event_of_a_file_is_a_record(s3: Any, name: str) -> None:
    records = [json.loads(piece.data) for piece in by_the_tables(s3, FILES[name]) if piece.data.strip()]
    assert records == EVENTS


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_one_does_not_understand_the_other_does_not(s3: Any, name: str) -> None:
    with pytest.raises(UnreadObjectError) as caught:
        by_the_tables(s3, NOT_UNDERSTOOD[name])
    assert caught.value.reason is Unread.NOT_UNDERSTOOD
    [piece] = by_the_alerts(NOT_UNDERSTOOD[name])
    assert piece.damage is not None
    assert piece.damage.endswith(caught.value.detail)
