"""The Flink baselines of the stream benchmark: the job as PyFlink usually does it, and as Flink SQL does.

Each is written as good code of its kind: nothing of the kind left out, nothing put in that makes it slow. Their input
is one event a record. A connector hands records to Python one by one, and so does a source of files, which the usual
job reads here; it is run behind the feed too, where no record crosses from Java to Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyflink.common import Time, Types, WatermarkStrategy
from pyflink.datastream import DataStream, KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import FileSource, StreamFormat
from pyflink.datastream.state import StateTtlConfig, ValueStateDescriptor
from pyflink.table import StreamTableEnvironment

from bench.stream_feed import feed
from bench.stream_input import Packing
from schemas.event import PURCHASE
from stream_jobs.lives import flink_uri

_HOURS = 24
_PURCHASE_TYPE = Types.TUPLE([Types.STRING(), Types.STRING(), Types.STRING()])
_CLICKS = """
CREATE TABLE clicks (
    event_id STRING, user_id STRING, session_id STRING, event_type STRING, event_timestamp STRING,
    device_type STRING, page_url STRING, metadata MAP<STRING, STRING>, seen_at AS PROCTIME()
) WITH ('connector' = 'filesystem', 'path' = '{folder}', 'format' = 'json')
"""
_ALERTS = """
CREATE TABLE alerts (event_id STRING, user_id STRING, order_id STRING, amount_minor STRING, page_url STRING)
WITH ('connector' = 'blackhole')
"""
_DEDUPE = """
INSERT INTO alerts
SELECT event_id, user_id, metadata['order_id'], metadata['amount_minor'], page_url FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY seen_at) AS place
    FROM clicks WHERE event_type = '{purchase}'
) WHERE place = 1
"""


def run_per_event(environment: StreamExecutionEnvironment, lines: Path) -> Any:
    """Start the usual PyFlink job over files of one event a line, and return its client."""
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), flink_uri(lines)).build()
    _dedupe(
        environment.from_source(source, WatermarkStrategy.no_watermarks(), "lines").map(lambda line: json.loads(line))
    )
    return environment.execute_async("per-event")


def run_per_event_polled(environment: StreamExecutionEnvironment, lines: Path) -> Any:
    """Start the same behind our own source, and return its client."""
    _dedupe(feed(environment, Packing.ONE_EVENT).map(lambda record: json.loads(record[0])))
    return environment.execute_async("per-event-polled")


def run_sql(environment: StreamExecutionEnvironment, lines: Path) -> Any:
    """Start the Flink SQL job, all of it Java, over files of one event a line, and return its client."""
    tables = StreamTableEnvironment.create(environment)
    tables.get_config().set("table.exec.state.ttl", f"{_HOURS} h")
    tables.execute_sql(_CLICKS.format(folder=flink_uri(lines)))
    tables.execute_sql(_ALERTS)
    return tables.execute_sql(_DEDUPE.format(purchase=PURCHASE)).get_job_client()


def _dedupe(events: DataStream) -> None:
    (
        events.filter(lambda event: event["event_type"] == PURCHASE)
        .map(lambda event: (event["event_id"], event["user_id"], json.dumps(event)), _PURCHASE_TYPE)
        .key_by(lambda purchase: purchase[0], Types.STRING())
        .process(_DedupeById(), _PURCHASE_TYPE)
        .name("dedupe")
    )


class _DedupeById(KeyedProcessFunction):  # type: ignore[misc]
    def open(self, runtime_context: Any) -> None:
        descriptor = ValueStateDescriptor("seen", Types.BOOLEAN())
        descriptor.enable_time_to_live(StateTtlConfig.new_builder(Time.hours(_HOURS)).build())
        self._seen = runtime_context.get_state(descriptor)

    def process_element(self, value: tuple[str, str, str], ctx: Any) -> Iterator[tuple[str, str, str]]:
        if self._seen.value() is None:
            self._seen.update(True)
            yield value
