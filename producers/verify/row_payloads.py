"""The payloads of rows of the star schema, digested anew from what the columns say.

Pure. Uses the contract's digest, so a row is right when it says what the event said, in every column of the payload.
"""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa

from producers.verify.evidence import digests
from schemas.codec import payload_digest
from schemas.event import ClickEvent

_TEXTS = ("user_id", "session_id", "event_type", "device_type", "page_url", "referrer_url")


def payloads_of(rows: pa.RecordBatch) -> pa.Array:
    """Return the digest of each row's payload."""
    texts = [_texts(rows.column(name)) for name in _TEXTS]
    instants_us = rows.column("event_timestamp").cast(pa.timestamp("us")).cast(pa.int64()).to_pylist()
    found = [
        payload_digest(
            ClickEvent(
                event_id="",
                user_id=user_id,
                session_id=session_id,
                event_type=event_type,
                event_timestamp_us=instant_us,
                device_type=device_type,
                page_url=page_url,
                referrer_url=referrer_url,
                metadata=metadata,
            )
        )
        for user_id, session_id, event_type, device_type, page_url, referrer_url, instant_us, metadata in zip(
            *texts, instants_us, _maps(rows.column("metadata")), strict=True
        )
    ]
    return digests(bytes.fromhex("".join(found)))


def _texts(column: pa.Array) -> list[str | None]:
    # Most texts repeat, and each is made a Python text once.
    encoded = column.dictionary_encode()
    texts = [*encoded.dictionary.to_pylist(), None]
    return [texts[place] for place in encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False).tolist()]


def _maps(column: pa.MapArray) -> list[dict[str | None, str | None]]:
    # Row by row Arrow takes several times as long.
    ends = column.offsets.to_pylist()
    pairs = list(zip(_texts(column.keys), _texts(column.items), strict=True))
    return [dict(pairs[begin:end]) for begin, end in pairwise(ends)]
