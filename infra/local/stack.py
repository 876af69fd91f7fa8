"""The stack's life: up, status, flush and down, for one state folder at a time.

`up` ends with a stack that was seen to work, or with an error and nothing left behind. A stack whose emulator is gone
or silent is removed and started anew, since its data went with it; one that lacks only the Firehose stand-in gets a
new one, which goes on from the checkpoint.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.local.description import DESCRIPTION, Clients, aws_environment, connect, create
from infra.local.firehose_state import FirehoseFolder, Progress
from infra.local.processes import log_tail, start_module, stop, wait_until
from infra.local.shim import HEALTH_PATH
from infra.local.state import (
    EMULATOR,
    FIREHOSE,
    HOST,
    ProcessId,
    Stack,
    dead_parts,
    is_alive,
    read_stack,
    replace_file,
    stack_file,
)
from schemas.errors import ConfigError, WorkFailedError

START_S = 60.0
LOCK_S = 90.0
HEALTH_S = 5.0
RECOVERY_S = 20.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a stack is started; port 0 takes a free one."""

    port: int = 0
    firehose_seconds: float = 10.0
    firehose_mib: float = 4.0


def up(state_dir: Path, options: Options) -> tuple[str, Stack]:
    """Return (what was done: `running`, `mended` or `started`; the stack that now runs).

    Raises:
        ConfigError: the port is taken.
        WorkFailedError: a process did not start; its last log lines are in the message.
    """
    with _exclusive(state_dir):
        stack = read_stack(state_dir)
        if stack is not None and _recovers(stack):
            if is_alive(stack.processes[FIREHOSE]):
                return "running", stack
            return "mended", _record(state_dir, _with_firehose(state_dir, stack))
        _remove(state_dir)
        try:
            stack = _with_firehose(state_dir, start_emulator(state_dir, options))
            return "started", _record(state_dir, stack)
        except BaseException:
            _remove(state_dir)
            raise


def down(state_dir: Path) -> bool:
    """Stop what runs and forget it; say whether there was anything. The emulator's data is gone afterwards."""
    if not state_dir.is_dir():
        return False
    with _exclusive(state_dir):
        return _remove(state_dir)


def start_emulator(state_dir: Path, options: Options) -> Stack:
    """Start the emulator alone, create every resource, and return the stack, not recorded yet.

    Raises:
        ConfigError: the port is taken.
        WorkFailedError: the emulator did not start.
    """
    _require_free(options.port)
    port_file, log = state_dir / "emulator.port", state_dir / "logs" / "emulator.log"
    port_file.unlink(missing_ok=True)
    arguments = ["--port", str(options.port), "--port-file", str(port_file)]
    process = start_module("infra.local.emulator", arguments, {}, log)
    _journal(state_dir, EMULATOR, process)
    wait_until(lambda: port_file.exists() or not is_alive(process), START_S)
    if not port_file.exists():
        raise WorkFailedError(f"the emulator did not start\n{log_tail(log)}")
    endpoint = f"http://{HOST}:{port_file.read_text()}"
    if not _answers(endpoint):
        raise WorkFailedError(f"the emulator does not answer at {endpoint}\n{log_tail(log)}")
    environment = aws_environment(endpoint)
    environment |= create(DESCRIPTION, connect(environment)).as_environment()
    return Stack(
        endpoint=endpoint,
        started_us=time.time_ns() // 1000,
        processes={EMULATOR: process},
        environment=environment,
        firehose_seconds=options.firehose_seconds,
        firehose_mib=options.firehose_mib,
    )


def start_firehose(state_dir: Path, stack: Stack) -> ProcessId:
    """Start a Firehose stand-in that goes on from the checkpoint in the state folder, and wait for its first report.

    Raises:
        WorkFailedError: it did not start.
    """
    folder, log = state_dir / "firehose", state_dir / "logs" / "firehose.log"
    _stop_journaled(state_dir / "processes" / f"{FIREHOSE}.json")  # an `up` that was interrupted may have left one
    progress = FirehoseFolder(folder)
    progress.forget_progress()
    arguments = ["--folder", str(folder), "--stream", DESCRIPTION.stream, "--bucket", DESCRIPTION.raw_bucket]
    arguments += ["--seconds", str(stack.firehose_seconds), "--mib", str(stack.firehose_mib)]
    process = start_module("infra.local.firehose_worker", arguments, stack.environment, log)
    _journal(state_dir, FIREHOSE, process)
    wait_until(lambda: progress.read_progress() is not None or not is_alive(process), START_S)
    if progress.read_progress() is None:
        raise WorkFailedError(f"the Firehose stand-in did not start\n{log_tail(log)}")
    return process


def flush(state_dir: Path, stack: Stack, timeout_s: float) -> Progress:
    """Have the Firehose stand-in deliver all that is in the stream now, and return its progress.

    Raises:
        WorkFailedError: it is gone, or needed longer.
    """
    folder, process = FirehoseFolder(state_dir / "firehose"), stack.processes[FIREHOSE]
    request = folder.request_flush()
    wait_until(lambda: not request.exists() or not is_alive(process), timeout_s)
    progress = folder.read_progress()
    if request.exists() or progress is None:
        request.unlink(missing_ok=True)
        log = log_tail(state_dir / "logs" / "firehose.log")
        raise WorkFailedError(f"the Firehose stand-in has not delivered everything within {timeout_s:g} s\n{log}")
    return progress


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `clickstream status` tells; without a stack only `running` and `problems` are set."""

    running: bool
    problems: list[str]
    endpoint: str | None = None
    uptime_s: float | None = None
    processes: dict[str, dict[str, int | bool]] = {}
    stream: str | None = None
    shards: int | None = None
    objects: dict[str, int] = {}
    firehose: Progress | None = None


def status(state_dir: Path) -> Status:
    """Return the state of the recorded stack; it is running when every part of it works."""
    stack = read_stack(state_dir)
    if stack is None:
        return Status(running=False, problems=["no stack was started here: run `clickstream up`"])
    dead = dead_parts(stack)
    if EMULATOR not in dead and not _answers(stack.endpoint):
        dead.append(EMULATOR)
    clients = None if EMULATOR in dead else connect(stack.environment)
    return Status(
        running=not dead,
        problems=[f"{name} is gone: run `clickstream up`, see {state_dir}/logs/{name}.log" for name in dead],
        endpoint=stack.endpoint,
        uptime_s=round(time.time() - stack.started_us / 1e6, 1),
        processes={name: {"pid": p.pid, "alive": name not in dead} for name, p in stack.processes.items()},
        stream=DESCRIPTION.stream,
        shards=_open_shards(clients) if clients else None,
        objects=_objects(clients) if clients else {},
        firehose=FirehoseFolder(state_dir / "firehose").read_progress(),
    )


def _open_shards(clients: Clients) -> int:
    summary = clients.kinesis.describe_stream_summary(StreamName=DESCRIPTION.stream)
    return summary["StreamDescriptionSummary"]["OpenShardCount"]


def _objects(clients: Clients) -> dict[str, int]:
    pages = clients.s3.get_paginator("list_objects_v2")
    buckets = (DESCRIPTION.raw_bucket, DESCRIPTION.curated_bucket)
    return {bucket: sum(page["KeyCount"] for page in pages.paginate(Bucket=bucket)) for bucket in buckets}


def _with_firehose(state_dir: Path, stack: Stack) -> Stack:
    process = start_firehose(state_dir, stack)
    return msgspec.structs.replace(stack, processes=stack.processes | {FIREHOSE: process})


def _record(state_dir: Path, stack: Stack) -> Stack:
    replace_file(stack_file(state_dir), msgspec.json.format(msgspec.json.encode(stack)))
    return stack


def _journal(state_dir: Path, name: str, process: ProcessId) -> None:
    # What a killed `up` leaves behind is found by this; the stack itself is recorded only once it works.
    replace_file(state_dir / "processes" / f"{name}.json", msgspec.json.encode(process))


def _stop_journaled(file: Path) -> None:
    if file.exists():
        stop(msgspec.json.decode(file.read_bytes(), type=ProcessId))


def _remove(state_dir: Path) -> bool:
    """Stop every process that was ever started for this folder and remove its traces, but for the logs."""
    recorded = sorted((state_dir / "processes").glob("*.json"), reverse=True)  # firehose, which flushes, then emulator
    for file in recorded:
        _stop_journaled(file)
    shutil.rmtree(state_dir / "processes", ignore_errors=True)
    shutil.rmtree(state_dir / "firehose", ignore_errors=True)
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
def _exclusive(state_dir: Path) -> Iterator[None]:
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
