"""The once-table against an emulated DynamoDB, with the faults that a real one has."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from infra.local.mends import dynamodb
from schemas.errors import WorkFailedError
from schemas.instants import SECOND_US, parse_instant_us
from stream_jobs.claims import REMEMBERED_S
from stream_jobs.idempotency import OnceTable
from stream_jobs.patience import Patience

TABLE = "once"
NOW_US = parse_instant_us("2026-11-24T10:00:00Z")
LEASE_US = NOW_US + 60 * SECOND_US


class Clock:
    now_us = NOW_US


class Faulty:
    """A client whose next calls of some methods go wrong, by script; a step of None is a call that goes right."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.script: dict[str, list[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        steps = self.script.get(name)
        step = steps.pop(0) if steps else None
        real = getattr(self._client, name)
        if step is None:
            return real

        def faulty(**request: Any) -> Any:
            if isinstance(step, Exception):
                raise step
            return step(real, request)

        return faulty


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def client() -> Iterator[Faulty]:
    with dynamodb.MEND.installed(), mock_aws():
        made: Any = boto3.client("dynamodb")
        made.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": "event_key", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "event_key", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield Faulty(made)


def patience() -> Patience:
    seconds = iter(range(1_000))
    return Patience(10, lambda: next(seconds), lambda _: False, lambda: 0.5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def once(client: Faulty, threads: Executor, clock: Clock) -> OnceTable:
    return OnceTable(client, TABLE, threads, patience, lambda: clock.now_us)


def error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "any")


def applied_then(failure: Exception) -> Any:
    def step(real: Any, request: dict[str, Any]) -> Any:
        real(**request)
        raise failure

    return step


def test_a_key_is_claimed_once_done_and_then_known_as_done(once: OnceTable) -> None:
    claims = once.claim(["a", "b"], "me", LEASE_US)
    assert claims.mine == {"a": False, "b": False}
    assert once.claim(["a"], "other", LEASE_US).busy == {"a"}
    once.done(["a"])
    claims = once.claim(["a", "b", "c"], "other", LEASE_US)
    assert (claims.mine, claims.done, claims.busy) == ({"c": False}, {"a"}, {"b"})


def test_claims_are_in_the_order_asked_for(once: OnceTable) -> None:
    keys = [f"k{number}" for number in range(250)]
    once.done(keys[50:60])
    assert list(once.claim(keys, "me", LEASE_US).mine) == keys[:50] + keys[60:]


def test_whoever_takes_over_after_a_lease_knows_that_it_may_have_been_delivered(once: OnceTable, clock: Clock) -> None:
    once.claim(["a"], "dead", LEASE_US)
    clock.now_us = LEASE_US
    assert once.claim(["a"], "me", LEASE_US + SECOND_US).mine == {"a": True}
    assert once.claim(["a"], "other", LEASE_US + SECOND_US).busy == {"a"}


def test_an_owner_that_comes_back_late_may_still_say_that_it_delivered(once: OnceTable, clock: Clock) -> None:
    once.claim(["a"], "slow", LEASE_US)
    clock.now_us = LEASE_US
    once.claim(["a"], "me", LEASE_US + SECOND_US)
    once.done(["a"])
    assert once.claim(["a"], "other", LEASE_US + SECOND_US).done == {"a"}


def test_what_is_remembered_is_forgotten_by_us_where_dynamodb_has_not_deleted_it(once: OnceTable, clock: Clock) -> None:
    once.done(["a"])
    clock.now_us = NOW_US + REMEMBERED_S * SECOND_US
    assert once.claim(["a"], "me", clock.now_us + SECOND_US).mine == {"a": False}


def test_a_claim_released_is_as_if_it_had_never_been_and_another_s_stays(once: OnceTable) -> None:
    once.claim(["a"], "me", LEASE_US)
    once.claim(["b"], "other", LEASE_US)
    once.release(["a", "b", "never claimed"], "me")
    claims = once.claim(["a", "b"], "third", LEASE_US)
    assert (claims.mine, claims.busy) == ({"a": False}, {"b"})


def test_of_two_that_claim_at_once_each_key_goes_to_one(client: Faulty, threads: Executor) -> None:
    keys = [f"k{number}" for number in range(40)]
    tables = [OnceTable(client, TABLE, threads, patience, lambda: NOW_US) for _ in range(2)]
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda n: tables[n].claim(keys, f"owner {n}", LEASE_US), range(2))
    assert set(first.mine) | set(second.mine) == set(keys)
    assert not set(first.mine) & set(second.mine)


def test_what_is_left_out_of_a_batch_is_asked_for_again(client: Faulty, once: OnceTable) -> None:
    once.done(["a"])

    def half_read(real: Any, request: dict[str, Any]) -> Any:
        keys = request["RequestItems"][TABLE]["Keys"]
        answer = real(RequestItems={TABLE: {"Keys": keys[1:], "ConsistentRead": True}})
        return answer | {"UnprocessedKeys": {TABLE: {"Keys": keys[:1], "ConsistentRead": True}}}

    client.script["batch_get_item"] = [half_read]
    claims = once.claim(["a", "b"], "me", LEASE_US)
    assert (claims.done, set(claims.mine)) == ({"a"}, {"b"})

    def half_written(real: Any, request: dict[str, Any]) -> Any:
        first, *others = request["RequestItems"][TABLE]
        return real(RequestItems={TABLE: others}) | {"UnprocessedItems": {TABLE: [first]}}

    client.script["batch_write_item"] = [half_written]
    once.done(["b", "c"])
    assert once.claim(["b", "c"], "other", LEASE_US).done == {"b", "c"}


def test_a_table_that_answers_and_does_nothing_is_borne_only_for_so_long(client: Faulty, once: OnceTable) -> None:
    def nothing(real: Any, request: dict[str, Any]) -> Any:
        return {"UnprocessedItems": request["RequestItems"]}

    client.script["batch_write_item"] = [nothing] * 100
    with pytest.raises(WorkFailedError, match="nothing of a batch was processed"):
        once.done(["a"])


@pytest.mark.parametrize(
    "fault",
    [error("ProvisionedThroughputExceededException"), error("ThrottlingException"), error("InternalServerError", 500)],
)
@pytest.mark.parametrize("method", ["batch_get_item", "put_item", "batch_write_item", "delete_item"])
def test_a_table_that_fails_for_a_moment_costs_nothing(
    client: Faulty, once: OnceTable, fault: Exception, method: str
) -> None:
    client.script[method] = [fault, fault]
    assert once.claim(["a", "b"], "me", LEASE_US).mine == {"a": False, "b": False}
    once.done(["a"])
    once.release(["b"], "me")
    assert not client.script[method]
    claims = once.claim(["a", "b"], "other", LEASE_US)
    assert (claims.done, set(claims.mine)) == ({"a"}, {"b"})


def test_a_claim_whose_answer_was_lost_is_ours_and_says_that_it_may_be_a_repeat(
    client: Faulty, once: OnceTable
) -> None:
    client.script["put_item"] = [applied_then(ReadTimeoutError(endpoint_url="http://127.0.0.1:1"))]
    assert once.claim(["a"], "me", LEASE_US).mine == {"a": True}


def test_a_release_whose_answer_was_lost_is_a_release(client: Faulty, once: OnceTable) -> None:
    once.claim(["a"], "me", LEASE_US)
    client.script["delete_item"] = [applied_then(error("InternalServerError", 500))]
    once.release(["a"], "me")
    assert once.claim(["a"], "other", LEASE_US).mine == {"a": False}


def test_a_claim_that_fails_for_good_does_not_undo_the_others(client: Faulty, once: OnceTable) -> None:
    client.script["put_item"] = [None, error("AccessDeniedException"), None]
    claims = once.claim(["a", "b", "c"], "me", LEASE_US)
    assert isinstance(claims.failure, WorkFailedError)
    assert len(claims.mine) == 2


def test_a_row_that_went_between_the_look_and_the_claim_is_not_taken(client: Faulty, once: OnceTable) -> None:
    gone = error("ConditionalCheckFailedException")
    client.script["put_item"] = [gone]
    assert once.claim(["a"], "me", LEASE_US).busy == {"a"}


def test_a_row_that_was_done_between_the_look_and_the_claim_is_done(client: Faulty, once: OnceTable) -> None:
    def unseen(real: Any, request: dict[str, Any]) -> Any:
        once.done(["a"])
        return {"Responses": {TABLE: []}}

    client.script["batch_get_item"] = [unseen]
    assert once.claim(["a"], "me", LEASE_US).done == {"a"}


def test_a_table_that_does_not_exist_is_an_error_at_once(client: Faulty, threads: Executor) -> None:
    nowhere = OnceTable(client, "nowhere", threads, patience, lambda: NOW_US)
    with pytest.raises(WorkFailedError, match="nowhere"):
        nowhere.claim(["a"], "me", LEASE_US)
