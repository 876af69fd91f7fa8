"""What every source gives: the one record type that the graph begins with."""

from __future__ import annotations

from pyflink.common import Types

# The record's bytes, its arrival in microseconds since the epoch, its shard and its sequence number. A source that does
# not know the last two gives empty texts.
RECORD_TYPE = Types.TUPLE([Types.PRIMITIVE_ARRAY(Types.BYTE()), Types.LONG(), Types.STRING(), Types.STRING()])
