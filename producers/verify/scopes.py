"""Which raw objects, and which rows that were read from them, a run is to be judged by.

Pure. An object's folder names the hour of its oldest record, so it may name the hour before the run began.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from schemas.instants import HOUR_US, hour_floor_us
from schemas.lake import RAW_PREFIX, hour_folder, hour_of_key


@dataclass(frozen=True, slots=True)
class Scope:
    """What arrived since an hour.

    Attributes:
        since_us: the start of that hour; None for everything.
        earlier: keys that name no hour, of objects that were there before.
    """

    since_us: int | None
    earlier: Collection[str] = frozenset()

    def holds(self, key: str) -> bool:
        """Say whether an object, or a row that was read from it, is to be judged; where nobody can tell, it is."""
        if self.since_us is None:
            return True
        hour_us = hour_of_key(key)
        return key not in self.earlier if hour_us is None else hour_us >= self.since_us

    def first_folder(self, prefix: str = RAW_PREFIX) -> str:
        """Return the folder before which, in the order of keys, there are only hours out of scope."""
        return prefix if self.since_us is None else prefix + hour_folder(self.since_us)


def scope_since(started_us: int) -> Scope:
    """Return the scope of a run that began at an instant, with an hour of slack."""
    return Scope(hour_floor_us(started_us) - HOUR_US)
