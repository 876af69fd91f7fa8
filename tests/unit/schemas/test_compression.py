from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from backports import zstd
from zlib_ng import zlib_ng

from schemas.compression import DamagedError, Zlib, decompressed

TEXT = b"".join(b'{"line": %d, "of": "%x"}\n' % (number, hash((number, number))) for number in range(40_000))
NG = cast("Zlib", zlib_ng)  # whose types say that `error` is an instance
BOTH = pytest.mark.parametrize("module", [zlib, NG], ids=["zlib", "zlib-ng"])
CHUNKS = [1, 7, 1000, 1 << 20]


def cut(body: bytes, chunk: int) -> Iterator[bytes]:
    return (body[at : at + chunk] for at in range(0, len(body), chunk))


def read(body: bytes, chunk: int = 1 << 20, module: Zlib = NG) -> tuple[bytes, str | None]:
    """Content and damage."""
    found = []
    try:
        for piece in decompressed(cut(body, chunk), module, zstd):
            assert 0 < len(piece) <= 1 << 20
            found.append(piece)
    except DamagedError as error:
        return b"".join(found), str(error)
    return b"".join(found), None


def frame(content: bytes, checksum: bool = True) -> bytes:
    return zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: int(checksum)})


@pytest.mark.parametrize("body", [b"", b"\x1f", b"\x28\xb5\x2f", TEXT])
def test_a_plain_body_is_its_content(body: bytes) -> None:
    assert read(body) == read(body, 5) == (body, None)


@BOTH
@pytest.mark.parametrize("chunk", CHUNKS)
def test_a_gzip_may_have_several_members_and_padding(chunk: int, module: Zlib) -> None:
    body = gzip.compress(TEXT[:5000]) + bytes(700) + gzip.compress(b"") + gzip.compress(b"more\n") + bytes(3)
    assert read(body, chunk, module) == (TEXT[:5000] + b"more\n", None)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_a_zstd_may_have_several_frames_and_some_that_carry_no_content(chunk: int) -> None:
    skipped = b"\x5a\x2a\x4d\x18" + (600).to_bytes(4, "little") + bytes(600)
    assert read(skipped + frame(TEXT) + skipped + frame(b"more\n"), chunk) == (TEXT + b"more\n", None)


def test_many_small_members_are_read_in_one_pass() -> None:
    assert read(b"".join(gzip.compress(b"%d\n" % number) for number in range(5_000)))[0].count(b"\n") == 5_000


@BOTH
@pytest.mark.parametrize("chunk", [100, 1 << 20])
def test_a_cut_gzip_gives_what_can_be_read(chunk: int, module: Zlib) -> None:
    body = gzip.compress(TEXT)
    found, damage = read(body[: len(body) // 2], chunk, module)
    assert damage == "the gzip ends before its end"
    assert found == zlib.decompressobj(31).decompress(body[: len(body) // 2])


@BOTH
@pytest.mark.parametrize("chunk", [100, 1 << 20])
def test_a_damaged_gzip_gives_each_byte_before_the_damage(chunk: int, module: Zlib) -> None:
    body = gzip.compress(TEXT, compresslevel=0, mtime=0)
    spoilt = body[:100_000] + b"\xff" * 40_000 + body[140_000:]
    found, damage = read(spoilt, chunk, module)
    assert damage is not None
    assert damage.startswith("the gzip is damaged: ")
    assert found.startswith(TEXT[:99_000])


@BOTH
def test_a_wrong_checksum_is_damage_of_content_that_is_whole(module: Zlib) -> None:
    body = gzip.compress(TEXT, mtime=0)
    found, damage = read(body[:-8] + b"\0\0\0\0" + body[-4:], module=module)
    assert found == TEXT
    assert damage is not None


@pytest.mark.parametrize("pack", [gzip.compress, frame])
def test_bytes_behind_the_end_are_damage_not_content(pack: Callable[[bytes], bytes]) -> None:
    found, damage = read(pack(b"one\n") + b"trailing")
    assert found == b"one\n"
    assert damage is not None


@pytest.mark.parametrize("chunk", [100, 1 << 20])
def test_a_cut_zstd_gives_what_can_be_read(chunk: int) -> None:
    body = frame(TEXT)
    found, damage = read(body[: len(body) // 2], chunk)
    assert damage == "the zstd ends before its end"
    assert TEXT.startswith(found)
    assert len(found) > len(TEXT) // 4


def test_a_damaged_zstd_gives_what_comes_before_the_damage_however_it_is_cut() -> None:
    body = bytearray(frame(TEXT))
    middle = len(body) // 2
    body[middle : middle + 64] = bytes(64)
    found, damage = read(bytes(body))
    assert damage is not None
    assert TEXT.startswith(found)
    assert len(found) > len(TEXT) // 4
    assert read(bytes(body), 100) == (found, damage)


@pytest.mark.parametrize("pack", [gzip.compress, frame])
def test_much_content_in_few_bytes_comes_in_small_pieces(pack: Callable[[bytes], bytes]) -> None:
    assert len(read(pack(bytes(50_000_000)))[0]) == 50_000_000
