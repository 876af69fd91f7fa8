"""Which alerts a redrive has begun to publish: a mark for each, an empty object in the lake.

A mark is there before its alert goes out the first time. Who finds it there later cannot know whether the alert went
out, and says so in the alert. Marks stay when their letter is gone: the queue may show it once more, or hold another
letter of the same event. They go by their age.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from schemas.lake import DEAD_LETTERS_PREFIX
from stream_jobs.aws_calls import call_until_answered, code_of
from stream_jobs.patience import Patience

MARKS_PREFIX = f"{DEAD_LETTERS_PREFIX}redriven/"
# Somebody else may have marked at the same instant. Source: S3 user guide, "Conditional writes".
_MARKED = ("PreconditionFailed", "ConditionalRequestConflict")


class Marks:
    """The marks; every method may be called from several threads.

    Args:
        s3: an S3 client.
        bucket: the curated bucket.
        patience: makes the patience for one call.
    """

    def __init__(self, s3: Any, bucket: str, patience: Callable[[], Patience]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._patience = patience

    def begin(self, alert_key: str) -> bool:
        """Mark an alert, and say whether it was marked before.

        Raises:
            WorkFailedError: it cannot be marked.
            StoppedError: it was stopped while it waited.
        """
        key = f"{MARKS_PREFIX}{alert_key}"
        was_marked: bool = self._call("put", key, lambda: self._is_marked_else_mark(key))
        return was_marked

    def forget(self, alert_key: str) -> None:
        """Take a mark back; raises what `begin` does."""
        self._delete(f"{MARKS_PREFIX}{alert_key}")

    def forget_older(self, than_us: int) -> None:
        """Take back every mark from before an instant; raises what `begin` does."""
        page: dict[str, Any] = {}
        while page.get("IsTruncated", True):
            after = {"ContinuationToken": page["NextContinuationToken"]} if page else {}
            page = self._call("list", MARKS_PREFIX, partial(self._list, after))
            for mark in page.get("Contents", ()):
                if mark["LastModified"].timestamp() * 1_000_000 < than_us:
                    self._delete(mark["Key"])

    def _list(self, after: dict[str, str]) -> Any:
        return self._s3.list_objects_v2(Bucket=self._bucket, Prefix=MARKS_PREFIX, **after)

    def _delete(self, key: str) -> None:
        self._call("delete", key, lambda: self._s3.delete_object(Bucket=self._bucket, Key=key))

    def _is_marked_else_mark(self, key: str) -> bool:
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"", IfNoneMatch="*")
        except ClientError as error:
            if code_of(error) in _MARKED:
                return True
            raise
        return False

    def _call(self, what: str, key: str, call: Callable[[], Any]) -> Any:
        return call_until_answered(f"{what} s3://{self._bucket}/{key}", call, self._patience())
