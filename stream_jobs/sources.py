"""Where the job's records come from: two sources, one contract.

Both give records as `RECORD_TYPE`, keep their positions in Flink's state, read a shard's children after it, and begin
where `shards.start_of` says. The connector is Flink's own and needs its jar; the poller needs nothing but Python.
"""

from __future__ import annotations

from pyflink.datastream import DataStream, StreamExecutionEnvironment

from stream_jobs.connector import ConnectorConfig, connect
from stream_jobs.poller import PollerConfig, poll

SourceConfig = PollerConfig | ConnectorConfig


def records(environment: StreamExecutionEnvironment, config: SourceConfig) -> DataStream:
    """Return the records of a stream, as `record_type.RECORD_TYPE`.

    Raises:
        ConfigError: the connector is asked for and is not on the class path.
    """
    if isinstance(config, PollerConfig):
        return poll(environment, config)
    return connect(environment, config)
