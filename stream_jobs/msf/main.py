"""The alert job on Managed Service for Apache Flink: what the service starts, at the root of the package.

Reads the application's properties, builds the graph and hands it over. Sets one option of Flink's, which the service
permits; checkpoints, state backend, restarts and parallelism are the service's, and setting them here would be refused.
Everything that it imports lies in `dep/`, which Flink brings to its tasks too.

With `IS_LOCAL` set the properties are those beside this file: for a try-out, see `docs/deploy-alerts.md`.
"""

from __future__ import annotations

import os
from pathlib import Path

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment

from schemas.errors import ConfigError
from schemas.instants import datetime_to_us
from stream_jobs import aws_calls
from stream_jobs.application_properties import JobProperties, SourceKind, parse
from stream_jobs.arns import place_of
from stream_jobs.clock import now_us
from stream_jobs.connector import ConnectorConfig, emulator_of
from stream_jobs.defaults import STREAM_OUTAGE_S
from stream_jobs.job import JobPlan, build
from stream_jobs.poller import PollerConfig, idle_wait_s
from stream_jobs.shards import start_of
from stream_jobs.sources import SourceConfig

_ON_THE_SERVICE = Path("/etc/flink/application_properties.json")
_HERE = Path(__file__).parent
_OPTIONS = {"python.execution-mode": "thread"}


def main() -> None:
    """Build the job and run it.

    Raises:
        ConfigError: the properties are missing or wrong; no job was begun.
    """
    is_local = bool(os.environ.get("IS_LOCAL"))
    properties = read_properties(_HERE / _ON_THE_SERVICE.name if is_local else _ON_THE_SERVICE)
    options = Configuration()
    for key, value in _OPTIONS.items():
        options.set_string(key, value)
    environment = StreamExecutionEnvironment.get_execution_environment(options)
    build(environment, plan_of(properties, source_of(properties, is_local=is_local)))
    environment.execute("purchase-alerts")


def read_properties(path: Path) -> JobProperties:
    """Return the properties in a file.

    Raises:
        ConfigError: there is no such file, or something in it is wrong.
    """
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"there are no application properties at {path}") from None


def plan_of(properties: JobProperties, source: SourceConfig) -> JobPlan:
    """Return what this run is told."""
    return JobPlan(
        properties.settings,
        properties.rules,
        source,
        max_age_us=properties.max_age_us,
        dedupe_hours=properties.dedupe_hours,
        publish_deadline_s=properties.deadline_s,
        receipts_linger_ms=properties.receipts_linger_ms,
        # Nothing here tells a first start from one after a failure; flagging too much is the lesser evil.
        follows_unclean=properties.flag_backlog,
        region=place_of(properties.stream_arn).region,
    )


def source_of(properties: JobProperties, *, is_local: bool) -> SourceConfig:
    """Return what is read.

    Raises:
        ConfigError: the poller is asked for on the service, or the start is yet to come.
    """
    start = start_of(properties.start, now_us())
    if properties.kind is SourceKind.CONNECTOR:
        return ConnectorConfig(properties.stream_arn, start, emulator_of(os.environ))
    if not is_local:
        # Its subtasks have to share one process, and its seed is a folder of one machine.
        raise ConfigError("source/kind is poller, which is for a try-out on one machine: give connector")
    stream = properties.settings.stream
    summary = aws_calls.client("kinesis").describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    created_us = datetime_to_us(summary["StreamCreationTimestamp"])
    return PollerConfig(stream, created_us, start, STREAM_OUTAGE_S, _HERE / "poller", idle_wait_s(is_emulated=True))


if __name__ == "__main__":
    main()
