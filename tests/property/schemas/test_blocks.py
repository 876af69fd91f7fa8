"""However content is chunked and blocks are sized, the lines are the same, each once, at its place."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import cast

from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from zlib_ng import zlib_ng

from schemas.blocks import Block, blocks_of
from schemas.compression import DamagedError, Zlib, decompressed
from schemas.formats import NotUnderstoodError

NG = cast("Zlib", zlib_ng)
LIMIT = 1 << 20
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=5)
block_sizes = st.integers(1, 40)
lines = st.lists(st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"")), max_size=12)
packs = st.sampled_from(
    [bytes, gzip.compress, zstd.compress, lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])]
)
# What the splitting of arrays turns on, in any order.
marks = st.text(st.sampled_from('{}[],"\\ \na'), max_size=40).map(str.encode)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def chunks(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    at = turn = 0
    while at < len(content):
        yield content[at : at + cuts[turn % len(cuts)]]
        at += cuts[turn % len(cuts)]
        turn += 1


def read(body: bytes, cuts: list[int], block_bytes: int = LIMIT, limit: int = LIMIT) -> list[Block]:
    return list(blocks_of(decompressed(chunks(body, cuts), NG, zstd), block_bytes, limit))


def in_one(blocks: list[Block]) -> list[tuple[int, int, bytes, int, str | None]]:
    """Number, offset and bytes of each line, what of it is cut, and the damage behind it."""
    found: list[tuple[int, int, bytes, int, str | None]] = []
    for block in blocks:
        offset = block.first_offset
        parts = block.data.split(b"\n")
        ended, rest = [part + b"\n" for part in parts[:-1]], parts[-1]
        if rest or block.damage is not None:
            ended.append(rest)
        for at, line in enumerate(ended, 1):
            is_last = at == len(ended)
            found.append((len(found) + 1, offset, line, is_last * block.cut_bytes, block.damage if is_last else None))
            offset += len(line)
    return found


@given(lines, sizes, block_sizes, packs)
def test_blocks_joined_are_the_content(content: list[bytes], cuts: list[int], block_bytes: int, pack: object) -> None:
    assert callable(pack)
    text = b"".join(line + b"\n" for line in [b"{}", *content])  # what begins with a bracket would be an array
    blocks = read(pack(text), cuts, block_bytes)
    assert b"".join(block.data for block in blocks) == text
    assert [block.first_offset for block in blocks] == [
        sum(len(before.data) for before in blocks[:at]) for at in range(len(blocks))
    ]


@given(st.binary(max_size=80), sizes, block_sizes, st.integers(1, 20))
def test_lines_hang_neither_on_chunks_nor_on_blocks(
    content: bytes, cuts: list[int], block_bytes: int, limit: int
) -> None:
    try:
        expected = in_one(read(content, [LIMIT], LIMIT, limit))
    except NotUnderstoodError:
        return
    found = in_one(read(content, cuts, block_bytes, limit))
    assert found == expected
    assert all(len(line.rstrip(b"\n")) <= limit for _, _, line, _, _ in found)


@given(marks, sizes, block_sizes)
def test_an_array_is_split_where_one_that_goes_byte_by_byte_splits_it(
    content: bytes, cuts: list[int], block_bytes: int
) -> None:
    found = in_one(read(b"[" + content, cuts, block_bytes))
    joined = b"".join(line for _, _, line, _, _ in found)
    expected, is_over = split_byte_by_byte(content)
    assert joined == expected or (not is_over and joined == expected + b"\n")
    assert (found[-1][-1] is None) is is_over if found else is_over
    for _, offset, line, _, _ in found:
        assert len(line) <= len(content) + 2 - offset
        assert line.strip(b"\n") == expected[offset - 1 :][: len(line.strip(b"\n"))]


def split_byte_by_byte(content: bytes) -> tuple[bytes, bool]:
    """What is to come of an array, and whether it ends."""
    lines = bytearray()
    depth, in_text, is_escaped = 1, False, False
    for at, byte in enumerate(content):
        mark = bytes([byte])
        lines += b"\r" if mark == b"\n" else mark
        if is_escaped:
            is_escaped = False
        elif in_text:
            is_escaped, in_text = mark == b"\\", mark != b'"'
        elif mark == b'"':
            in_text = True
        elif mark in b"{[":
            depth += 1
        elif mark in b"}]" and depth > 1:
            depth -= 1
        elif mark in b",]" and depth == 1:
            lines[-1:] = b"\n"
            if mark == b"]":
                return bytes(lines) + content[at + 1 :], True
    return bytes(lines), False


@given(st.lists(values, min_size=1, max_size=6), sizes, block_sizes, st.sampled_from([None, 1]), st.booleans())
def test_elements_are_those_that_a_parser_gives_where_they_were(
    content: list[object], cuts: list[int], block_bytes: int, indent: int | None, is_ascii: bool
) -> None:
    text = json.dumps(content, indent=indent, ensure_ascii=is_ascii).encode()
    found = in_one(read(text, cuts, block_bytes))
    assert [json.loads(line) for _, _, line, _, _ in found] == content
    assert [number for number, _, _, _, _ in found] == list(range(1, len(content) + 1))
    for _, offset, line, _, _ in found:
        assert text[offset : offset + len(line) - 1] == line[:-1].replace(b"\r", b"\n")


@given(lines, st.integers(0, 400), st.integers(1, 255), sizes, st.integers(0, 9))
def test_of_a_damaged_gzip_both_readers_give_the_same(
    content: list[bytes], at: int, flip: int, cuts: list[int], level: int
) -> None:
    body = bytearray(gzip.compress(b"".join(line + b"\n" for line in content), level, mtime=0))
    body[at % len(body)] ^= flip

    def content_of(module: Zlib, cuts: list[int]) -> tuple[bytes, bool]:
        found: list[bytes] = []
        try:
            found.extend(decompressed(chunks(bytes(body), cuts), module, zstd))
        except DamagedError:
            return b"".join(found), True
        return b"".join(found), False

    assert content_of(NG, cuts) == content_of(zlib, [LIMIT])
