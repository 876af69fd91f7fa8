from __future__ import annotations

from collections.abc import Iterator

import pytest

from schemas.blocks import Block, blocks_of
from schemas.compression import DamagedError
from schemas.formats import HEAD_BYTES, NotUnderstoodError

CHUNKS = [1, 2, 3, 7, 1000]
MARK = b"\xef\xbb\xbf"


def cut(content: bytes, chunk: int, damage: str | None = None) -> Iterator[bytes]:
    for at in range(0, len(content), chunk):
        yield content[at : at + chunk]
    if damage is not None:
        raise DamagedError(damage)


def read(
    content: bytes, chunk: int = 1 << 20, damage: str | None = None, block_bytes: int = 1 << 20, limit: int = 1 << 20
) -> list[Block]:
    return list(blocks_of(cut(content, chunk, damage), block_bytes, limit))


def lines(content: bytes, chunk: int = 1 << 20) -> list[tuple[int, int, bytes]]:
    """Number, offset and bytes of each line."""
    found = []
    number = 1
    for block in read(content, chunk, block_bytes=1):
        offset = block.first_offset
        for line in block.data.splitlines(keepends=True) if b"\r" not in block.data else block.data.split(b"\n"):
            found.append((number, offset, line))
            number, offset = number + 1, offset + len(line)
    return found


@pytest.mark.parametrize("content", [b"", b"a", b"a\nb", b"a\n\n \nb\n", b"\n", b"\n\n{}\n"])
@pytest.mark.parametrize("chunk", CHUNKS)
def test_blocks_joined_are_the_content(content: bytes, chunk: int) -> None:
    for block_bytes in (1, 3, 100):
        assert b"".join(block.data for block in read(content, chunk, block_bytes=block_bytes)) == content


def test_a_block_is_as_large_as_asked_for_and_ends_with_a_line() -> None:
    first, *blocks, last = read(b'{"a":1}\n' * 20_000, chunk=10, block_bytes=40)
    assert HEAD_BYTES <= len(first.data) <= HEAD_BYTES + 10
    assert {len(block.data) for block in blocks} == {40}
    assert all(block.data.endswith(b"\n") for block in [first, *blocks, last])
    assert [block.first_offset for block in blocks] == [len(first.data) + 40 * turn for turn in range(len(blocks))]


def test_a_line_longer_than_a_block_makes_it_larger() -> None:
    *_, last = read(b'{"a":1}\n' * 8200 + b"b" * 49 + b"\nc\n", chunk=16, block_bytes=10)
    assert last.data == b"b" * 49 + b"\nc\n"


def test_blank_lines_have_numbers() -> None:
    assert lines(b"\n \na\n\nb") == [(1, 0, b"\n"), (2, 1, b" \n"), (3, 3, b"a\n"), (4, 5, b"\n"), (5, 6, b"b")]


@pytest.mark.parametrize("chunk", CHUNKS)
def test_a_byte_order_mark_belongs_to_no_line_but_counts_in_offsets(chunk: int) -> None:
    assert lines(MARK + b"a\n" + MARK + b"b", chunk) == [(1, 3, b"a\n"), (2, 5, MARK + b"b")]
    assert read(MARK, chunk) == []
    assert read(MARK[:2], chunk) == [Block(MARK[:2], 0)]


@pytest.mark.parametrize("chunk", CHUNKS)
def test_elements_of_an_array_are_lines_where_they_were(chunk: int) -> None:
    content = b' [{"a": "],[\\"{\\\\"} ,\n{\n"b": [1, {}]},3]'
    [block] = read(content, chunk)
    assert block == Block(b'{"a": "],[\\"{\\\\"} \n\r{\r"b": [1, {}]}\n3\n', 2)
    for line in block.data.split(b"\n")[:-1]:
        assert line.replace(b"\r", b"\n") in content
        at = block.first_offset + block.data.index(line)
        assert content[at : at + len(line)] == line.replace(b"\r", b"\n")


@pytest.mark.parametrize("chunk", CHUNKS)
def test_lines_before_and_behind_an_array_have_numbers_too(chunk: int) -> None:
    before, *others = read(b"\n \n  [1,2] \n3", chunk, block_bytes=1)
    assert before.data == b"\n \n"
    found = [(block.first_offset, block.data) for block in others if block.data.strip()]
    joined = b"".join(data for _, data in found)
    assert found[0][0] == 6
    assert joined.split(b"\n")[:2] == [b"1", b"2"]
    assert b"".join(block.data for block in others) == b"1\n2\n \n3"


@pytest.mark.parametrize("content", [b"[]", b"[ ]", b"[1,]", b"[,1]", b"[1,,2]"])
def test_what_stands_between_commas_is_a_line_be_it_blank(content: bytes) -> None:
    [block] = read(content)
    assert block.data == content[1:].replace(b",", b"\n").replace(b"]", b"\n")


def test_only_the_first_array_is_one() -> None:
    assert read(b"[1][2,3]\n[4,5]\n")[0].data == b"1\n[2,3]\n[4,5]\n"
    assert read(b"1\n[2,3]")[0].data == b"1\n[2,3]"


def test_a_brace_that_closes_nothing_is_left_to_whoever_judges_the_element() -> None:
    assert read(b"[}, 1]")[0].data == b"}\n 1\n"
    assert read(b"[{]}, 1]")[0].data == b"{]}\n 1\n"


@pytest.mark.parametrize("depth", [5, 6, 7, 8, 50])
def test_elements_may_nest(depth: int) -> None:
    element = b'{"a":[' * (depth // 2) + b"1" + b"]}" * (depth // 2)
    assert read(b"[" + element + b"," + element + b"]")[0].data == element + b"\n" + element + b"\n"


@pytest.mark.parametrize("chunk", CHUNKS)
def test_damage_is_on_the_last_block_with_the_line_that_is_not_whole(chunk: int) -> None:
    *_, last = blocks = read(b"a\nb\nc", chunk, damage="cut", block_bytes=2)
    assert b"".join(block.data for block in blocks) == b"a\nb\nc"
    assert last.data.endswith(b"c")
    assert [block.damage for block in blocks] == [None] * (len(blocks) - 1) + ["cut"]


def test_damage_behind_a_whole_line_leaves_nothing_of_another() -> None:
    assert read(b"a\n", damage="cut") == [Block(b"a\n", 0, damage="cut")]
    assert read(b"", damage="cut") == [Block(b"", 0, damage="cut")]
    assert read(b"a\nb\n", chunk=2, damage="cut", block_bytes=1)[-1] == Block(b"", 4, damage="cut")


@pytest.mark.parametrize("chunk", CHUNKS)
def test_an_array_that_is_cut_gives_its_whole_elements(chunk: int) -> None:
    damage = "the array ends before its end"
    assert read(b'[{"a":1}, {"b":2} ', chunk) == [Block(b'{"a":1}\n {"b":2} \n', 1, damage=damage)]
    assert read(b'[{"a":1}, {"b"', chunk) == [Block(b'{"a":1}\n {"b"', 1, damage=damage)]
    assert read(b'[{"a":1}, {"b":"}', chunk) == [Block(b'{"a":1}\n {"b":"}', 1, damage=damage)]
    assert read(b"[", chunk) == [Block(b"", 1, damage=damage)]
    assert read(b"[1", chunk, damage="the gzip is cut")[0].damage == "the gzip is cut"


@pytest.mark.parametrize("chunk", CHUNKS)
def test_of_a_line_beyond_the_limit_the_first_bytes_are_kept_and_the_rest_is_counted(chunk: int) -> None:
    content = b"1234567\n" + b"x" * 25 + b"\n2\n" + b"y" * 9
    blocks = read(content, chunk, limit=8)
    assert blocks == [
        Block(b"1234567\nxxxxxxxx\n", 0, cut_bytes=17),
        Block(b"2\nyyyyyyyy", 34, cut_bytes=1),
    ]
    array = b'["' + b"x" * 20 + b'",2]'
    assert read(array, chunk, limit=8) == [Block(b'"xxxxxxx\n', 1, cut_bytes=14), Block(b"2\n", 24)]


def test_a_line_of_just_the_limit_is_whole() -> None:
    assert read(b"x" * 8 + b"\n", limit=8) == [Block(b"x" * 8 + b"\n", 0)]


def test_what_is_not_understood_has_no_blocks() -> None:
    with pytest.raises(NotUnderstoodError):
        read(b"garbage\n" * HEAD_BYTES, chunk=100, block_bytes=1)


@pytest.mark.parametrize(
    "first",
    [b'[{"a":1}]', b"[", b"\xef\xbb\xbf{}", b"\x00\n", b"PAR1"],
    ids=["array", "bracket", "mark", "null", "parquet"],
)
def test_what_came_through_the_stream_is_lines_whatever_it_begins_with(first: bytes) -> None:
    content = first + b'\n{"b":2}\n'
    (block,) = blocks_of(iter([content]), 1 << 20, 1 << 20, is_streamed=True)
    assert (block.data, block.first_offset, block.damage) == (content, 0, None)
