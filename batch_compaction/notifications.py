"""The queue of what S3 says about raw objects: its messages are held while a run works, deleted once it has committed.

A run that dies leaves them: they show up again. Deletes nothing that it does not understand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from schemas.errors import BadRecordError, WorkFailedError
from schemas.notices import Notice, notices_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Source: SQS API reference, ReceiveMessage and DeleteMessageBatch.
_MAX_BATCH = 10
# Long enough for a run; one that takes longer only has another find the same objects.
HIDDEN_S = 30 * 60
# An answer without messages that was waited for says that there are none: all of SQS's servers were asked.
_WAIT_S = 1
# Below what SQS lets be in hand at a time; the next run takes the rest.
_MAX_MESSAGES = 50_000


@dataclass(slots=True)
class Received:
    """Messages in hand.

    Attributes:
        notices: the objects that they say were put, in no order, some of them more than once.
        receipts: id -> receipt of each message that was understood.
        strange: id -> what is wrong, of each that was not.
        in_flight: messages that another reader has in hand, about; asked only where there was none to take.
    """

    notices: list[Notice] = field(default_factory=list)
    receipts: dict[str, str] = field(default_factory=dict)
    strange: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of what S3 says about one bucket, that nobody else reads."""

    sqs: SQSClient
    url: str

    def receive(self, max_messages: int = _MAX_MESSAGES) -> Received:
        """Take what there is, or about as many messages as given.

        Raises:
            WorkFailedError: the queue cannot be read.
        """
        received = Received()
        try:
            for message_id, receipt, body in self._messages(max_messages):
                try:
                    received.notices += notices_of(body)
                except BadRecordError as error:
                    received.strange[message_id] = str(error)
                else:
                    received.receipts[message_id] = receipt
            if not received.receipts and not received.strange:
                received.in_flight = self._in_flight()
        except (BotoCoreError, ClientError) as error:
            raise WorkFailedError(f"read the queue {self.url}: {error}") from error
        return received

    def delete(self, received: Received) -> int:
        """Delete the messages that were understood, and return how many could not be: these show up again."""
        left = 0
        receipts = list(received.receipts.values())
        for at in range(0, len(receipts), _MAX_BATCH):
            batch = receipts[at : at + _MAX_BATCH]
            left += len(batch) - self._delete(batch)
        return left

    def _messages(self, max_messages: int) -> Iterator[tuple[str, str, str]]:
        """Yield id, receipt and body of each."""
        count = 0
        while count < max_messages:
            answer = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=_MAX_BATCH, WaitTimeSeconds=_WAIT_S, VisibilityTimeout=HIDDEN_S
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            count += len(messages)
            for message in messages:
                yield message["MessageId"], message["ReceiptHandle"], message["Body"]

    def _in_flight(self) -> int:
        asked = self.sqs.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )
        return int(asked["Attributes"]["ApproximateNumberOfMessagesNotVisible"])

    def _delete(self, receipts: list[str]) -> int:
        """Return how many are deleted."""
        try:
            answer = self.sqs.delete_message_batch(
                QueueUrl=self.url,
                Entries=[{"Id": str(place), "ReceiptHandle": receipt} for place, receipt in enumerate(receipts)],
            )
        except (BotoCoreError, ClientError):  # the caller counts them as left
            return 0
        return len(answer.get("Successful", []))
