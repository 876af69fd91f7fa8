"""The doors of a deployment: to its topics, its receipts and its dead-letter queue.

Made inside of the tasks that use them: clients do not travel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.settings import Settings
from stream_jobs import aws_calls
from stream_jobs.clock import now_us
from stream_jobs.dead_letters import DeadLetterQueue
from stream_jobs.outbox import Door
from stream_jobs.patience import Patience, Witness
from stream_jobs.receipts import ReceiptFiles
from stream_jobs.rules import Rules
from stream_jobs.topic import MAX_FLIGHTS, AlertTopics

# Pauses a thread for some seconds and says whether the job is closing.
Wait = Callable[[float], bool]


class Doors(Protocol):
    """What opens the doors of a job; the witness is told what fails behind them."""

    def topics(self, wait: Wait, witness: Witness) -> Door:
        """Return the door to the alert topics."""
        ...

    def receipts(self, wait: Wait, witness: Witness) -> Door:
        """Return the door to the receipts."""
        ...

    def dead_letters(self, wait: Wait, witness: Witness) -> Door:
        """Return the door to the dead-letter queue."""
        ...


@dataclass(frozen=True, slots=True)
class AwsDoors:
    """The doors to AWS, or to what answers in its place.

    Attributes:
        settings: names the bucket and the queue.
        rules: name the topics.
        deadline_s: how long a far side may refuse everything before the job fails.
        receipts_linger_ms: how long receipts are collected for one object.
        region: where no variable has it.
    """

    settings: Settings
    rules: Rules
    deadline_s: float
    receipts_linger_ms: int
    region: str | None = None

    def topics(self, wait: Wait, witness: Witness | None = None) -> AlertTopics:
        """Return the door to the alert topics."""
        sns = aws_calls.client("sns", connections=MAX_FLIGHTS, region=self.region)
        return AlertTopics(sns, self.rules.topic_arns(), self._patience(wait, witness), now_us)

    def receipts(self, wait: Wait, witness: Witness | None = None) -> ReceiptFiles:
        """Return the door to the receipts."""
        s3 = aws_calls.client("s3", region=self.region)
        return ReceiptFiles(s3, self.settings.curated_bucket, self._patience(wait, witness), self.receipts_linger_ms)

    def dead_letters(self, wait: Wait, witness: Witness | None = None) -> DeadLetterQueue:
        """Return the door to the dead-letter queue."""
        sqs: Any = aws_calls.client("sqs", region=self.region)
        s3: Any = aws_calls.client("s3", region=self.region)
        names = self.settings
        return DeadLetterQueue(
            sqs, s3, names.dead_letter_queue_url, names.curated_bucket, self._patience(wait, witness)
        )

    def _patience(self, wait: Wait, witness: Witness | None) -> Callable[[], Patience]:
        return lambda: aws_calls.patience(self.deadline_s, wait, witness)
