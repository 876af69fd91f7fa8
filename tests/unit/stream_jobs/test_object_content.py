from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from backports import zstd

from stream_jobs.object_content import Piece, pieces

LIMIT = 100


def read(
    content: bytes, limit: int = LIMIT, block: int = 1 << 20, on_block: Callable[[], object] = lambda: None
) -> list[Piece]:
    return list(pieces((content[at : at + block] for at in range(0, len(content), block)), limit, on_block))


def texts(content: bytes, block: int = 1 << 20) -> list[bytes]:
    return [piece.data for piece in read(content, block=block)]


def test_each_line_is_a_piece_with_its_number() -> None:
    assert read(b'{"a": 1}\n\n{"b": 2}') == [Piece(1, b'{"a": 1}', 8), Piece(2, b"", 0), Piece(3, b'{"b": 2}', 8)]


def test_the_newline_at_the_end_begins_no_piece() -> None:
    assert texts(b"a\nb\n") == texts(b"a\nb") == [b"a", b"b"]


def test_an_empty_object_holds_nothing() -> None:
    assert read(b"") == []
    assert read(gzip.compress(b"")) == read(zstd.compress(b"")) == []


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1000])
def test_each_element_of_an_array_is_a_piece_however_it_is_written(block: int) -> None:
    content = b'\n [ {"a": "],[\\"{\\\\", "b": [1, {"c": 2}]} ,\n{\n "d": "\xc3\xb6"\n}\n, 12,"x", []\n]\n'
    found = [piece.data.strip() for piece in read(content, block=block) if piece.data.strip()]
    assert found == [
        b'{"a": "],[\\"{\\\\", "b": [1, {"c": 2}]}',
        b'{\r "d": "\xc3\xb6"\r}',
        b"12",
        b'"x"',
        b"[]",
    ]


def test_an_array_without_elements_holds_nothing_but_blanks() -> None:
    assert read(b"[]") == [Piece(1, b"", 0)]
    assert read(b" [ \n ] ") == [Piece(1, b" \r ", 3), Piece(2, b" ", 1)]


def test_what_is_not_understood_is_one_piece_that_says_so() -> None:
    content = b"PAR1" + bytes(range(256)) * 1000
    [piece] = read(content)
    assert (piece.number, piece.data) == (1, content[:LIMIT])
    assert piece.is_cut
    assert piece.damage == "neither JSON lines nor a JSON array: Parquet"


def test_what_follows_an_array_is_read_as_lines() -> None:
    assert texts(b"[1,2]\n3\n") == [b"1", b"2", b"", b"3"]


def test_a_bracket_later_in_the_object_begins_no_array() -> None:
    assert texts(b"1\n[2,3]") == [b"1", b"[2,3]"]


def test_a_gzip_is_told_by_its_first_bytes_and_read_to_the_end_of_its_last_member() -> None:
    content = gzip.compress(b"a\nb") + gzip.compress(b"c\nd\n")
    assert texts(content) == texts(content, block=1) == [b"a", b"bc", b"d"]


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_a_zstd_is_told_by_its_first_bytes_and_read_to_the_end_of_its_last_frame(block: int) -> None:
    assert texts(zstd.compress(b"a\nb") + zstd.compress(b"c\nd\n"), block=block) == [b"a", b"bc", b"d"]
    assert texts(zstd.compress(b'[{"a": 1}, 2]'), block=block) == [b'{"a": 1}', b" 2"]


@pytest.mark.parametrize("content", [b"1\n" + b"x" * 250 + b"\n2\n", b'[1,"' + b"x" * 248 + b'",2]'])
@pytest.mark.parametrize("block", [1, 64, 1000])
def test_of_a_piece_beyond_the_limit_only_the_first_bytes_are_kept(content: bytes, block: int) -> None:
    first, long, last = read(content, block=block)
    assert (first.data, last.data) == (b"1", b"2")
    assert (len(long.data), long.length, long.is_cut) == (LIMIT, 250, True)


def test_a_gzip_that_is_cut_gives_its_whole_lines_and_says_so() -> None:
    content = gzip.compress(b"".join(b'{"number": %d}\n' % number for number in range(1000)))
    *whole, last = read(content[: len(content) // 2])
    assert len(whole) > 100
    assert [piece.data for piece in whole] == [b'{"number": %d}' % number for number in range(len(whole))]
    assert last.damage == "the gzip ends before its end"
    assert (b'{"number": %d}' % len(whole)).startswith(last.data)


def test_a_zstd_that_is_cut_or_damaged_gives_whole_lines_before_that_and_says_so() -> None:
    lines = [b'{"number": %d}' % (number * 7919 % 100_003) for number in range(20_000)]
    content = zstd.compress(b"\n".join(lines))
    spoilt = bytearray(content)
    spoilt[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    for damaged, said in ((content[: len(content) // 2], "ends before its end"), (bytes(spoilt), "is damaged: ")):
        *whole, last = read(damaged)
        assert len(whole) > 1000
        assert [piece.data for piece in whole] == lines[: len(whole)]
        assert last.damage is not None and last.damage.startswith(f"the zstd {said}")


def test_a_zstd_within_another_is_not_understood() -> None:
    [piece] = read(zstd.compress(zstd.compress(b"a\n")))
    assert piece.damage == "neither JSON lines nor a JSON array: zstd"


def test_a_gzip_that_only_its_checksum_calls_damaged_gives_all_its_lines() -> None:
    content = bytearray(gzip.compress(b"a\nb\n"))
    content[-5] ^= 1
    *whole, last = read(bytes(content))
    assert [piece.data for piece in whole] == [b"a", b"b"]
    assert last.damage is not None
    assert "incorrect data check" in last.damage


@pytest.mark.parametrize("behind", [b"more", bytes(600) + b"more"])
def test_bytes_behind_a_gzip_are_damage(behind: bytes) -> None:
    first, last = read(gzip.compress(b"a\n") + behind)
    assert first.data == b"a"
    assert last.damage is not None


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_zeros_behind_a_gzip_or_one_of_its_members_are_padding(block: int) -> None:
    padded = gzip.compress(b"a\n") + bytes(500) + gzip.compress(b"b") + bytes(1)
    assert read(padded, block=block) == [Piece(1, b"a", 1), Piece(2, b"b", 1)]


@pytest.mark.parametrize("block", [1, 2, 3, 4, 1000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_a_byte_order_mark_belongs_to_no_piece(block: int, pack: Callable[[bytes], bytes]) -> None:
    mark = b"\xef\xbb\xbf"
    assert texts(pack(mark + b'{"a": 1}\n' + mark), block=block) == [b'{"a": 1}', mark]
    assert texts(pack(mark + b"[1,2]"), block=block) == [b"1", b"2"]
    assert texts(pack(mark), block=block) == []
    assert texts(pack(mark[:2]), block=block) == [mark[:2]]


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_what_holds_much_more_than_itself_is_watched_while_it_is_unpacked(pack: Callable[[bytes], bytes]) -> None:
    calls = 0

    def on_block() -> None:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        read(pack(b" " * 20_000_000), on_block=on_block)


def test_a_gzip_that_holds_nothing_is_watched_while_it_is_read() -> None:
    calls: list[None] = []
    assert read(gzip.compress(b"") * 100, block=100, on_block=lambda: calls.append(None)) == []
    assert len(calls) == 20


def test_an_array_that_is_cut_gives_its_whole_elements_and_says_so() -> None:
    assert read(b'[{"a": 1}, {"b": 2}') == [
        Piece(1, b'{"a": 1}', 8),
        Piece(2, b' {"b": 2}', 9),
        Piece(3, b"", 0, "the array ends before its end"),
    ]
    assert read(b'[{"a": 1}, {"b')[1:] == [Piece(2, b' {"b', 4, "the array ends before its end")]


def test_a_brace_that_closes_nothing_is_left_to_whoever_judges_the_element() -> None:
    assert texts(b"[}, 1]") == [b"}", b" 1"]
