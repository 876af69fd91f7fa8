"""DynamoDB: a condition, the write that hangs on it, and the old item that the answer gives are one step.

The library looks, judges and writes in steps of their own, so that of two conditional puts at once both may succeed.
Source of the behaviour: Amazon DynamoDB developer guide, "Condition expressions".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any

from moto.dynamodb.responses import DynamoHandler

from infra.local.mends.mend import Mend

_WRITES = ("put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items")
_lock = RLock()


def _one_at_a_time(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(write)
    def locked(handler: Any) -> Any:
        with _lock:
            return write(handler)

    return locked


MEND = Mend(
    "dynamodb",
    tuple((DynamoHandler, name, _one_at_a_time(getattr(DynamoHandler, name))) for name in _WRITES),
)
