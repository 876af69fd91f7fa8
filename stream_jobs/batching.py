"""How many of the waiting entries go into one batch call.

Decides by count and by bytes, in order. Never skips an entry to fill a gap: that would turn one user's order round.
"""

from __future__ import annotations

from collections.abc import Iterable

# SNS PublishBatch and SQS SendMessageBatch alike: ten entries, 256 KiB over all of them.
# Source: SNS API reference, PublishBatch; SQS developer guide, "Message quotas".
MAX_BATCH_ENTRIES = 10
MAX_BATCH_BYTES = 256 * 1024


def batch_length(sizes_bytes: Iterable[int], max_entries: int, max_bytes: int) -> int:
    """Return how many entries from the front fit one batch.

    At least one where there is any: an entry that no batch holds goes alone, for its sender to reject.
    """
    count = total = 0
    for size in sizes_bytes:
        total += size
        if count == max_entries or (count and total > max_bytes):
            break
        count += 1
    return count
