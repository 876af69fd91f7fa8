"""What every source gives: the one record type that the graph begins with, and a sign of life among the records."""

from __future__ import annotations

from pyflink.common import Types

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
# The record's bytes, its arrival in microseconds since the epoch, its shard and its sequence number (empty where the
# source does not know them), and whether it may have been in the stream before this attempt began to read.
RECORD_TYPE = Types.TUPLE([BYTES, Types.LONG(), Types.STRING(), Types.STRING(), Types.BOOLEAN()])
# What a source gives that can say so, whenever an attempt begins to read: no record arrived in 1970. See `Deliver`.
BEGINNING = b"", 0, "", "", False
