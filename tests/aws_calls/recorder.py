"""Which program of ours asks AWS for what: written down call by call, in every process that a test starts.

A call belongs to the outermost entry point of a program on the stack, as far as the stack is ours: beyond a frame of a
test nothing counts, so that a test's own calls are nobody's. A thread goes on where it was started. What Arrow asks S3
for shows up only at the emulator; the file system that a program opens signs with the program's name for that.

Only the standard library here: processes load this file alone, before anything else.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple

# Program -> where it begins: modules, or functions of a module after a colon. Those of tests too, which call what the
# command calls.
PROGRAMS: dict[str, tuple[str, ...]] = {
    # On AWS `main` is `stream_jobs.msf.main`; the operators are what Flink calls, in its own process.
    "alert-job": (
        "main",
        "stream_jobs.msf.main",
        "stream_jobs.delivering",
        "stream_jobs.operators",
        "stream_jobs.poller",
        "stream_jobs.prefetch",
    ),
    "alerts": ("stream_jobs.cli:alerts", "stream_jobs.probe"),
    "watch": ("stream_jobs.cli:watch", "stream_jobs.watching"),
    "dead-letters": (
        "stream_jobs.dead_letters_cli",
        "stream_jobs.letters",
        "stream_jobs.marks",
        "stream_jobs.redrive",
    ),
    "dropped-files": ("stream_jobs.lambda_handler", "stream_jobs.dropped_files", "stream_jobs.idempotency"),
    "compact": ("batch_compaction.cli:compact", "batch_compaction.run"),
    "query": ("analytics.query_cli", "analytics.notebook"),
    "query-athena": ("analytics.query.athena_engine",),
    "models": ("analytics.models_cli", "analytics.modelling.running"),
    "enrich": ("analytics.enrich_cli", "analytics.enrichment.run"),
    "redshift-manifest": ("analytics.warehouse_cli",),
    "validate": ("batch_compaction.validate_cli", "batch_compaction.validate"),
    "maintain": ("batch_compaction.maintain_cli", "batch_compaction.maintain"),
    "quarantine": ("batch_compaction.quarantine_cli", "batch_compaction.quarantine_replay"),
    "hours": ("batch_compaction.hours_cli",),
    "rollback": ("batch_compaction.rollback_cli", "batch_compaction.rollback"),
    "simulate": ("producers.simulate_cli",),
    "replay": ("producers.replay_cli",),
    "record": ("producers.record_cli",),
    "resharding": ("producers.faults.resharding",),
    "load": ("producers.load_cli", "producers.load.load_worker", "producers.load.onlookers"),
    "verify": ("producers.verify_cli",),
}
# What is a program of its own wherever it is begun.
_ALONE = {"resharding", "query-athena"}
_BEGINNINGS = {place: program for program, places in PROGRAMS.items() for place in places}
_NOT_OURS = re.compile(r"(tests|bench)(\..*)?")
# The file that the calls of this process, and of those that it starts, are added to.
VARIABLE = "CALLS_OF_TESTS"
_HOOK = str(Path(__file__).parent / "hook")
_JAVA_PROGRAM = "alert-job"  # nothing else of ours is in a JVM
# Trino, which stands in for a service of AWS: what it asks for is asked by none of our programs.
_STAND_IN = "app/trino"


class Call(NamedTuple):
    """An operation that a program asked for.

    Attributes:
        program: of `PROGRAMS`.
        service: as boto3 names it.
        operation: as the API names it.
        client: `boto3`, `Arrow` or `Java`.
    """

    program: str
    service: str
    operation: str
    client: str


class _Recorder:
    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen: set[Call] = set()

    def note(self, call: Call) -> None:
        if call in self._seen:
            return
        self._seen.add(call)
        # One write of a short line: whole beside those of other processes, and there when this one is killed.
        with self.file.open("ab", buffering=0) as out:
            out.write(("\t".join(call) + "\n").encode())


_recorder: _Recorder | None = None


def install(file: Path) -> None:
    """Record into a file from now on, here and in every process that is started from here; once in a process."""
    global _recorder
    assert _recorder is None
    file.touch()
    _recorder = _Recorder(file)
    os.environ.update(_with_hook(os.environ))
    _wrap(threading.Thread, "start", _remembering_the_starter)
    _wrap(subprocess.Popen, "__init__", _handing_on)
    _wrap(os, "posix_spawn", _handing_on_to_spawned)
    _when_imported("botocore.client", lambda module: _wrap(module.BaseClient, "_make_api_call", _noting))
    _when_imported("pyiceberg.io.pyarrow", lambda module: _wrap(module.PyArrowFileIO, "_initialize_s3_fs", _signing))
    _when_imported("infra.local.shim", lambda module: _wrap(module.Shim, "__call__", _noting_requests))


def parse(lines: str) -> set[Call]:
    """Return the calls that were written down."""
    return {Call(*line.split("\t")) for line in lines.splitlines()}


def program() -> str | None:
    """Return the program that the caller runs in."""
    found = None
    for place in _places(sys._getframe(1)):
        begun = _BEGINNINGS.get(place) or _BEGINNINGS.get(place.partition(":")[0])
        if begun in _ALONE:
            return begun
        found = begun or found
    return found


def _places(frame: FrameType | None) -> list[str]:
    """Return `module:function` of each frame, innermost first, up to the first one of a test."""
    found: list[str] = []
    while frame is not None:
        if frame.f_globals is not globals():
            module = _module_of(frame)
            if _NOT_OURS.fullmatch(module):
                return found
            found.append(f"{module}:{frame.f_code.co_name}")
        frame = frame.f_back
    found += getattr(threading.current_thread(), "_started_at", ())
    return found


def _module_of(frame: FrameType) -> str:
    name = str(frame.f_globals.get("__name__", ""))
    if name != "__main__":
        return name
    # `python -m module` has its name here; a script has none.
    spec = frame.f_globals.get("__spec__")
    return str(spec.name) if spec is not None else Path(frame.f_code.co_filename).stem


def _remembering_the_starter(start: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(start)
    def wrapper(self: Any) -> Any:
        self._started_at = _places(sys._getframe(1))
        return start(self)

    return wrapper


def _handing_on(init: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(init)
    def wrapper(self: Any, *args: Any, **options: Any) -> Any:
        if options.get("env") is not None:
            options["env"] = _with_hook(options["env"])
        return init(self, *args, **options)

    return wrapper


def _handing_on_to_spawned(spawn: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(spawn)
    def wrapper(path: Any, argv: Any, env: Any, /, **options: Any) -> Any:
        return spawn(path, argv, _with_hook(env), **options)

    return wrapper


def _with_hook(environment: Mapping[str, str]) -> dict[str, str]:
    assert _recorder is not None
    path = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part not in ("", _HOOK)]
    return {**environment, VARIABLE: str(_recorder.file), "PYTHONPATH": os.pathsep.join([*path, _HOOK])}


def _noting(make_api_call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(make_api_call)
    def wrapper(self: Any, operation_name: str, api_params: Any) -> Any:
        _note(program(), self.meta.service_model.service_name, operation_name, "boto3")
        return make_api_call(self, operation_name, api_params)

    return wrapper


def _signing(initialize: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(initialize)
    def wrapper(self: Any, netloc: Any) -> Any:
        name = program()
        if name is None:
            return initialize(self, netloc)
        properties = self.properties
        self.properties = {**properties, "s3.access-key-id": name, "s3.secret-access-key": "testing"}
        try:
            return initialize(self, netloc)
        finally:
            self.properties = properties

    return wrapper


def _noting_requests(answer: Callable[..., Any]) -> Callable[..., Any]:
    from infra.local.operations import operation_of

    @wraps(answer)
    def wrapper(self: Any, environ: Any, start_response: Any) -> Any:
        agent = str(environ.get("HTTP_USER_AGENT", ""))
        if ("aws-sdk-cpp" in agent or "aws-sdk-java" in agent) and _STAND_IN not in agent.lower():
            body = environ["wsgi.input"].read()
            environ["wsgi.input"].seek(0)
            service, _, operation = operation_of(environ, body).partition(".")
            if "aws-sdk-java" in agent:
                _note(_JAVA_PROGRAM, service, operation, "Java")
            else:
                signer = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].partition("/")[0]
                _note(signer if signer in PROGRAMS else None, service, operation, "Arrow")
        return answer(self, environ, start_response)

    return wrapper


def _note(name: str | None, service: str, operation: str, client: str) -> None:
    if name is not None and _recorder is not None:
        _recorder.note(Call(name, service, operation, client))


def _wrap(owner: Any, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(owner, name, wrapper(getattr(owner, name)))


def _when_imported(name: str, change: Callable[[ModuleType], None]) -> None:
    """Change a module as soon as it is imported, which it may never be."""
    if name in sys.modules:
        change(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Changing(name, change))


class _Changing(importlib.abc.MetaPathFinder):
    """Finds one module where the others do, and changes it once it is there."""

    def __init__(self, name: str, change: Callable[[ModuleType], None]) -> None:
        self._name = name
        self._change = change

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        with suppress(ValueError):
            sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            change, execute = self._change, spec.loader.exec_module

            def execute_and_change(module: ModuleType) -> None:
                execute(module)
                change(module)

            spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec
