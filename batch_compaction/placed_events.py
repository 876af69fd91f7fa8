"""Events as places in bytes, put in order before anything of them is copied into columns. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from batch_compaction.arrays import Numbers, Places
from batch_compaction.line_scan import ACTION, TEXTS, Scan
from batch_compaction.text_columns import filled_texts_at, texts_at
from schemas.instants import HOUR_US

# The texts that an event keeps; behind them come those that only stood in for others.
_KEPT = tuple(name for name in TEXTS[:ACTION])


def with_events(data: bytes, found: Scan, columns: Mapping[str, pa.Array], lines: Numbers) -> tuple[bytes, Scan]:
    """Return bytes and the events in them, with further events whose texts are put behind these bytes.

    Args:
        data: the bytes.
        found: events in them.
        columns: name of a field -> its values in the further events.
        lines: where these stand among the lines.
    """
    tail: list[bytes] = [data]
    end = len(data)

    def placed(texts: pa.StringArray) -> Places:
        nonlocal end
        _, offsets, octets = texts.buffers()
        bounds = np.frombuffer(offsets, np.int32)[: len(texts) + 1] + np.int32(end)
        tail.append(octets.to_pybytes() if octets else b"")
        end += len(tail[-1])
        return np.column_stack([bounds[:-1], bounds[1:]])

    places = np.full((len(lines), *found.places.shape[1:]), -1, np.int32)
    for field, name in enumerate(_KEPT):
        places[:, field] = placed(columns[name])
    metadata = columns["metadata"]
    further = Scan(
        lines,
        places,
        columns["event_timestamp_us"].cast(pa.int64()).to_numpy(),
        columns["producer_seq"].fill_null(-1).to_numpy(),
        np.diff(metadata.offsets.to_numpy()),
        np.hstack([placed(metadata.keys), placed(metadata.items)]),
        found.others[:0],
    )
    together: tuple[Any, ...] = tuple(zip(found, further, strict=True))
    return b"".join(tail), Scan(*map(np.concatenate, together))


def by_hour(found: Scan) -> Scan:
    """Return events in the order of their hours, those of one hour as they stand."""
    hours = found.instants // HOUR_US
    if not len(hours) or (hours == hours[0]).all():
        return found
    hours -= hours.min()
    # Numbers of 16 bits, for as good as always they are small enough, are sorted without comparing them.
    order = np.argsort(hours.astype(np.uint16) if hours.max() < 1 << 16 else hours, kind="stable")
    counts = found.entry_counts[order]
    # Where the entries of each event begin: before, and from now on.
    before, after = (np.cumsum(of, dtype=np.int64) - of for of in (found.entry_counts, counts))
    entries = np.arange(len(found.entries)) + np.repeat(before[order] - after, counts)
    return Scan(
        found.lines[order],
        found.places.take(order, axis=0),
        found.instants[order],
        found.seqs[order],
        counts,
        found.entries.take(entries, axis=0),
        found.others,
    )


def counts_by_hour(found: Scan) -> dict[int, int]:
    """Return event hour -> how many events happened in it, in time order."""
    hours, counts = np.unique(found.instants // HOUR_US, return_counts=True)
    return dict(zip((hours * HOUR_US).tolist(), counts.tolist(), strict=True))


def in_hours(found: Scan, hours: Iterable[int]) -> Scan:
    """Return the events that happened in some hours."""
    rows = np.isin(found.instants // HOUR_US * HOUR_US, np.fromiter(hours, np.int64))
    entries = found.entries[np.repeat(rows, found.entry_counts)]
    return Scan(
        found.lines[rows],
        found.places[rows],
        found.instants[rows],
        found.seqs[rows],
        found.entry_counts[rows],
        entries,
        found.others,
    )


def columns_of(data: bytes, found: Scan) -> dict[str, pa.Array]:
    """Return name of a field -> its values, of events in some bytes."""
    columns = {name: filled_texts_at(data, found.places[:, field]) for field, name in enumerate(_KEPT)}
    columns["event_timestamp_us"] = pa.array(found.instants).view(pa.timestamp("us"))
    columns["producer_seq"] = pa.array(found.seqs, mask=found.seqs < 0)
    bounds = np.zeros(len(found.lines) + 1, np.int32)
    np.cumsum(found.entry_counts, out=bounds[1:])
    keys, values = (texts_at(data, found.entries[:, pair]) for pair in (slice(0, 2), slice(2, 4)))
    columns["metadata"] = pa.MapArray.from_arrays(pa.array(bounds), keys, values)
    return columns
