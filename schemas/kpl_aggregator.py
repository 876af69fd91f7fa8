"""Packing user records into one aggregated record.

The bytes are those that protobuf would write: the partition keys, the explicit hash keys, then the records, each key
once. It does not decide where an aggregate goes, and takes keys as they are.
"""

from __future__ import annotations

from collections.abc import Set
from functools import lru_cache

from schemas.kpl_wire import (
    DATA,
    DIGEST_BYTES,
    HASH_KEY_INDEX,
    HASH_KEYS,
    KEY_INDEX,
    KEYS,
    MAGIC,
    RECORDS,
    bytes_head,
    frame,
    varint_field,
)

_PARTS_OF_A_RECORD = 4


class Aggregator:
    """Packs user records into one aggregated record, up to a size.

    Not safe for use from several threads. All records of one aggregate go to one shard, so the caller keeps one
    aggregator for each shard.

    Args:
        max_bytes: the largest aggregate, frame included.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._reset()

    def _reset(self) -> None:
        self._key_index: dict[str, int] = {}
        self._hash_key_index: dict[str, int] = {}
        self._key_fields: list[bytes] = []
        self._hash_key_fields: list[bytes] = []
        self._parts: list[bytes] = []
        self._bytes = len(MAGIC) + DIGEST_BYTES

    def __len__(self) -> int:
        """Return the number of user records held."""
        return len(self._parts) // _PARTS_OF_A_RECORD

    @property
    def size_bytes(self) -> int:
        """The size of the aggregate that `drain` would return."""
        return self._bytes

    @property
    def partition_key(self) -> str:
        """The key to put the aggregate with: its first record's."""
        return next(iter(self._key_index))

    @property
    def partition_keys(self) -> Set[str]:
        """The keys of all records held; the set is of one aggregate, grows with it, and stays when it is drained."""
        return self._key_index.keys()

    def add(self, partition_key: str, data: bytes, explicit_hash_key: str | None = None) -> bool:
        """Take a record in, or return False and change nothing where it would not fit.

        A record that does not fit an empty aggregate never will: put it plain.

        Args:
            partition_key: any text that UTF-8 can hold.
            data: may be empty.
            explicit_hash_key: a decimal number below 2**128; readers refuse others, and it is not checked here.
        """
        # Runs for each event: what depends on numbers alone is looked up, and data is copied once, when all is joined.
        key_field = hash_key_field = b""
        hash_index = None
        if (index := self._key_index.get(partition_key)) is None:
            index = len(self._key_index)
            key_field = _key_field(KEYS, partition_key)
        if explicit_hash_key is not None and (hash_index := self._hash_key_index.get(explicit_hash_key)) is None:
            hash_index = len(self._hash_key_index)
            hash_key_field = _key_field(HASH_KEYS, explicit_hash_key)
        indexes = _index_fields(index, hash_index)
        record_head, data_head, record_bytes = _heads(len(indexes), len(data))
        grown = self._bytes + len(key_field) + len(hash_key_field) + record_bytes
        if grown > self._max_bytes:
            return False
        if key_field:
            self._key_index[partition_key] = index
            self._key_fields.append(key_field)
        if hash_key_field and explicit_hash_key is not None:
            self._hash_key_index[explicit_hash_key] = len(self._hash_key_index)
            self._hash_key_fields.append(hash_key_field)
        self._parts += (record_head, indexes, data_head, data)
        self._bytes = grown
        return True

    def drain(self) -> bytes:
        """Return the aggregate of what is held and begin a new one."""
        message = b"".join((*self._key_fields, *self._hash_key_fields, *self._parts))
        self._reset()
        return frame(message)


def _key_field(number: int, key: str) -> bytes:
    encoded = key.encode()
    return _key_head(number, len(encoded)) + encoded


# Each of these grows with the numbers that occur; the bounds keep memory flat where those are very many.
_key_head = lru_cache(maxsize=1 << 10)(bytes_head)


@lru_cache(maxsize=1 << 12)
def _index_fields(index: int, hash_index: int | None) -> bytes:
    fields = varint_field(KEY_INDEX, index)
    return fields if hash_index is None else fields + varint_field(HASH_KEY_INDEX, hash_index)


@lru_cache(maxsize=1 << 14)
def _heads(index_bytes: int, data_bytes: int) -> tuple[bytes, bytes, int]:
    """Return what stands before the indexes of a record, what between them and the data, and the size of it all."""
    data_head = bytes_head(DATA, data_bytes)
    content_bytes = index_bytes + len(data_head) + data_bytes
    record_head = bytes_head(RECORDS, content_bytes)
    return record_head, data_head, len(record_head) + content_bytes
