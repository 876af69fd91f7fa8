"""Flink's own Kinesis connector as a source, for AWS and wherever its jar is at hand.

The jar is in no Python package: it is named by its Maven coordinates and given by a path. The builder is Java's,
through py4j. The connector hands Python a record's bytes and its arrival to the millisecond, but neither shard nor
sequence number; these fields stay empty. It keeps its positions itself, and does not de-aggregate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from py4j.java_gateway import JavaPackage  # type: ignore[import-untyped]
from pyflink.common import Types, WatermarkStrategy
from pyflink.common.serialization import ByteArraySchema
from pyflink.datastream import DataStream, ProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.base import Source
from pyflink.java_gateway import get_gateway

from schemas.errors import ConfigError
from stream_jobs.arns import place_of
from stream_jobs.clock import now_us
from stream_jobs.lives import flink_uri
from stream_jobs.one_processor import share_one_processor
from stream_jobs.record_type import RECORD_TYPE
from stream_jobs.shards import instant_of

# What the clocks of Kinesis and of this machine may differ by.
_CLOCK_MARGIN_US = 2_000_000
MAVEN_COORDINATES = "org.apache.flink:flink-connector-aws-kinesis-streams:6.0.0-2.0"
_GET_IT = f"get {MAVEN_COORDINATES} with what it pulls, from Maven Central, and name the jar or a folder of the jars"


@dataclass(frozen=True, slots=True)
class Emulator:
    """Where the stream is when it is not on AWS, and the credentials that are good there alone."""

    endpoint: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """What the connector reads.

    Attributes:
        stream_arn: as Kinesis itself gives it; an emulator's account is not that of the credentials.
        start: where the first life begins, see `shards.start_of`; later ones go on from the state.
        emulator: None on AWS, where the connector finds endpoint and credentials itself.
    """

    stream_arn: str
    start: str
    emulator: Emulator | None = None


def emulator_of(variables: Mapping[str, str]) -> Emulator | None:
    """Return the endpoint that the standard `AWS_*` variables put in the place of AWS, or None.

    Raises:
        ConfigError: there is one, and no credentials beside it.
    """
    endpoint = variables.get("AWS_ENDPOINT_URL_KINESIS") or variables.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return None
    missing = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not variables.get(name)]
    if missing:
        raise ConfigError([f"{name} is not set, and the connector needs it at {endpoint}" for name in missing])
    return Emulator(endpoint, variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])


def source_options(config: ConnectorConfig) -> dict[str, str]:
    """Return the connector's options.

    Source: the classes `KinesisSourceConfigOptions` and `AWSConfigConstants` of the connector, version 6.0.0. It takes
    an unknown key without a word.
    """
    options = {"aws.region": place_of(config.stream_arn).region} | _start_options(config.start)
    if config.emulator is None:
        # Five reads a second for each shard are all that Kinesis grants, and others read too.
        return options | {
            "source.reader.empty-records-fetch-interval": "250 ms",
            "source.shard.discovery.interval": "10 s",
        }
    return options | {
        "aws.endpoint": config.emulator.endpoint,
        "aws.credentials.provider": "BASIC",
        "aws.credentials.provider.basic.accesskeyid": config.emulator.access_key_id,
        "aws.credentials.provider.basic.secretkey": config.emulator.secret_access_key,
        "source.reader.empty-records-fetch-interval": "50 ms",
        # Not shorter: a discovery that begins before the first one has answered fails the job.
        "source.shard.discovery.interval": "5 s",
    }


def _start_options(start: str) -> dict[str, str]:
    instant = instant_of(start)
    if instant is None:
        return {"source.init.position": "TRIM_HORIZON"}
    # Three digits: the connector would take more for that many milliseconds.
    at = f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"
    return {"source.init.position": "AT_TIMESTAMP", "source.init.timestamp": at}


def connector_jars(path: Path) -> list[Path]:
    """Return the jars at a path: itself, or those in its folder.

    Raises:
        ConfigError: there is none.
    """
    if path.is_dir():
        jars = sorted(path.glob("*.jar"))
        if not jars:
            raise ConfigError(f"there is no jar in the folder {path}: {_GET_IT}")
        return [jar.absolute() for jar in jars]
    if not path.is_file() or path.suffix != ".jar":
        raise ConfigError(f"{path} is neither a jar nor a folder of jars: {_GET_IT}")
    return [path.absolute()]


def pipeline_jars(jars: Sequence[Path]) -> str:
    """Return the value of Flink's option `pipeline.jars`, which has to be set before the environment is made.

    Raises:
        ConfigError: the path of a jar holds what separates the list.
    """
    odd = [jar for jar in jars if ";" in str(jar)]
    if odd:
        raise ConfigError([f"{jar}: Flink takes no jar with a semicolon in its path" for jar in odd])
    return ";".join(flink_uri(jar) for jar in jars)


def connect(environment: StreamExecutionEnvironment, config: ConnectorConfig) -> DataStream:
    """Return the records of the stream as `RECORD_TYPE`, with empty shard and sequence number.

    Raises:
        ConfigError: the connector is not on the class path.
    """
    gateway = get_gateway()
    source = gateway.jvm.org.apache.flink.connector.kinesis.source.KinesisStreamsSource
    if isinstance(source, JavaPackage):
        raise ConfigError(f"the Kinesis connector is not on Flink's class path: {_GET_IT}")
    if config.emulator is not None:
        # The SDK's own default is CBOR, which not every emulator reads; what it makes of it looks like an idle stream.
        gateway.jvm.java.lang.System.setProperty("aws.cborEnabled", "false")
    options = gateway.jvm.org.apache.flink.configuration.Configuration()
    for key, value in source_options(config).items():
        options.setString(key, value)
    built = (
        source.builder()
        .setStreamArn(config.stream_arn)
        .setSourceConfig(options)
        .setDeserializationSchema(ByteArraySchema()._j_deserialization_schema)
        .build()
    )
    data = environment.from_source(
        Source(built), WatermarkStrategy.no_watermarks(), "kinesis", Types.PRIMITIVE_ARRAY(Types.BYTE())
    ).uid("kinesis")
    return with_arrival(data)


def with_arrival(data: DataStream) -> DataStream:
    """Return a stream of bytes as `RECORD_TYPE`, with Flink's timestamps as arrival."""
    return data.process(WithArrival(), RECORD_TYPE).uid("arrival").name("arrival")


class WithArrival(ProcessFunction):  # type: ignore[misc]
    """Adds a record's timestamp, which the connector makes its arrival, in microseconds.

    The connector does not say when it has caught up with the stream: by its arrival a record is old or not.
    """

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt."""
        share_one_processor()
        # By the clock of now: a service may run a stored graph again, long after it was built.
        self._begun_us = now_us() + _CLOCK_MARGIN_US

    def process_element(self, value: bytes, ctx: Any) -> Iterator[tuple[bytes, int, str, str, bool]]:
        """Called for each record."""
        arrival_us = ctx.timestamp() * 1000
        yield value, arrival_us, "", "", arrival_us < self._begun_us
