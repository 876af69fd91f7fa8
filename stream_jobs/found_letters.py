"""A message of the dead-letter queue as it was found there, and which of them are meant.

Anybody may send to a queue: what is no dead letter is a finding too.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas.dead_letter import DeadLetter, Stage, decode_dead_letter

FOREIGN = "not_a_dead_letter"


@dataclass(frozen=True, slots=True)
class Found:
    """A message of the queue.

    Attributes:
        message_id: the queue's id of it.
        sent_us: when it was sent, by the queue's clock.
        letter: what it holds; None where it is no dead letter, for anyone may send to a queue.
        body: the message as it is.
    """

    message_id: str
    sent_us: int
    letter: DeadLetter | None
    body: str

    @property
    def reason(self) -> str:
        """Why it is in the queue."""
        return FOREIGN if self.letter is None else self.letter.reason


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; an empty set, or None, means all.

    Attributes:
        ids: message ids.
        reasons: reasons.
        stage: the stage.
    """

    ids: frozenset[str] = field(default_factory=frozenset)
    reasons: frozenset[str] = field(default_factory=frozenset)
    stage: Stage | None = None

    def takes(self, found: Found) -> bool:
        """Say whether a letter is meant."""
        stage = None if found.letter is None else found.letter.stage
        return (
            (not self.ids or found.message_id in self.ids)
            and (not self.reasons or found.reason in self.reasons)
            and (self.stage is None or stage == self.stage)
        )


def found_in(message: Mapping[str, Any]) -> Found:
    """Return what a message holds, of an answer to ReceiveMessage with its `SentTimestamp`."""
    body = message["Body"]
    letter = None
    with suppress(msgspec.DecodeError):
        letter = decode_dead_letter(body)
    return Found(message["MessageId"], int(message["Attributes"]["SentTimestamp"]) * 1000, letter, body)
