"""Routing and records: each key on its shard, and what no stream takes."""

from __future__ import annotations

import pytest

from producers.batching import MAX_RECORD_BYTES, refusal_of
from producers.lines import Line, partition_key_of
from producers.routing import Router, Shard, address_of
from schemas.errors import WorkFailedError
from schemas.hash_keys import MAX_HASH_KEY, hash_key_of

HALF = (MAX_HASH_KEY + 1) // 2
LOW, HIGH = Shard("shard-0", 0, HALF - 1), Shard("shard-1", HALF, MAX_HASH_KEY)


def test_a_hash_key_is_the_md5_of_the_partition_key_or_the_explicit_one() -> None:
    # The well-known digest of an empty text.
    assert hash_key_of("") == 0xD41D8CD98F00B204E9800998ECF8427E
    assert address_of("", "17") == 17


def test_a_key_belongs_to_the_open_shard_whose_range_holds_it() -> None:
    closed = Shard("shard-2", 0, MAX_HASH_KEY, is_open=False)
    router = Router([HIGH, closed, LOW])
    assert router.shards == (LOW, HIGH)
    for hash_key in (0, 1, HALF - 1, HALF, MAX_HASH_KEY):
        assert router.shards[router.index_of(hash_key)].owns(hash_key)


@pytest.mark.parametrize(
    "shards",
    [
        [],
        [HIGH],
        [LOW],
        [LOW, Shard("shard-1", HALF + 1, MAX_HASH_KEY)],
        [LOW, Shard("s", HALF, MAX_HASH_KEY, False)],
    ],
)
def test_shards_that_leave_a_key_without_one_are_refused(shards: list[Shard]) -> None:
    with pytest.raises(WorkFailedError, match="do not cover"):
        Router(shards)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Line("", b"x"), "0 characters"),
        (Line("k" * 257, b"x"), "257 characters"),
        (Line("ana", b"x" * (MAX_RECORD_BYTES - 2)), "a record may hold"),
        (Line("ana", b"x", None, "-1"), "hash key"),
        (Line("ana", b"x", None, str(MAX_HASH_KEY + 1)), "hash key"),
    ],
)
def test_what_no_stream_takes_is_known_before(line: Line, reason: str) -> None:
    assert reason in refusal_of(line)


@pytest.mark.parametrize(
    "line",
    [Line("ana", b""), Line("ana", b"x" * (MAX_RECORD_BYTES - 3)), Line("ü" * 256, b"x", 5, str(MAX_HASH_KEY))],
)
def test_what_a_stream_may_take_is_not_refused(line: Line) -> None:
    assert refusal_of(line) == ""


def test_the_partition_key_is_the_user_or_else_a_digest() -> None:
    assert partition_key_of("ana", b"data") == "ana"
    assert partition_key_of("ü" * 256, b"data") == "ü" * 256
    assert (
        partition_key_of("x" * 257, b"one") == partition_key_of("x" * 257, b"two") != partition_key_of("y" * 257, b"")
    )
    assert len(partition_key_of(None, b"one")) == 64 and partition_key_of("", b"one") != partition_key_of("", b"two")
