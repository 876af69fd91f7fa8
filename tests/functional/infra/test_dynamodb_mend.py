from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models.table import Table

from infra.local.mends import dynamodb


def put_unless_there(client: Any, owner: str) -> bool:
    try:
        client.put_item(
            TableName="once",
            Item={"event_key": {"S": "a"}, "owner": {"S": owner}},
            ConditionExpression="attribute_not_exists(event_key)",
        )
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"
        return False
    return True


@pytest.mark.parametrize(
    ("mended", "winners"), [(nullcontext, 2), (dynamodb.MEND.installed, 1)], ids=["without", "with"]
)
def test_of_two_conditional_puts_at_once_one_succeeds(
    mended: Callable[[], AbstractContextManager[None]], winners: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both are held between looking at the item and writing it, if both can be there at once.
    both_between = Barrier(2)
    with mended(), mock_aws(), ThreadPoolExecutor(2) as writers:
        client: Any = boto3.client("dynamodb")
        client.create_table(
            TableName="once",
            AttributeDefinitions=[{"AttributeName": "event_key", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "event_key", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        get_item = Table.get_item

        def held(*args: Any, **kwargs: Any) -> Any:
            found = get_item(*args, **kwargs)
            with suppress(BrokenBarrierError):
                both_between.wait(timeout=0.3)
            return found

        monkeypatch.setattr(Table, "get_item", held)
        assert sum(writers.map(lambda owner: put_unless_there(client, owner), ("x", "y"))) == winners
