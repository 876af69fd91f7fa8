"""The stamp: who sent an event, and its number among those that this producer sent.

Pure. It is put into an event's bytes, so that whoever damages them on purpose can stamp before. A line is stamped right
before it is handed over: what is stamped counts as sent.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from schemas.attestation import line_digest


class Stamped(NamedTuple):
    """What has been stamped so far.

    Attributes:
        next_seq: the number of the next event.
        digest: the sum of the `line_digest` of the events whose digests are kept.
    """

    next_seq: int
    digest: int


class Stamper:
    """Numbers events. Safe to be read while another thread stamps; one thread stamps at a time.

    Args:
        producer_id: who sends them.
        first_seq: the number of the first event.
        digest_from: the number of the first event whose digest is kept; those before it are attested already.

    Attributes:
        stamped: what has been stamped so far.
    """

    def __init__(self, producer_id: str, first_seq: int = 0, digest_from: int = 0) -> None:
        self.producer_id = producer_id
        self.digest_from = max(first_seq, digest_from)
        self.stamped = Stamped(first_seq, 0)
        self._tail = b',"producer_id":' + msgspec.json.encode(producer_id) + b',"producer_seq":'

    def stamp(self, data: bytes) -> bytes:
        """Return the bytes of a JSON object, which has no stamp and is not empty, with the next stamp at its end."""
        seq, digest = self.stamped
        stamped = b"%b%b%d}" % (data[:-1], self._tail, seq)
        if seq >= self.digest_from:
            digest += line_digest(stamped)
        self.stamped = Stamped(seq + 1, digest)
        return stamped
