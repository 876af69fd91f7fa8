"""The stack's life: up, status, flush and down, for one state folder at a time.

`up` ends with a stack that was seen to work, or with an error and nothing left behind. A stack whose emulator is gone
or silent is removed and started anew, since its data went with it; one that lacks only a process beside the emulator
gets a new one, which goes on from where the old one was.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from infra.local.description import DESCRIPTION, Clients, aws_environment, connect, create
from infra.local.firehose_state import FirehoseFolder, Progress
from infra.local.function_state import FunctionProgress, read_function_progress
from infra.local.job import alerts_health
from infra.local.processes import (
    forget_journal,
    journal,
    journaled,
    log_of,
    log_tail,
    start_module,
    stop_journaled,
    wait_until,
)
from infra.local.schedule_state import ScheduleProgress, read_schedule_progress
from infra.local.shim import HEALTH_PATH
from infra.local.stand_ins import START_S, start_stand_ins
from infra.local.state import (
    EMULATOR,
    FIREHOSE,
    FUNCTION,
    HOST,
    SCHEDULE,
    SCHEDULED_RUN,
    STAND_INS,
    TRINO,
    Intervals,
    Stack,
    dead_parts,
    is_alive,
    read_stack,
    replace_file,
    stack_file,
)
from schemas.errors import ConfigError, WorkFailedError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LOCK_S = 90.0
HEALTH_S = 5.0
RECOVERY_S = 20.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a stack is started.

    Attributes:
        port: of the emulator; 0 takes a free one.
        alerting: the settings of what is alerted, as they hold where the function for dropped files is started.
        schedule: how often to do the scheduled work; None leaves that as it is, or out of a new stack.
    """

    port: int = 0
    firehose_seconds: float = 10.0
    firehose_mib: float = 4.0
    alerting: Mapping[str, str] = field(default_factory=dict)
    schedule: Intervals | None = None


def up(state_dir: Path, options: Options) -> tuple[str, Stack]:
    """Return (what was done: `running`, `mended`, `changed` or `started`; the stack that now runs).

    `changed` is one whose function was started again since other rules hold now than when it was started, or whose
    schedule was, since another is asked for.

    Raises:
        ConfigError: the port is taken.
        WorkFailedError: a process did not start; its last log lines are in the message.
    """
    with exclusive(state_dir):
        stack = read_stack(state_dir)
        if stack is not None and _recovers(stack):
            changed = [FUNCTION] if stack.alerting != options.alerting else []
            changed += [SCHEDULE] if options.schedule not in (None, stack.schedule) else []
            stack = msgspec.structs.replace(
                stack, alerting=dict(options.alerting), schedule=options.schedule or stack.schedule
            )
            gone = [name for name in stack.parts if name in dead_parts(stack)]
            to_start = [name for name in stack.parts if name in gone or name in changed]
            if not to_start:
                return "running", stack
            done = "mended" if gone else "changed"
            return done, _record(state_dir, start_stand_ins(state_dir, stack, to_start))
        _remove(state_dir)
        try:
            stack = start_emulator(state_dir, options)
            stack = start_stand_ins(state_dir, stack, stack.parts)
            return "started", _record(state_dir, stack)
        except BaseException:
            _remove(state_dir)
            raise


def down(state_dir: Path) -> bool:
    """Stop what runs and forget it; say whether there was anything. The emulator's data is gone afterwards."""
    if not state_dir.is_dir():
        return False
    with exclusive(state_dir):
        return _remove(state_dir)


def start_emulator(state_dir: Path, options: Options) -> Stack:
    """Start the emulator alone, create every resource, and return the stack, not recorded yet.

    Raises:
        ConfigError: the port is taken.
        WorkFailedError: the emulator did not start.
    """
    _require_free(options.port)
    port_file, log = state_dir / "emulator.port", log_of(state_dir, EMULATOR)
    port_file.unlink(missing_ok=True)
    arguments = ["--port", str(options.port), "--port-file", str(port_file)]
    process = start_module("infra.local.emulator", arguments, {}, log)
    journal(state_dir, EMULATOR, process)
    wait_until(lambda: port_file.exists() or not is_alive(process), START_S)
    if not port_file.exists():
        raise WorkFailedError(f"the emulator did not start\n{log_tail(log)}")
    endpoint = f"http://{HOST}:{port_file.read_text()}"
    if not _answers(endpoint):
        raise WorkFailedError(f"the emulator does not answer at {endpoint}\n{log_tail(log)}")
    environment = aws_environment(endpoint)
    environment |= create(DESCRIPTION, connect(environment)).resources_as_environment()
    return Stack(
        endpoint=endpoint,
        started_us=time.time_ns() // 1000,
        processes={EMULATOR: process},
        environment=environment,
        firehose_seconds=options.firehose_seconds,
        firehose_mib=options.firehose_mib,
        alerting=dict(options.alerting),
        schedule=options.schedule,
    )


def flush(state_dir: Path, stack: Stack, timeout_s: float) -> Progress:
    """Have the Firehose stand-in deliver all that is in the stream now, and return its progress.

    Raises:
        WorkFailedError: it is gone, or needed longer.
    """
    folder, process = FirehoseFolder(state_dir / FIREHOSE), stack.processes[FIREHOSE]
    request = folder.request_flush()
    wait_until(lambda: not request.exists() or not is_alive(process), timeout_s)
    progress = folder.read_progress()
    if request.exists() or progress is None:
        request.unlink(missing_ok=True)
        log = log_tail(log_of(state_dir, FIREHOSE))
        raise WorkFailedError(f"the Firehose stand-in has not delivered everything within {timeout_s:g} s\n{log}")
    return progress


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `clickstream status` tells; without a stack only `running`, `problems` and `alerts` are set.

    Attributes:
        alerts: how the alert job of this folder does; it is no part of the stack.
        function: what the function for dropped files has done.
        dropped_files: messages of its queue by what they wait for.
        schedule: what the scheduled work did, and when it is due.
    """

    running: bool
    problems: list[str]
    alerts: str
    endpoint: str | None = None
    uptime_s: float | None = None
    processes: dict[str, dict[str, int | bool]] = {}
    stream: str | None = None
    shards: int | None = None
    objects: dict[str, int] = {}
    firehose: Progress | None = None
    function: FunctionProgress | None = None
    dropped_files: dict[str, int] = {}
    schedule: ScheduleProgress | None = None


def status(state_dir: Path) -> Status:
    """Return the state of the recorded stack; it is running when every part of it works."""
    stack = read_stack(state_dir)
    alerts = alerts_health(state_dir, time.time_ns() // 1000)
    if stack is None:
        return Status(running=False, problems=["no stack was started here: run `clickstream up`"], alerts=alerts)
    dead = dead_parts(stack)
    if EMULATOR not in dead and not _answers(stack.endpoint):
        dead.append(EMULATOR)
    clients = None if EMULATOR in dead else connect(stack.environment)
    return Status(
        running=not dead,
        problems=[f"{name} is gone: run `clickstream up`, see {log_of(state_dir, name)}" for name in dead],
        alerts=alerts,
        endpoint=stack.endpoint,
        uptime_s=round(time.time() - stack.started_us / 1e6, 1),
        processes={name: {"pid": p.pid, "alive": name not in dead} for name, p in stack.processes.items()},
        stream=DESCRIPTION.stream,
        shards=_open_shards(clients) if clients else None,
        objects=_objects(clients) if clients else {},
        firehose=FirehoseFolder(state_dir / FIREHOSE).read_progress(),
        function=read_function_progress(state_dir / FUNCTION),
        dropped_files=_dropped_files(clients) if clients else {},
        schedule=read_schedule_progress(state_dir / SCHEDULE),
    )


def _open_shards(clients: Clients) -> int:
    summary = clients.kinesis.describe_stream_summary(StreamName=DESCRIPTION.stream)
    return summary["StreamDescriptionSummary"]["OpenShardCount"]


def _objects(clients: Clients) -> dict[str, int]:
    pages = clients.s3.get_paginator("list_objects_v2")
    buckets = (DESCRIPTION.raw_bucket, DESCRIPTION.curated_bucket)
    return {bucket: sum(page["KeyCount"] for page in pages.paginate(Bucket=bucket)) for bucket in buckets}


def _dropped_files(clients: Clients) -> dict[str, int]:
    waiting, in_flight = _messages(clients.sqs, DESCRIPTION.dropped_files)
    dead = _messages(clients.sqs, DESCRIPTION.dropped_files_dead)
    return {"waiting": waiting, "in_flight": in_flight, "dead": sum(dead)}


def _messages(sqs: SQSClient, queue: str) -> tuple[int, int]:
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(found["ApproximateNumberOfMessages"]), int(found["ApproximateNumberOfMessagesNotVisible"])


def _record(state_dir: Path, stack: Stack) -> Stack:
    replace_file(stack_file(state_dir), msgspec.json.format(msgspec.json.encode(stack)))
    return stack


def _remove(state_dir: Path) -> bool:
    """Stop every process that was ever started for this folder and remove its traces, but for the logs."""
    recorded = journaled(state_dir)
    # The emulator last, since the others may have something to finish; a scheduled command after the schedule, which
    # would only begin the next one.
    for name in sorted(recorded, key=lambda name: (name == EMULATOR, name == SCHEDULED_RUN)):
        stop_journaled(state_dir, name)
    forget_journal(state_dir)
    for name in (*STAND_INS, SCHEDULE, TRINO):
        shutil.rmtree(state_dir / name, ignore_errors=True)
    (state_dir / "emulator.port").unlink(missing_ok=True)
    had_record = stack_file(state_dir).exists()
    stack_file(state_dir).unlink(missing_ok=True)
    return bool(recorded) or had_record


def _recovers(stack: Stack) -> bool:
    """Say whether the emulator answers; one that lives and is slow is waited for, since its data cannot come back."""
    is_decided = wait_until(lambda: EMULATOR in dead_parts(stack) or _answers(stack.endpoint), RECOVERY_S)
    return is_decided and EMULATOR not in dead_parts(stack)


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(endpoint + HEALTH_PATH, timeout=HEALTH_S) as answer:  # noqa: S310 (http, ours)
            return bool(answer.status == 200)
    except OSError:
        return False


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(f"port {port} cannot be used: {error.strerror}; choose another with --port") from error


@contextmanager
def exclusive(state_dir: Path) -> Iterator[None]:
    """Have no other process start or stop anything of a state folder meanwhile.

    Raises:
        WorkFailedError: another one does not come to its end.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "stack.lock").open("a") as lock:
        if not wait_until(lambda: _locked(lock.fileno()), LOCK_S):
            raise WorkFailedError(f"another `clickstream up` or `down` has held {lock.name} for {LOCK_S:g} s")
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
