"""However content is cut into blocks, compressed, indented or damaged: the same pieces, each once, in order."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from stream_jobs.object_content import Piece, pieces

LIMIT = 1 << 20
lines = st.lists(st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"")), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def blocks(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    at = turn = 0
    while at < len(content):
        yield content[at : at + cuts[turn % len(cuts)]]
        at += cuts[turn % len(cuts)]
        turn += 1


def read(content: bytes, cuts: list[int], limit: int = LIMIT) -> list[Piece]:
    return list(pieces(blocks(content, cuts), limit, lambda: None))


@given(lines, sizes, st.booleans())
def test_lines_are_those_that_a_split_gives(content: list[bytes], cuts: list[int], zipped: bool) -> None:
    text = b"".join(line + b"\n" for line in [b"{}", *content])  # what begins with a bracket would be an array
    found = read(gzip.compress(text) if zipped else text, cuts)
    assert [piece.data for piece in found] == [b"{}", *content]
    assert [piece.number for piece in found] == list(range(1, len(content) + 2))


@given(st.lists(values, max_size=6), sizes, st.sampled_from([None, 1]), st.booleans())
def test_elements_are_those_that_a_parser_gives(
    content: list[object], cuts: list[int], indent: int | None, is_ascii: bool
) -> None:
    text = json.dumps(content, indent=indent, ensure_ascii=is_ascii).encode()
    found = read(text, cuts)
    assert [json.loads(piece.data) for piece in found if content] == content
    assert all(piece.data.strip() for piece in found) or not content
    assert all(piece.damage is None for piece in found)


@given(st.binary(max_size=80), sizes, st.integers(1, 20))
def test_any_bytes_give_pieces_within_the_limit_that_do_not_hang_on_the_blocks(
    content: bytes, cuts: list[int], limit: int
) -> None:
    found = read(content, cuts, limit)
    assert found == read(content, [LIMIT], limit)
    assert all(len(piece.data) <= min(limit, piece.length) for piece in found)
    assert [piece.number for piece in found] == list(range(1, len(found) + 1))


@given(lines, st.integers(0, 200), st.integers(1, 255), sizes)
def test_of_a_damaged_gzip_every_whole_line_before_the_damage_is_read(
    content: list[bytes], at: int, flip: int, cuts: list[int]
) -> None:
    text = b"".join(line + b"\n" for line in [b"{}", *content])
    zipped = bytearray(gzip.compress(text, compresslevel=0))  # so that a byte of it is a byte of the text
    at = 18 + at % (len(zipped) - 18)
    zipped[at] ^= flip
    found = read(bytes(zipped), cuts)
    untouched = text[: max(0, at - 15)].count(b"\n")
    assert [piece.data for piece in found[:untouched]] == [b"{}", *content][:untouched]
    assert sum(piece.damage is not None for piece in found) == 1
    assert found[-1].damage is not None
