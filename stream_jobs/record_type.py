"""What every source gives: the one record type that the graph begins with, and a sign of life at its side."""

from __future__ import annotations

from pyflink.common import Types
from pyflink.datastream import OutputTag

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
# The record's bytes, its arrival in microseconds since the epoch, its shard and its sequence number (empty where the
# source does not know them), and whether it may have been in the stream before this attempt began to read.
RECORD_TYPE = Types.TUPLE([BYTES, Types.LONG(), Types.STRING(), Types.STRING(), Types.BOOLEAN()])
# Empty bytes, from a source that can say so, whenever an attempt begins to read: see `Deliver`.
BEGINNINGS = OutputTag("beginnings", BYTES)
