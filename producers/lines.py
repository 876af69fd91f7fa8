"""The unit that producers hand on: one event's bytes and the key that decides its shard.

What the bytes hold is not judged here; a line may be damaged on purpose or as recorded.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

# Source: Kinesis API reference, PutRecordsRequestEntry: a partition key has 1 to 256 characters.
MAX_PARTITION_KEY_CHARS = 256


class Line(NamedTuple):
    """One event as it goes to the stream.

    Attributes:
        partition_key: decides the shard; one user's events share it and so stay in order.
        data: the bytes, without a newline.
        event_us: when it happened, in microseconds; None where the bytes do not say.
        explicit_hash_key: decides the shard in place of the partition key, a decimal number; None for none.
    """

    partition_key: str
    data: bytes
    event_us: int | None = None
    explicit_hash_key: str | None = None


def line_digest_text(data: bytes) -> str:
    """Return 32 hex digits that are equal for equal bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def partition_key_of(user_id: str | None, data: bytes) -> str:
    """Return the key for a user's event; without a usable user the data's digest spreads it."""
    if user_id and len(user_id) <= MAX_PARTITION_KEY_CHARS:
        return user_id
    return hashlib.sha256(user_id.encode() if user_id else data).hexdigest()
