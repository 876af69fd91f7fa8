"""The first call of a command to a far side: what is wrong with a name, or with the way there, is told at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from schemas.aws_errors import is_transient
from schemas.errors import ConfigError, WorkFailedError
from stream_jobs import aws_calls


def ask(what: str, call: Callable[[], Any]) -> Any:
    """Return the answer of a call, which is made once.

    Args:
        what: is asked for, for errors.
        call: makes the call.

    Raises:
        ConfigError: it does not exist or may not be used, or there are no credentials or region.
        WorkFailedError: it fails for now, or does not answer.
    """
    try:
        return call()
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        message = f"{what} cannot be used: {error}"
        may_recover = is_transient(aws_calls.code_of(error), status)
        raise (WorkFailedError(message) if may_recover else ConfigError(message)) from error
    except (NoCredentialsError, NoRegionError) as error:
        raise ConfigError(f"{what} cannot be asked for: {error}") from error
    except BotoCoreError as error:
        raise WorkFailedError(
            f"{what} cannot be reached: {error}. Is the stack up? See `clickstream status`, or start it with "
            "`clickstream up`"
        ) from error


def require_queue(sqs: Any, queue_url: str) -> None:
    """Do nothing where the queue exists; raises what `ask` does."""
    ask(f"queue {queue_url}", lambda: sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"]))
