"""A process that runs sources into files, one job at a time: a line of JSON on stdin is a request, one on stdout its
answer. A sink that keeps count in Flink's state shows what was emitted and what the state believes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyflink.common import Duration, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import KeyedProcessFunction, ProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.state import ValueStateDescriptor
from pyflink.java_gateway import get_gateway

from schemas.errors import ConfigError
from stream_jobs import runtime
from stream_jobs.connector import ConnectorConfig, connector_jars, emulator_of, with_arrival
from stream_jobs.poller import PollerConfig
from stream_jobs.record_type import RECORD_TYPE
from stream_jobs.sources import SourceConfig, records
from stream_jobs.spread import spread_keys

OUTAGE_DEADLINE_S = 60.0
_BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())


def key_of(data: bytes) -> str:
    """The user of a record `user|number`, or what else it begins with."""
    return data[:20].partition(b"|")[0].decode("latin-1")


class Reader(ProcessFunction):  # type: ignore[misc]
    """Adds which subtask has read a record."""

    def open(self, runtime_context: Any) -> None:
        self._subtask = int(runtime_context._runtime_context.getTaskInfo().getIndexOfThisSubtask())

    def process_element(self, value: tuple[bytes, int, str, str, bool], ctx: Any) -> Iterator[Any]:
        if value[0]:  # else the sign that an attempt begins to read
            yield value, self._subtask


class Tally(KeyedProcessFunction):  # type: ignore[misc]
    """Counts a user's records in state, and notes each with its count in a file."""

    def __init__(self, file: Path) -> None:
        self._path = file

    def open(self, runtime_context: Any) -> None:
        self._count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def process_element(self, value: tuple[tuple[bytes, int, str, str, bool], int], ctx: Any) -> Iterator[Any]:
        (data, arrival_us, shard_id, sequence_number, _), subtask = value
        count = (self._count.value() or 0) + 1
        self._count.update(count)
        note = {
            "key": key_of(data),
            "text": data[:40].decode("latin-1"),
            "size": len(data),
            "digest": hashlib.sha256(data).hexdigest(),
            "arrival_us": arrival_us,
            "shard_id": shard_id,
            "sequence_number": sequence_number,
            "subtask": subtask,
            "count": count,
        }
        os.write(self._file, json.dumps(note).encode() + b"\n")
        return iter(())

    def close(self) -> None:
        os.close(self._file)


class FirstNumber(TimestampAssigner):  # type: ignore[misc]
    """Takes a text's first word for its timestamp."""

    def extract_timestamp(self, value: str, record_timestamp: int) -> int:
        return int(value.split()[0])


class Runner:
    """What the process can be asked for."""

    def __init__(self) -> None:
        self._job: Any = None
        self._folder = Path()

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        self._folder = Path(request["folder"])
        config = self._source(request)
        environment, rest_port = self._environment(request)
        (
            records(environment, config)
            .process(Reader(), Types.TUPLE([RECORD_TYPE, Types.INT()]))
            .uid("reader")
            .key_by(lambda record: key_of(record[0][0]), Types.STRING())
            .process(Tally(self._folder / "seen"), _BYTES)
            .uid("tally")
        )
        self._job = environment.execute_async("source")
        return {"rest_port": rest_port, "job_id": str(self._job.get_job_id())}

    def stop(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"savepoint": str(runtime.stop_with_savepoint(self._job, self._folder))}

    def cancel(self, _: dict[str, Any]) -> dict[str, Any]:
        self._job.cancel().result()
        return {}

    def timestamps(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run texts with timestamps of their own through what makes records of a timestamped stream."""
        self._folder = Path(request["folder"])
        environment, _ = self._environment(request)
        strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1))
        data = (
            environment.from_collection(request["texts"], Types.STRING())
            .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(FirstNumber()))
            .map(lambda text: text.encode(), _BYTES)
        )
        with with_arrival(data).execute_and_collect() as found:
            return {"records": [[bytes(record[0]).decode(), *list(record)[1:]] for record in found]}

    def spread(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the keys for each count and parallelism, and the subtasks that Flink gives them."""
        runtime.make_environment(self._flink(request, runtime.free_port()))
        gateway = get_gateway()
        assignment = gateway.jvm.org.apache.flink.runtime.state.KeyGroupRangeAssignment
        answers = []
        for count, parallelism in request["cases"]:
            keys = spread_keys(count, parallelism)
            rows = []
            for key in keys:
                fields = gateway.new_array(gateway.jvm.java.lang.Object, 1)
                fields[0] = key
                rows.append(gateway.jvm.org.apache.flink.types.Row.of(fields))
            most = assignment.computeDefaultMaxParallelism(parallelism)
            subtasks = [assignment.assignKeyToParallelOperator(row, most, parallelism) for row in rows]
            answers.append({"keys": keys, "subtasks": subtasks})
        return {"answers": answers}

    def has_class_path_entry(self, request: dict[str, Any]) -> dict[str, Any]:
        """Say whether the class loader of a job's main program finds a file in the jars."""
        self._environment(request)
        loader = get_gateway().jvm.java.lang.Thread.currentThread().getContextClassLoader()
        return {"found": loader.getResource(request["name"]) is not None}

    def parsed_start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read a text as the connector reads `source.init.timestamp` by default, in milliseconds."""
        self._environment(request)
        date_format = get_gateway().jvm.java.text.SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
        return {"millis": date_format.parse(request["text"]).getTime()}

    def _source(self, request: dict[str, Any]) -> SourceConfig:
        if request["source"] == "connector":
            return ConnectorConfig(request["arn"], request["start"], emulator_of(os.environ))
        deadline_s = request.get("outage_deadline_s", OUTAGE_DEADLINE_S)
        folder = Path(request["folder"]) / "poller"
        return PollerConfig(
            request["stream"], request["created_us"], request["start"], deadline_s, folder, idle_wait_s=0.05
        )

    def _environment(self, request: dict[str, Any]) -> tuple[StreamExecutionEnvironment, int]:
        rest_port = runtime.free_port()
        return runtime.make_environment(self._flink(request, rest_port)), rest_port

    def _flink(self, request: dict[str, Any], rest_port: int) -> runtime.FlinkConfig:
        restart_point = Path(request["restart_point"]) if request.get("restart_point") else None
        jars = connector_jars(Path(request["jars"])) if request.get("jars") else []
        parallelism = request.get("parallelism", 1)
        folder = Path(request["folder"])
        return runtime.FlinkConfig(
            folder, folder / "log", 1.0, 60.0, restart_point, rest_port, parallelism=parallelism, jars=jars
        )


def main() -> None:
    """Answer until stdin ends."""
    # Java writes to the standard output too: answers have a way of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    runner = Runner()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(runner, request["do"])(request)
        except ConfigError as error:
            answer = {"config_error": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
