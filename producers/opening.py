"""A producer for a stream, connected: where an application, or a command, gets one.

What processes before had to leave in the spool is sent first.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import NoCredentialsError, NoRegionError

from producers.batching import Record
from producers.lanes import Lanes
from producers.lines import Line
from producers.pacing import Backoff
from producers.producer import Keeper, OnAttest, OnCall, Producer
from producers.put import list_shards, put_records, write_bodies_directly
from producers.spool import Spool, destination_of, left_files
from producers.stamping import Stamper
from schemas.errors import ConfigError
from schemas.kpl import BrokenFrameError, UserRecord, user_records
from schemas.settings import state_dir_of

# Retries are counted and bounded by the lanes, so the client makes none of its own.
_CLIENT = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=20,
    tcp_keepalive=True,
    parameter_validation=False,
)
_log = logging.getLogger(__name__)


def new_producer_id() -> str:
    """Return a name that no other producer has."""
    return secrets.token_hex(8)


def new_spool_path(environment: Mapping[str, str]) -> Path:
    """Return the spool file of a new producer, which it has for itself."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}-{secrets.token_hex(2)}.ndjson"
    return state_dir_of(environment) / "spool" / name


def no_client_told(error: NoRegionError | NoCredentialsError) -> str:
    """Return what to do where the AWS variables are not set."""
    return (
        f"{str(error).removesuffix('.')}; set the AWS variables, "
        'or those of a local stack: `clickstream up`, then `eval "$(clickstream env)"`'
    )


def open_producer(
    stream: str,
    *,
    aggregate: bool = True,
    spool_path: Path | None = None,
    stamper: Stamper | None = None,
    on_attest: OnAttest | None = None,
    on_call: OnCall | None = None,
    tell: Callable[[str], object] = _log.warning,
) -> Producer:
    """Return a producer for a stream, found by the standard AWS variables, after what was left for it has been sent.

    Args:
        stream: its name.
        aggregate: pack many events into one record; without it each is a record.
        spool_path: where what cannot be sent is kept, a file of its own; by default in the commands' state folder.
            What other files of that folder hold for the stream is sent first.
        stamper: what stamps the lines that are put ready-made; by default one of a new name.
        on_attest: see `Producer`.
        on_call: see `Producer`.
        tell: called with what a person should know of the spool; by default it is logged.

    Raises:
        ConfigError: there is no such stream, or no region or credentials.
        WorkFailedError: Kinesis cannot be reached, or takes nothing of what was left.
    """
    spool_path = spool_path or new_spool_path(os.environ)
    stamper = stamper or Stamper(new_producer_id())
    try:
        client = boto3.client("kinesis", config=_CLIENT)
        write_bodies_directly(client)
        shards = list_shards(client, stream)
    except (NoRegionError, NoCredentialsError) as error:
        raise ConfigError(no_client_told(error)) from error
    spool = Spool(spool_path, destination_of(client.meta.endpoint_url, stream))
    backoff = Backoff()
    # Jitter spreads retries; nobody gains by guessing it.
    uniform = random.random

    def make(stamper: Stamper, spool: Keeper, on_attest: OnAttest | None) -> Producer:
        return Producer(
            Lanes(shards, backoff, time.monotonic, uniform, aggregate=aggregate),
            partial(put_records, client, stream),
            partial(list_shards, client, stream),
            spool,
            stamper,
            backoff=backoff,
            clock=time.monotonic,
            wall_us=lambda: time.time_ns() // 1000,
            uniform=uniform,
            on_attest=on_attest,
            on_call=on_call,
        )

    # Its own stamper stamps nothing: what was left has its stamps, and its attestations are among it.
    resent = _send_left(spool_path.parent, spool.destination, lambda unsent: make(Stamper(""), unsent, None), tell)
    producer = make(stamper, spool, on_attest)
    producer.tally.resent = resent
    return producer


def _send_left(
    folder: Path, destination: str, make: Callable[[_Unsent], Producer], tell: Callable[[str], object]
) -> int:
    """Send what ended processes left for a destination, and return how many events of it arrived."""
    sent = unsendable = files = 0
    for left in left_files(folder, destination):
        unsent = _Unsent()
        count = 0
        # An error leaves the file as it is: some of it may then arrive twice.
        with make(unsent) as producer:
            for record in left.records():
                _put_again(producer, record)
                count += 1
        unsendable += left.unsendable
        files += left.unsendable > 0
        if count:
            left.replace(unsent.records)
            tally = producer.tally
            sent += tally.sent
            if tally.sent:
                tell(f"{tally.sent} events that an earlier run had to save in {left.path} are sent")
            if tally.failed:
                tell(f"{tally.failed} events in {left.path} could not be sent again: {tally.first_failure}")
    if unsendable:
        tell(f"{unsendable} records in {files} files of {folder} can never be sent; they stay until these are removed")
    return sent


class _Unsent:
    """Keeps what cannot be sent again until its file is replaced."""

    def __init__(self) -> None:
        self.records: list[tuple[Record, str]] = []

    def save(self, unsent: Sequence[tuple[Record, str]]) -> None:
        self.records += unsent

    def close(self) -> None:
        pass


def _put_again(producer: Producer, record: Record) -> None:
    if not record.lines:
        producer.put_attestation(record.partition_key, record.data)
        return
    # Shards may have been split or merged since, so the lines are packed anew.
    try:
        users = user_records(record.data, record.partition_key)
    except BrokenFrameError:
        users = [UserRecord(record.partition_key, record.data)]
    for user in users:
        is_whole = user.data is record.data
        hash_key = record.explicit_hash_key if is_whole else user.explicit_hash_key
        producer.put_line(Line(user.partition_key, user.data, None, hash_key))
