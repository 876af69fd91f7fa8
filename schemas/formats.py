"""What is no JSON lines and no JSON array at all, told by its first bytes.

Pure. Refuses an object as a whole where each of its lines would only be garbage: a known binary format, another
encoding of text, or a large object in whose head nothing begins a JSON object. A bad line among good ones is not for
here.
"""

from __future__ import annotations

import re

from schemas.compression import GZIP_MAGIC, ZSTD_MAGICS
from schemas.errors import BadRecordError

# How much of the content is looked at; a smaller object is small enough to be judged line by line.
HEAD_BYTES = 64 * 1024
# Source: the specifications of the formats.
_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "Parquet"),
    (b"PAR\x00", "Parquet"),
    (b"Obj\x01", "Avro"),
    (b"ARROW1\x00\x00", "Arrow"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (GZIP_MAGIC, "gzip"),
    *((magic, "zstd") for magic in ZSTD_MAGICS),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "Snappy"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"%PDF-", "PDF"),
    (b"\x7fELF", "ELF"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
)
_BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
_WIDE = re.compile(
    rb"(?:[\t\n\r -~]\x00){2}|(?:\x00[\t\n\r -~]){2}|[\t\n\r -~]\x00{3}[\t\n\r -~]|\x00{3}[\t\n\r -~]\x00{3}"
)
_OBJECT_LINE = re.compile(rb'^[ \t\r]*\{[ \t\r]*(?:"[^"\x00-\x1f]*"[ \t\r]*:|\})', re.MULTILINE)
_ARRAY = re.compile(rb"[ \t\r\n]*\[")
_OBJECT = re.compile(rb'\{[ \t\r\n]*(?:"[^"\x00-\x1f]*"[ \t\r\n]*:|\})')


class NotUnderstoodError(BadRecordError):
    """The object holds nothing that could be read.

    Attributes:
        kind: what it seems to be, for a person.
        head: how its content begins.
    """

    def __init__(self, kind: str, head: bytes) -> None:
        super().__init__(f"neither JSON lines nor a JSON array: {kind}")
        self.kind = kind
        self.head = head


def require_understood(head: bytes) -> None:
    """Judge content by its head.

    Args:
        head: the content, or where it is longer more than HEAD_BYTES of it. Only so many are looked at.

    Raises:
        NotUnderstoodError: nothing of it is to be read.
    """
    if kind := _kind_of(head):
        raise NotUnderstoodError(kind, head[:HEAD_BYTES])


def _kind_of(head: bytes) -> str | None:
    for magic, kind in _MAGICS:
        if head.startswith(magic):
            return kind
    if _BZIP2.match(head):
        return "bzip2"
    if _WIDE.match(head):
        return "UTF-16 or UTF-32"
    if len(head) <= HEAD_BYTES or _begins_an_object(head[:HEAD_BYTES]):
        return None
    return f"no JSON object begins in the first {HEAD_BYTES // 1024} KiB"


def _begins_an_object(head: bytes) -> bool:
    pattern = _OBJECT if _ARRAY.match(head) else _OBJECT_LINE
    return pattern.search(head) is not None or not head.strip()
