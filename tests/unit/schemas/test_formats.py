import gzip
import json
import zipfile
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.formats import HEAD_BYTES, NotUnderstoodError, require_understood

EVENT = b'{"event_id":"a","user_id":"u"}\n'


def parquet() -> bytes:
    sink = BytesIO()
    pq.write_table(pa.table({"text": [EVENT.decode()] * 100}), sink)
    return sink.getvalue()


def zipped() -> bytes:
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("events.json", EVENT * 100)
    return sink.getvalue()


def kind_of(content: bytes) -> str | None:
    try:
        require_understood(content)
    except NotUnderstoodError as error:
        assert error.head == content[:HEAD_BYTES]
        return error.kind
    return None


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (parquet(), "Parquet"),
        (zipped(), "zip"),
        (gzip.compress(EVENT, mtime=0), "gzip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"BZh91AY&SY" + bytes(10), "bzip2"),
        (EVENT.decode().encode("utf-16"), "UTF-16"),
        (EVENT.decode().encode("utf-16-le"), "UTF-16 or UTF-32"),
        (EVENT.decode().encode("utf-16-be"), "UTF-16 or UTF-32"),
        (EVENT.decode().encode("utf-32-le"), "UTF-16 or UTF-32"),
        (EVENT.decode().encode("utf-32-be"), "UTF-16 or UTF-32"),
    ],
)
def test_a_format_is_told_by_its_first_bytes(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind
    assert kind_of(content + EVENT * 10_000) == kind


LARGE = HEAD_BYTES + 1


@pytest.mark.parametrize(
    "content",
    [
        b"user,event,when\n" * LARGE,
        bytes(range(256)) * 1000,
        b"<html>\n" * LARGE,
        json.dumps({"events": [json.loads(EVENT)] * 10_000}, indent=1).encode(),
        b"[" + b"1," * LARGE,
        b"x" * LARGE,
    ],
    ids=["csv", "binary", "html", "one object over many lines", "an array without objects", "one line"],
)
def test_a_large_object_in_whose_head_no_object_begins_is_not_understood(content: bytes) -> None:
    assert kind_of(content) == "no JSON object begins in the first 64 KiB"
    assert kind_of(content[:1000]) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        EVENT * LARGE,
        b"\xff\x00garbage\n" * 100 + EVENT + b"\xff" * LARGE,
        b'{"text": "' + b"x" * LARGE,
        b" \r\n\t { } \n" + b"x" * LARGE,
        b"\n" * LARGE,
        b'\n [\n  {\n    "event_id"\n  : 1}' + b" " * LARGE,
        '{"ключ": 1}\n'.encode() * LARGE,
        b'\xff\n{"cp1252 \xfc": 1}\n' + b"x" * LARGE,
    ],
)
def test_where_an_object_begins_the_lines_are_judged_one_by_one(content: bytes) -> None:
    assert kind_of(content) is None
