"""Chance that is the same for everybody who asks: a hash of the seed and of what is asked about.

So a fault does not depend on which process meets an event, nor on what came before it.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

# An id of our own is a UUID of version 7: what stands before is its time. The same visits at another time get the
# same faults.
_TIMELESS_CHARS = 21
_unpack = Struct("<3Q").unpack
_DISCARD_BITS = 11
_UNIT = 2.0**-53


class Draw(NamedTuple):
    """Three numbers of [0, 1), independent of each other."""

    which: float
    how: float
    where: float


class Chance:
    """Draws for one seed."""

    def __init__(self, seed: int) -> None:
        self._key = blake2b(f"{seed}".encode()).digest()

    def of_event(self, event_id: str) -> Draw:
        """Return the draw for an event."""
        return self._draw(event_id[-_TIMELESS_CHARS:], b"event")

    def of_user(self, user_id: str) -> Draw:
        """Return the draw for a user."""
        return self._draw(user_id, b"user")

    def of_window(self, number: int) -> Draw:
        """Return the draw for a stretch of time."""
        return self._draw(f"{number}", b"window")

    def _draw(self, subject: str, kind: bytes) -> Draw:
        digest = blake2b(subject.encode(), key=self._key, person=kind, digest_size=24).digest()
        which, how, where = _unpack(digest)
        return Draw((which >> _DISCARD_BITS) * _UNIT, (how >> _DISCARD_BITS) * _UNIT, (where >> _DISCARD_BITS) * _UNIT)
