"""A raw object to blocks of whole lines, in memory that does not grow with the object.

Plain, gzip or zstd, told by the first bytes; JSON lines or one array. What is read of it is decided by `schemas`, as
for the alerts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from backports import zstd
from zlib_ng import zlib_ng

from batch_compaction.body import Unread, UnreadObjectError, chunks_of
from batch_compaction.raw import RawObject
from schemas.blocks import Block, blocks_of
from schemas.compression import Zlib, decompressed
from schemas.formats import NotUnderstoodError
from schemas.lake import is_firehose_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# As exact about damage as zlib; `isal`, which is faster, is not, for its state cannot be copied. Cast since the stub of
# the module says that `error` is an instance.
_GZIP = cast("Zlib", zlib_ng)
BLOCK_BYTES = 4 << 20
# What is kept of a line; no event is a hundredth as long, so of a longer one nothing is lost that could be mended.
MAX_LINE_BYTES = 16 << 20


def read_blocks(
    s3: S3Client, raw: RawObject, block_bytes: int = BLOCK_BYTES, pause: Callable[[float], object] = time.sleep
) -> Iterator[Block]:
    """Yield the lines of an object.

    A gzip or zstd that is cut or damaged gives what can be read of it; the last block then says what is wrong. Where
    only a checksum tells of damage, some line may not be what was written.

    Args:
        s3: a client.
        raw: the object as it was found.
        block_bytes: about how large a block should be; one that holds a long line is larger.
        pause: waits between tries, for some seconds.

    Raises:
        UnreadObjectError: it is gone, changed, archived, or nothing that can be understood. Also after blocks were
            yielded, which are void then.
        WorkFailedError: S3 refused, or failed several times in a row.
    """
    content = decompressed(chunks_of(s3, raw, pause), _GZIP, zstd)
    try:
        yield from blocks_of(content, block_bytes, MAX_LINE_BYTES, is_streamed=is_firehose_object(raw.key))
    except NotUnderstoodError as error:
        raise UnreadObjectError(raw, Unread.NOT_UNDERSTOOD, error.kind) from error
