"""Fixtures shared by all tests: a local stack of real processes, and the emulator alone.

Nothing here can reach AWS: the credentials are worthless and no profile is read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest

pytest_plugins = ["tests.aws_calls.plugin"]
# Where the jar of Flink's Kinesis connector lies, on a machine that has it; whether real engines are asked for, and
# where they come from.
_KEPT = {"CLICKSTREAM_CONNECTOR_JARS", "CLICKSTREAM_TEST_ENGINES", "CLICKSTREAM_MAVEN_REPOSITORY"}
for _name in [name for name in os.environ if name.startswith(("AWS_", "CLICKSTREAM_")) and name not in _KEPT]:
    del os.environ[_name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class LocalStack:
    """A running stack, or emulator, for the tests of one module."""

    state_dir: Path
    environment: dict[str, str]

    @property
    def endpoint(self) -> str:
        return self.environment["AWS_ENDPOINT_URL"]

    def client(self, service: str) -> Any:
        """Return a boto3 client that sees every error: it does not retry."""
        import boto3
        from botocore.config import Config

        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.endpoint,
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def inject(self, **faults: Any) -> None:
        """Have coming requests fail: `inject(**{"kinesis.PutRecords": {"error": "InternalFailure", "times": 2}})`."""
        self._control("POST", faults)

    def clear_faults(self) -> None:
        self._control("DELETE")

    def struck(self, operation: str) -> int:
        """Return how many requests have failed by what is injected."""
        return int(self._control("GET")[operation]["struck"])

    def _control(self, method: str, body: object = None) -> dict[str, Any]:
        import json
        import urllib.request

        request = urllib.request.Request(  # noqa: S310 (http, ours)
            self.endpoint + "/_clickstream/faults",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (http, ours)
            assert answer.status == 200
            found: dict[str, Any] = json.load(answer)
            return found


@pytest.fixture(scope="session", autouse=True)
def _service_models_are_read_once() -> Iterator[None]:
    """Has every client take its service's model, megabytes of JSON, from one cache; else each session reads its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The whole local stack, Firehose stand-in included; it delivers after a second."""
    from infra.local.stack import Options, down, up

    state_dir = tmp_path_factory.mktemp("stack")
    _, running = up(state_dir, Options(firehose_seconds=1.0))
    try:
        yield LocalStack(state_dir, running.environment)
    finally:
        down(state_dir)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The emulated services alone, every resource created."""
    from infra.local.stack import Options, down, start_emulator

    state_dir = tmp_path_factory.mktemp("emulator")
    try:
        yield LocalStack(state_dir, start_emulator(state_dir, Options()).environment)
    finally:
        down(state_dir)


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], bool], float], None]:
    """A function that waits for a condition, and fails the test when it is not met in time."""

    def wait(is_met: Callable[[], bool], timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not is_met():
            assert time.monotonic() < deadline_s, f"not met within {timeout_s} s"
            time.sleep(0.05)

    return wait
