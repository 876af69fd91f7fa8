import gzip
import zlib

from batch_compaction.raw import decompress

TEXT = b"".join(b'{"line": %d, "of": "some length"}\n' % number for number in range(20_000))


def test_a_plain_body_is_its_content() -> None:
    assert decompress(TEXT).data == TEXT
    assert decompress(b"").data == b""


def test_gzip_is_seen_in_the_bytes_and_may_have_several_members() -> None:
    body = gzip.compress(TEXT) + gzip.compress(b"more\n")
    content = decompress(body)
    assert content.data == TEXT + b"more\n"
    assert content.damage is None


def test_many_small_members_are_read_in_one_pass() -> None:
    body = b"".join(gzip.compress(b"%d\n" % number) for number in range(20_000))
    assert decompress(body).data == b"".join(b"%d\n" % number for number in range(20_000))


def test_a_cut_gzip_gives_what_can_be_read_and_says_so() -> None:
    body = gzip.compress(TEXT)
    content = decompress(body[: len(body) // 2])
    assert content.damage == "the gzip ends before its end"
    assert TEXT.startswith(content.data)
    assert len(content.data) > 1000


def test_a_damaged_gzip_gives_what_comes_before_the_damage() -> None:
    body = bytearray(gzip.compress(TEXT, mtime=0))
    body[20_000:20_100] = b"\xff" * 100
    content = decompress(bytes(body))
    assert content.damage is not None
    before = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(bytes(body[:18_000]))
    assert len(before) > 50_000
    assert content.data.startswith(before)


def test_a_short_gzip_gives_what_comes_before_its_damage_too() -> None:
    body = gzip.compress(TEXT[:20_000], compresslevel=0, mtime=0)
    content = decompress(body[:12_000] + b"\xff" * 8 + body[12_008:])
    assert content.damage is not None
    assert content.data.startswith(TEXT[:10_000])


def test_a_wrong_checksum_is_damage_of_content_that_is_whole() -> None:
    body = gzip.compress(TEXT, mtime=0)
    content = decompress(body[:-8] + b"\0\0\0\0" + body[-4:])
    assert content.damage is not None
    assert content.data == TEXT[: len(content.data)]


def test_bytes_after_a_gzip_that_are_none_are_damage_not_content() -> None:
    content = decompress(gzip.compress(b"one\n") + b"trailing")
    assert content.data == b"one\n"
    assert content.damage is not None
