"""Hash keys: the 128-bit numbers that decide which shard of a stream owns a record."""

from __future__ import annotations

import hashlib

MAX_HASH_KEY = (1 << 128) - 1
_MAX_DIGITS = len(str(MAX_HASH_KEY))


def hash_key_of(partition_key: str) -> int:
    """Return the hash key of a partition key.

    Source: Kinesis API reference, PutRecord: an MD5 hash maps partition keys to 128-bit integers.
    """
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def parse_hash_key(text: str) -> int | None:
    """Return the hash key that an explicit one, a decimal number, names; None where it names none."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        return None
    hash_key = int(text)
    return hash_key if hash_key <= MAX_HASH_KEY else None
