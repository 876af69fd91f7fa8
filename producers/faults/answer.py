"""The answer in short: how many lines of each kind were made, and so what must come out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Answer:
    """What the lines made so far must become.

    Attributes:
        events: distinct valid events, each of them one fact.
        duplicates: exact copies of one of these.
        conflicts: other payloads under the id of one of these.
        corrupt: lines that are no event, by the reason for which they must be refused.
        unsendable: lines that no stream takes.
        late: events whose time was moved back.
        purchases: distinct valid purchases.
        event_types: `events` by type.
        faults: lines by the fault that they carry.
    """

    events: int = 0
    duplicates: int = 0
    conflicts: int = 0
    corrupt: Counter[str] = field(default_factory=Counter)
    unsendable: int = 0
    late: int = 0
    purchases: int = 0
    event_types: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        """All lines: each is in exactly one of these classes."""
        return self.events + self.duplicates + self.conflicts + self.corrupt.total() + self.unsendable
