"""The recount's own splitting of an object and the one that both ways read by come to the same lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

from backports import zstd
from hypothesis import assume, example, given, reject, settings
from hypothesis import strategies as st

from batch_compaction.recount_content import lines_of
from schemas.blocks import Block, blocks_of
from schemas.compression import decompressed
from schemas.formats import NotUnderstoodError

LIMIT = 60

WORDS = [b'{"a":1}', b'{"a":"x,]"}', b'{"a":"\\"\n"}', b'"\\\\"', b"{", b"}", b"[", b"]", b",", b"\n", b" ", b"\r\n"]
plain = st.lists(
    st.sampled_from([*WORDS, b'"', b"\xef\xbb\xbf", b"x" * 70, b"[{", b"}]", b"\\", b"\0"]), max_size=12
).map(b"".join)


def understood(blocks: Iterator[Block]) -> Iterator[Block]:
    try:
        yield from blocks
    except NotUnderstoodError:
        reject()


def lines_of_both(body: bytes, cut: int) -> tuple[list[tuple[int, bytes, bool]], list[tuple[int, bytes, bool]]]:
    chunks = [body[at : at + cut] for at in range(0, len(body), cut)]
    mine = [(line.number, line.data[:LIMIT], line.is_torn) for line in lines_of(chunks, LIMIT)]
    theirs: list[tuple[int, bytes, bool]] = []
    for block in understood(blocks_of(decompressed(chunks, zlib, zstd), 10, LIMIT)):
        whole, _, torn = block.data.rpartition(b"\n")
        parts = [*whole.split(b"\n")] if b"\n" in block.data else []
        theirs += [(number, part[:LIMIT], False) for number, part in enumerate(parts, len(theirs) + 1)]
        if torn or block.damage is not None:
            theirs.append((len(theirs) + 1, torn[:LIMIT], block.damage is not None))
    # Whether an element that was cut is whole where its array is torn behind it, one of the two cannot see.
    assume(not any(len(data) == LIMIT for _, data, _ in mine[-2:]) or not mine[-1][2])
    return mine, theirs


@settings(max_examples=500, deadline=None)
@given(plain, st.integers(1, 50))
@example(b'[{"a":1},{"b":2}', 5)
@example(b'\n \n [{"a":1},\n{"b":"\\', 1)
@example(b"", 1)
def test_plain_content_has_the_same_lines(body: bytes, cut: int) -> None:
    mine, theirs = lines_of_both(body, cut)
    assert mine == theirs


@settings(max_examples=300, deadline=None)
@given(st.lists(plain, min_size=1, max_size=3), st.booleans(), st.integers(0, 200), st.none() | st.integers(0, 200))
def test_compressed_content_has_the_same_lines_up_to_its_damage(
    members: list[bytes], is_gzip: bool, pad: int, spoilt_at: int | None
) -> None:
    body = b"".join(gzip.compress(part, mtime=0) if is_gzip else zstd.compress(part) for part in members)
    body += b"\0" * (pad % 3)
    if spoilt_at is not None:
        at = spoilt_at % len(body)
        body = body[:at] if pad % 2 else body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :]
    if not body.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        return
    mine, theirs = lines_of_both(body, 7)
    assert mine == theirs


@given(plain, st.integers(1, 90))
def test_what_came_through_the_stream_is_never_an_array(content: bytes, cut: int) -> None:
    chunks = [content[at : at + cut] for at in range(0, len(content), cut)]
    *whole, rest = content.split(b"\n")
    parts = [*whole, rest] if rest else whole
    assert [line.data[:LIMIT] for line in lines_of(chunks, LIMIT, is_streamed=True)] == [part[:LIMIT] for part in parts]
