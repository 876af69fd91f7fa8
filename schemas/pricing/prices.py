"""The prices of one region, read from a file of that form; decides nothing about what is used of them.

Pure, apart from reading the prices that come with the package.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from importlib.resources import files

import msgspec

from schemas.errors import ConfigError


class PriceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Prices of one service.

    Attributes:
        page: the page of AWS that has them.
        checked: what they were compared with; empty where with nothing.
    """

    page: str
    checked: str = ""


class ProvisionedStream(PriceTable, frozen=True, kw_only=True):
    """A Kinesis stream with shards; `extended_shard_hour` is for retention beyond a day, up to seven."""

    shard_hour: float
    million_payload_units: float
    extended_shard_hour: float
    long_term_gb_month: float


class OnDemandStream(PriceTable, frozen=True, kw_only=True):
    """A Kinesis stream without."""

    stream_hour: float
    gb_in: float
    gb_out: float
    extended_gb_month: float
    long_term_gb_month: float


class Firehose(PriceTable, frozen=True, kw_only=True):
    """What Firehose takes in."""

    gb: float


class Flink(PriceTable, frozen=True, kw_only=True):
    """Managed Service for Apache Flink."""

    kpu_hour: float
    storage_gb_month: float


class Requests(PriceTable, frozen=True, kw_only=True):
    """A service that bills requests."""

    million_requests: float


class Lambda(PriceTable, frozen=True, kw_only=True):
    """Functions on arm64."""

    million_requests: float
    gb_second: float


class DynamoDb(PriceTable, frozen=True, kw_only=True):
    """Tables on demand."""

    million_writes: float
    million_reads: float


class Fargate(PriceTable, frozen=True, kw_only=True):
    """Linux on x86_64; `disk_gb_hour` is for what is beyond the free disk."""

    vcpu_hour: float
    memory_gb_hour: float
    disk_gb_hour: float


class Registry(PriceTable, frozen=True, kw_only=True):
    """Container images."""

    gb_month: float


class Storage(PriceTable, frozen=True, kw_only=True):
    """S3; `archive` is Glacier Instant Retrieval."""

    standard_gb_month: float
    archive_gb_month: float
    thousand_puts: float
    thousand_gets: float
    thousand_archivings: float


class Catalog(PriceTable, frozen=True, kw_only=True):
    """The Glue Data Catalog."""

    million_requests: float


class Athena(PriceTable, frozen=True, kw_only=True):
    """Queries by what they scan."""

    tb_scanned: float


class Warehouse(PriceTable, frozen=True, kw_only=True):
    """Redshift Serverless."""

    rpu_hour: float
    storage_gb_month: float


class Keys(PriceTable, frozen=True, kw_only=True):
    """KMS, keys of the customer."""

    key_month: float
    ten_thousand_requests: float


class Secrets(PriceTable, frozen=True, kw_only=True):
    """Secrets Manager."""

    secret_month: float


class Endpoints(PriceTable, frozen=True, kw_only=True):
    """Interface endpoints of a VPC, each in each zone."""

    hour: float
    gb: float


class Watch(PriceTable, frozen=True, kw_only=True):
    """CloudWatch."""

    metric_month: float
    alarm_month: float
    dashboard_month: float
    log_gb: float
    log_storage_gb_month: float


class Trail(PriceTable, frozen=True, kw_only=True):
    """CloudTrail."""

    hundred_thousand_data_events: float


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The prices of one region in US dollars, with the pages that they are from."""

    region: str
    as_of: date
    kinesis_provisioned: ProvisionedStream
    kinesis_on_demand: OnDemandStream
    firehose: Firehose
    flink: Flink
    sns: Requests
    sqs: Requests
    function: Lambda
    dynamodb: DynamoDb
    fargate: Fargate
    registry: Registry
    s3: Storage
    glue_catalog: Catalog
    athena: Athena
    redshift_serverless: Warehouse
    kms: Keys
    secrets: Secrets
    endpoints: Endpoints
    cloudwatch: Watch
    cloudtrail: Trail

    def tables(self) -> Iterator[PriceTable]:
        """Give each table, in order."""
        for name in self.__struct_fields__:
            table = getattr(self, name)
            if isinstance(table, PriceTable):
                yield table


def read_prices(text: str, origin: str) -> Prices:
    """Return the prices in a TOML file.

    Args:
        text: what it holds.
        origin: its name, for errors.

    Raises:
        ConfigError: it is no such file, or a price is not a number that one can pay.
    """
    try:
        prices = msgspec.toml.decode(text, type=Prices)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{origin} is no list of prices: {error}") from error
    faults = [
        f"{origin}: {name}.{key} is {value}, which is no price"
        for name, table in msgspec.to_builtins(prices).items()
        if isinstance(table, dict)
        for key, value in table.items()
        if isinstance(value, float) and not 0 <= value < math.inf
    ]
    if faults:
        raise ConfigError(faults)
    return prices


def shipped_prices(region: str = "us-east-1") -> Prices:
    """Return the prices that come with the package."""
    name = f"{region}.toml"
    return read_prices((files("schemas") / "prices" / name).read_text(encoding="utf-8"), name)
