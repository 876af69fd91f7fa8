"""A Trino server as a process of its own, ready for queries: for as long as a context lasts, or until it is stopped.

It listens on 127.0.0.1 alone. The one of a context is held by a keeper process, which ends it when its parent is gone,
however that went.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from infra.local.processes import log_tail
from infra.local.trino import keeper
from infra.local.trino.configuration import HIVE, HOST, PROBE, command, configuration
from infra.local.trino.download import Tell
from infra.local.trino.installation import Installation, installed
from schemas.errors import WorkFailedError

if TYPE_CHECKING:
    from trino.dbapi import Connection

# About 25 s on a machine that does nothing else.
START_S = 300.0
_GRACE_S = 15.0
_ANSWER_S = 5.0
_POLL_S = 0.25
_KEEPER = Path(keeper.__file__)


@dataclass(frozen=True, slots=True)
class Trino:
    """A server that answers queries.

    Attributes:
        url: its address, `http://127.0.0.1:PORT`.
    """

    url: str

    def connect(self, database: str, user: str = "clickstream") -> Connection:
        """Return a connection whose unqualified names are tables of a database, of either kind."""
        from trino.dbapi import connect

        address = urlsplit(self.url)
        open_it: Callable[..., Connection] = connect
        return open_it(host=address.hostname, port=address.port, user=user, catalog=HIVE, schema=database)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A server that only has to be started.

    Attributes:
        folder: where it runs and writes.
        variables: of its environment; the machine's AWS settings are no part of it.
    """

    url: str
    command: list[str]
    folder: Path
    log: Path
    variables: dict[str, str]


@contextmanager
def running_trino(environment: Mapping[str, str], folder: Path, tell: Tell) -> Iterator[Trino]:
    """Run a server beside the caller on the Glue and S3 of its environment.

    Args:
        environment: of the process; `AWS_*` say where Glue and S3 are, and the cache folder is found by it.
        folder: for its configuration, its log and what it writes; stays.
        tell: called with a line for people.

    Raises:
        ConfigError: Trino was not fetched, or the environment names no endpoint.
        WorkFailedError: it did not start; the last lines of its log are in the message.
    """
    prepared = prepare(environment, installed(environment), folder)
    tell("starting Trino (half a minute) …")
    with prepared.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(_KEEPER), str(_GRACE_S), *prepared.command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=prepared.folder,
            env=prepared.variables,
            start_new_session=True,
        )
    try:
        await_ready(prepared, lambda: process.poll() is None)
        yield Trino(prepared.url)
    finally:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(2 * _GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def prepare(environment: Mapping[str, str], installation: Installation, folder: Path) -> Prepared:
    """Write the configuration of a server with a free port.

    Raises:
        ConfigError: the environment names no endpoint.
    """
    folder = folder.absolute()
    etc, port = folder / "etc", _free_port()
    for name, text in configuration(environment, port, installation.server, etc).items():
        path = etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    asked = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return Prepared(
        url=f"http://{HOST}:{port}",
        command=command(installation.java, installation.server, etc),
        folder=folder,
        log=folder / "server.log",
        # It looks for settings and instance roles in places of its own where it is not told to leave that.
        variables=inherited
        | {name: environment[name] for name in asked}
        | {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SDK_UA_APP_ID": "trino"},
    )


def await_ready(prepared: Prepared, is_alive: Callable[[], bool]) -> None:
    """Wait until a server answers queries.

    Raises:
        WorkFailedError: it ended, or was not so in time.
    """
    deadline_s = time.monotonic() + START_S
    while not is_ready(prepared.url):
        if not is_alive():
            raise WorkFailedError(f"Trino ended while it started\n{log_tail(prepared.log)}")
        if time.monotonic() > deadline_s:
            raise WorkFailedError(f"Trino was not ready within {START_S:g} s\n{log_tail(prepared.log)}")
        time.sleep(_POLL_S)


def is_ready(url: str) -> bool:
    """Say whether a server answers there that can read tables."""
    from requests.exceptions import RequestException
    from trino.exceptions import Error

    try:
        with urllib.request.urlopen(f"{url}/v1/info", timeout=_ANSWER_S) as answer:  # noqa: S310 (http, ours)
            if json.load(answer).get("starting") is not False:
                return False
        rows: list[list[int]] = Trino(url).connect("tiny").cursor().execute(PROBE).fetchall()
        return rows == [[5]]
    except (OSError, ValueError, Error, RequestException):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
