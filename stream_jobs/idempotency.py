"""The once-table in DynamoDB: a row for each thing to deliver, claimed before and marked done after.

Every key of a batch call is judged by itself; what DynamoDB leaves out of a batch is asked for again. Deletes no row of
another owner, and relies on no deletion by DynamoDB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import islice
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from stream_jobs.aws_calls import call_until_answered
from stream_jobs.claims import (
    CLAIMABLE,
    KEY,
    NAMES,
    OWN,
    Claims,
    Row,
    Standing,
    claim_row,
    condition_values,
    done_row,
    item_of,
    own_values,
    row_of,
)
from stream_jobs.patience import Patience

# Source: DynamoDB API reference, BatchGetItem and BatchWriteItem.
MAX_KEYS_READ = 100
_MAX_ROWS_WRITTEN = 25
_CONDITION_FAILED = "ConditionalCheckFailedException"
_T = TypeVar("_T")


class OnceTable:
    """The rows of one table.

    Args:
        dynamodb: a DynamoDB client.
        table: its name.
        threads: makes the calls that take one row each.
        patience: makes the patience for one call.
        now_us: the clock.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        threads: Executor,
        patience: Callable[[], Patience],
        now_us: Callable[[], int],
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._threads = threads
        self._patience = patience
        self._now_us = now_us

    def claim(self, keys: Sequence[str], owner: str, lease_until_us: int) -> Claims:
        """Claim each key that nobody delivers and nobody has delivered; one that fails does not undo the others.

        Raises:
            WorkFailedError: the table cannot be read; no key is claimed.
            StoppedError: the same, for want of time.
        """
        claims = Claims()
        known = {row.key: row for part in _parts(keys, MAX_KEYS_READ) for row in self._read(part)}
        attempts: dict[str, Future[tuple[Standing, bool]]] = {}
        for key in keys:
            row = known.get(key)
            standing = Standing.FREE if row is None else row.standing(owner, self._now_us())
            if standing in (Standing.FREE, Standing.LEFT):
                attempts[key] = self._threads.submit(self._claim_one, key, owner, lease_until_us)
            else:
                _file(claims, key, standing)
        for key, attempt in attempts.items():
            if failure := attempt.exception():
                claims.failure = claims.failure or failure
            else:
                _file(claims, key, *attempt.result())
        return claims

    def done(self, keys: Iterable[str]) -> None:
        """Mark keys as delivered, whoever has claimed them by now.

        Raises:
            WorkFailedError: the table cannot be used; some keys may be marked.
            StoppedError: the same, for want of time.
        """
        for _ in self._threads.map(self._write_done, list(_parts(keys, _MAX_ROWS_WRITTEN))):
            pass

    def release(self, keys: Iterable[str], owner: str) -> None:
        """Take back one's claims of what was never tried to be delivered, as if they had never been.

        Raises:
            WorkFailedError: the table cannot be used.
            StoppedError: the same, for want of time.
        """
        for _ in self._threads.map(lambda key: self._release_one(key, owner), list(keys)):
            pass

    def _read(self, keys: Sequence[str]) -> Iterator[Row]:
        waiting: Any = {"Keys": [{KEY: {"S": key}} for key in keys], "ConsistentRead": True}
        patience = self._patience()
        while waiting["Keys"]:
            asked = {self._table: waiting}
            answer = self._call("read", lambda: self._dynamodb.batch_get_item(RequestItems=asked))  # noqa: B023
            yield from map(row_of, answer["Responses"].get(self._table, ()))
            left_out = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            self._look_at_progress(patience, len(left_out), len(waiting["Keys"]))
            waiting = waiting | {"Keys": left_out}

    def _claim_one(self, key: str, owner: str, lease_until_us: int) -> tuple[Standing, bool]:
        """Return how a key stands after the attempt to claim it, and whether an owner before may have delivered it."""

        def claim() -> tuple[Standing, bool]:
            now_us = self._now_us()
            try:
                answer = self._dynamodb.put_item(
                    TableName=self._table,
                    Item=item_of(claim_row(key, owner, lease_until_us, now_us)),
                    ConditionExpression=CLAIMABLE,
                    ExpressionAttributeNames=NAMES,
                    ExpressionAttributeValues=condition_values(owner, now_us),
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if not _is_refused(error):
                    raise
                item: Any = error.response.get(
                    "Item"
                )  # none where the row was deleted just now: not free for us either
                is_done = bool(item) and row_of(item).standing(owner, now_us) is Standing.DONE
                return (Standing.DONE if is_done else Standing.BUSY), False
            old = answer.get("Attributes")
            was_left = bool(old) and row_of(old).standing(owner, now_us) is Standing.LEFT
            return Standing.FREE, was_left

        return self._call("claim in", claim)

    def _write_done(self, keys: Sequence[str]) -> None:
        now_us = self._now_us()
        waiting = [{"PutRequest": {"Item": item_of(done_row(key, now_us))}} for key in keys]
        patience = self._patience()
        while waiting:
            asked = {self._table: waiting}
            answer = self._call("write", lambda: self._dynamodb.batch_write_item(RequestItems=asked))  # noqa: B023
            left_out = answer.get("UnprocessedItems", {}).get(self._table, [])
            self._look_at_progress(patience, len(left_out), len(waiting))
            waiting = left_out

    def _release_one(self, key: str, owner: str) -> None:
        def release() -> None:
            try:
                self._dynamodb.delete_item(
                    TableName=self._table,
                    Key={KEY: {"S": key}},
                    ConditionExpression=OWN,
                    ExpressionAttributeNames=_names_in(OWN),
                    ExpressionAttributeValues=own_values(owner),
                )
            except ClientError as error:
                if not _is_refused(error):  # else another has it by now, or the call before this one was carried out
                    raise

        self._call("release in", release)

    def _call(self, what: str, call: Callable[[], _T]) -> _T:
        answer: _T = call_until_answered(f"{what} table {self._table}", call, self._patience())
        return answer

    def _look_at_progress(self, patience: Patience, left_out: int, asked: int) -> None:
        """Wait before the next call where this one, though it was answered, did nothing."""
        if left_out == asked:
            patience.failed(f"table {self._table}: nothing of a batch was processed")
        else:
            patience.succeeded()


def _names_in(expression: str) -> dict[str, str]:
    return {name: attribute for name, attribute in NAMES.items() if name in expression}


def _is_refused(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == _CONDITION_FAILED)


def _file(claims: Claims, key: str, standing: Standing, was_left: bool = False) -> None:
    if standing is Standing.DONE:
        claims.done.add(key)
    elif standing is Standing.BUSY:
        claims.busy.add(key)
    else:
        claims.mine[key] = was_left


def _parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
