"""Raw objects read from an emulated S3 whose answers break off, change or lie."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from backports import zstd
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    FlexibleChecksumError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.response import StreamingBody
from moto import mock_aws
from urllib3.exceptions import SSLError

from batch_compaction.body import Unread, UnreadObjectError
from batch_compaction.raw import RawObject, list_raw_objects
from batch_compaction.reading import MAX_LINE_BYTES, read_blocks
from schemas.blocks import Block
from schemas.errors import WorkFailedError
from schemas.lake import RAW_PREFIX, firehose_object

BUCKET = "raw"
KEY = f"{RAW_PREFIX}year=2026/month=11/day=24/hour=10/o.json"
LINES = b"".join(b'{"number": %d, "of": "some length"}\n' % number for number in range(40_000))


class Broken(io.RawIOBase):
    """Gives some bytes and then an error."""

    def __init__(self, data: bytes, error: Exception) -> None:
        self._data = io.BytesIO(data)
        self._error = error

    def read(self, amount: int = -1) -> bytes:
        if found := self._data.read(amount):
            return found
        raise self._error


class Faulty:
    """An S3 client whose next answers go wrong, by script; a step of None is one that goes right."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.script: list[Any] = []
        self.ranges: list[str | None] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_object(self, **request: Any) -> Any:
        self.ranges.append(request.get("Range"))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is None:
            return self._client.get_object(**request)
        return step(self._client, request)


def breaks_after(count: int, error: Exception) -> Callable[..., Any]:
    def step(client: Any, request: dict[str, Any]) -> Any:
        answer = client.get_object(**request)
        answer["Body"] = Broken(answer["Body"].read(count), error)
        return answer

    return step


def is_short(client: Any, request: dict[str, Any]) -> Any:
    answer = client.get_object(**request)
    data = answer["Body"].read()
    answer["Body"] = StreamingBody(io.BytesIO(data[: len(data) // 2]), str(len(data)))  # type: ignore[arg-type]
    return answer


def ends_early_and_says_so(client: Any, request: dict[str, Any]) -> Any:
    answer = client.get_object(**request)
    data = answer["Body"].read(100_000)
    answer["Body"] = StreamingBody(io.BytesIO(data), str(len(data)))  # type: ignore[arg-type]
    return answer


def knows_no_ranges(client: Any, request: dict[str, Any]) -> Any:
    return client.get_object(**{name: value for name, value in request.items() if name != "Range"})


def refusal(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")  # type: ignore[typeddict-item]


@pytest.fixture
def s3() -> Iterator[Faulty]:
    with mock_aws():
        make: Any = boto3.client
        client = make("s3")
        client.create_bucket(Bucket=BUCKET)
        yield Faulty(client)


def put(s3: Any, body: bytes, **more: Any) -> RawObject:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=body, **more)
    [raw] = list_raw_objects(s3, BUCKET)
    return raw


def read(s3: Any, raw: RawObject, block_bytes: int = 100_000) -> list[Block]:
    return list(read_blocks(s3, raw, block_bytes, pause=lambda _: None))


def joined(blocks: list[Block]) -> bytes:
    assert all(block.damage is None for block in blocks)
    return b"".join(block.data for block in blocks)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_an_object_is_read_whatever_it_is_packed_in(s3: Faulty, pack: Callable[[bytes], bytes]) -> None:
    blocks = read(s3, put(s3, pack(LINES)))
    assert joined(blocks) == LINES
    assert len(blocks) > 5
    assert s3.ranges == [None]


def test_an_empty_object_has_no_lines(s3: Faulty) -> None:
    assert read(s3, put(s3, b"")) == []


@pytest.mark.parametrize(
    "error",
    [
        ResponseStreamingError(error="reset"),
        ReadTimeoutError(endpoint_url="s3"),
        SSLError("record layer failure"),
    ],
)
def test_a_read_that_breaks_off_goes_on_where_it_stopped(s3: Faulty, error: Exception) -> None:
    raw = put(s3, LINES)
    s3.script = [breaks_after(300_000, error), refusal("InternalError", 500), breaks_after(0, error)]
    assert joined(read(s3, raw)) == LINES
    assert s3.ranges == [None, *["bytes=300000-"] * 3]


@pytest.mark.parametrize(
    "step", [is_short, ends_early_and_says_so, EndpointConnectionError(endpoint_url="s3"), refusal("SlowDown", 503)]
)
def test_an_answer_that_lacks_something_is_asked_for_the_rest(s3: Faulty, step: Any) -> None:
    raw = put(s3, gzip.compress(LINES, compresslevel=0))
    s3.script = [step, step]
    assert joined(read(s3, raw)) == LINES


def test_an_answer_with_other_bytes_than_asked_for_is_not_taken(s3: Faulty) -> None:
    raw = put(s3, LINES)
    s3.script = [breaks_after(300_000, ResponseStreamingError(error="reset")), knows_no_ranges]
    assert joined(read(s3, raw)) == LINES


def test_an_object_that_breaks_off_again_and_again_ends_the_run(s3: Faulty) -> None:
    raw = put(s3, LINES)
    s3.script = [breaks_after(0, ResponseStreamingError(error="reset"))] * 100
    with pytest.raises(WorkFailedError, match=r"o\.json from byte 0: .*reset"):
        read(s3, raw)
    assert len(s3.ranges) < 10


def test_failures_that_come_far_apart_are_borne(s3: Faulty) -> None:
    raw = put(s3, LINES)
    s3.script = [breaks_after(50_000, ResponseStreamingError(error="reset"))] * 20
    assert joined(read(s3, raw)) == LINES


@pytest.mark.parametrize(
    "error", [refusal("AccessDenied", 403), FlexibleChecksumError(error_msg="expected other bytes")]
)
def test_what_no_other_try_mends_ends_the_run(s3: Faulty, error: Exception) -> None:
    raw = put(s3, LINES)
    s3.script = [breaks_after(300_000, error)]
    with pytest.raises(WorkFailedError, match=r"o\.json"):
        read(s3, raw)
    assert len(s3.ranges) == 1


@pytest.mark.parametrize("read_before", [0, 300_000])
def test_an_object_that_changed_meanwhile_is_not_mixed(s3: Faulty, read_before: int) -> None:
    raw = put(s3, LINES)
    put(s3, b"other\n" * 200_000)
    if read_before:
        s3.script = [lambda *_: {"Body": Broken(LINES[:read_before], ResponseStreamingError(error="reset"))}]
    with pytest.raises(UnreadObjectError, match=r"o\.json: it is changed") as caught:
        read(s3, raw)
    assert (caught.value.raw, caught.value.reason) == (raw, Unread.CHANGED)


def test_an_object_that_vanished_is_named(s3: Faulty) -> None:
    raw = put(s3, LINES)
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    with pytest.raises(UnreadObjectError) as caught:
        read(s3, raw)
    assert caught.value.reason is Unread.GONE


def test_an_archived_object_is_named(s3: Faulty) -> None:
    raw = put(s3, LINES, StorageClass="GLACIER")
    with pytest.raises(UnreadObjectError) as caught:
        read(s3, raw)
    assert caught.value.reason is Unread.ARCHIVED


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_what_is_no_json_is_named_as_a_whole(s3: Faulty, pack: Callable[[bytes], bytes]) -> None:
    raw = put(s3, pack(b"PAR1" + bytes(range(256)) * 10_000))
    with pytest.raises(UnreadObjectError, match="Parquet") as caught:
        read(s3, raw)
    assert caught.value.reason is Unread.NOT_UNDERSTOOD


def test_a_cut_gzip_gives_its_whole_lines_and_says_so(s3: Faulty) -> None:
    body = gzip.compress(LINES)
    *_, last = blocks = read(s3, put(s3, body[: len(body) // 2]))
    assert last.damage == "the gzip ends before its end"
    found = b"".join(block.data for block in blocks)
    assert LINES.startswith(found)
    assert len(found) > len(LINES) // 4


MANY = LINES * 40  # fifty megabytes and more
ARRAY = b"[" + MANY.rstrip().replace(b"\n", b",") + b"]"
LONG = b'{"long": "' + b"x" * (3 * MAX_LINE_BYTES) + b'"}\n' + LINES


@pytest.mark.parametrize(
    ("content", "lines", "limit_bytes"),
    [(MANY, 1_600_000, 8 << 20), (ARRAY, 1_600_000, 8 << 20), (LONG, 40_001, 5 * MAX_LINE_BYTES // 2)],
    ids=["lines", "array", "one long line"],
)
def test_memory_does_not_grow_with_the_object(s3: Faulty, content: bytes, lines: int, limit_bytes: int) -> None:
    body = gzip.compress(content, compresslevel=1)
    raw = put(s3, body)
    tracemalloc.start()
    try:
        client: Any = s3
        counted = sum(block.data.count(b"\n") for block in read_blocks(client, raw, 1 << 20))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counted == lines
    assert peak < limit_bytes + len(body)  # the emulation holds the body in this process


def test_of_a_line_beyond_the_limit_the_first_bytes_are_kept_and_the_rest_is_counted(s3: Faulty) -> None:
    blocks = read(s3, put(s3, LONG))
    first = LONG[: LONG.index(b"\n")]
    assert blocks[0].data == first[:MAX_LINE_BYTES] + b"\n"
    assert blocks[0].cut_bytes == len(first) - MAX_LINE_BYTES
    assert blocks[1].first_offset == len(first) + 1
    assert joined(blocks[1:]) == LINES


@pytest.mark.parametrize("body", [b'[{"a":1}]\n{"b":2}\n', b'\xef\xbb\xbf{}\n{"b":2}\n', b"PAR1\n"])
def test_what_firehose_delivered_is_lines_whatever_it_begins_with(s3: Any, body: bytes) -> None:
    key = RAW_PREFIX + firehose_object("clickstream", 0, "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b") + ".json.gz"
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(body))
    (raw,) = list_raw_objects(s3, BUCKET)
    (block,) = read(s3, raw)
    assert (block.data, block.first_offset) == (body, 0)
