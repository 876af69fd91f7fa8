import gzip

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


def test_a_cut_gzip_gives_what_can_be_read_and_says_so() -> None:
    body = gzip.compress(TEXT)
    content = decompress(body[: len(body) // 2])
    assert content.damage == "the gzip ends before its end"
    assert TEXT.startswith(content.data)
    assert len(content.data) > 1000


def test_a_damaged_gzip_gives_what_comes_before_the_damage() -> None:
    body = bytearray(gzip.compress(TEXT + bytes(range(256)) * 4000, compresslevel=0))
    body[200_000:200_010] = b"\xff" * 10
    content = decompress(bytes(body))
    assert content.damage is not None
    assert TEXT.startswith(content.data[:60_000])


def test_bytes_after_a_gzip_that_are_none_are_damage_not_content() -> None:
    content = decompress(gzip.compress(b"one\n") + b"trailing")
    assert content.data == b"one\n"
    assert content.damage is not None
