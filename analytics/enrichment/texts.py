"""The distinct user agents of some facts, in memory that is bounded. Pure: the facts are an argument.

Batches of one column are looked at, and what is kept is one copy of each text. Producers pass on what their visitors
send, so nothing is known of length and number: a text that is too long, or that comes when there is no more room, gets
no row, and the facts that have it are counted.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

# The documented key of the event's metadata.
USER_AGENT = "user_agent"
_METADATA = "metadata"
_BATCH_ROWS = 8192


@dataclass(frozen=True, slots=True)
class TextLimits:
    """How much text the table may hold.

    Attributes:
        text_chars: characters of one text; web servers refuse headers of some 8,000, and browsers send hundreds.
        all_chars: characters of all texts together, each counted as some more than it has.
    """

    text_chars: int = 2048
    all_chars: int = 64 * 1024 * 1024


# What a text takes beside its characters, here and in the table.
TEXT_OVERHEAD_CHARS = 64


@dataclass(frozen=True, slots=True)
class FoundTexts:
    """What facts say.

    Attributes:
        new: the texts that were not known, in order.
        left_out: facts whose text gets no row, since it is too long or there is no room.
    """

    new: tuple[str, ...]
    left_out: int


def distinct_texts(facts: ds.Dataset, known: Collection[str], limits: TextLimits) -> FoundTexts:
    """Return the user agents of facts.

    Args:
        facts: rows of `fact_clicks`.
        known: the texts that have a row; they take their part of the room.
        limits: of the texts.
    """
    new: set[str] = set()
    left_out = 0
    room_chars = limits.all_chars - sum(map(_size_chars, known))
    batches = facts.to_batches(columns=[_METADATA], batch_size=_BATCH_ROWS, batch_readahead=1, fragment_readahead=1)
    for batch in batches:
        for text, count in _counted(batch):
            if text in new or text in known:
                continue
            if len(text) > limits.text_chars or _size_chars(text) > room_chars:
                left_out += count
            else:
                new.add(text)
                room_chars -= _size_chars(text)
    return FoundTexts(tuple(sorted(new)), left_out)


def _counted(batch: pa.RecordBatch) -> list[tuple[str, int]]:
    """Return each text of a batch with the number of its rows."""
    texts = pc.map_lookup(batch.column(_METADATA), pa.scalar(USER_AGENT), "first").drop_null()
    counts = pc.value_counts(texts)
    return list(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))


def _size_chars(text: str) -> int:
    return len(text) + TEXT_OVERHEAD_CHARS
