"""What a measured load costs on AWS, each figure with its formula.

Pure, apart from reading the prices that come with the package. Estimates the services that every event passes; storage,
tables, queries, logs and traffic between networks are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from importlib.resources import files

import msgspec

from schemas.errors import ConfigError

HOURS_PER_MONTH = 730
# Source: Amazon Kinesis Data Streams pricing; Amazon Data Firehose pricing: what a record is rounded up to.
PAYLOAD_UNIT_BYTES = 25 * 1024
ON_DEMAND_UNIT_BYTES = 1024
FIREHOSE_UNIT_BYTES = 5 * 1024
# Source: Kinesis developer guide, quotas: what a shard takes a second. It gives twice that, which is what the alert job
# and Firehose read together.
SHARD_BYTES_PER_S = 1024 * 1024
SHARD_RECORDS_PER_S = 1000
_CONSUMERS = 2
# Source: Managed Service for Apache Flink developer guide, pricing: a unit's storage, and one unit more.
_KPU_STORAGE_GB = 50
_ORCHESTRATION_KPUS = 1
_GB = 1024**3
_MILLION = 1_000_000
# An alert is sent to its queue, received and deleted; batches make it fewer requests.
_REQUESTS_PER_ALERT = 3


class ProvisionedStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Kinesis stream with shards."""

    page: str
    shard_hour: float
    million_payload_units: float


class OnDemandStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Kinesis stream without."""

    page: str
    stream_hour: float
    gb_in: float
    gb_out: float


class Firehose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Firehose takes in."""

    page: str
    gb: float


class Flink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Managed Service for Apache Flink."""

    page: str
    kpu_hour: float
    storage_gb_month: float


class Requests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service that bills requests."""

    page: str
    million_requests: float


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


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a load was.

    Attributes:
        seconds: how long it lasted.
        events: how many events it had.
        payload_units: records, each in begun units of `PAYLOAD_UNIT_BYTES`.
        on_demand_units: records, each in begun units of `ON_DEMAND_UNIT_BYTES`.
        firehose_units: events, each in begun units of `FIREHOSE_UNIT_BYTES`.
        firehose_record_units: records, each in begun units of the same.
        peak_bytes_per_s: the most that the stream had to take in a second.
        peak_records_per_s: the same of records.
        alerts: how many alerts it made.
        kpus: how many processing units the alert job has.
    """

    seconds: float
    events: int
    payload_units: int
    on_demand_units: int
    firehose_units: int
    firehose_record_units: int
    peak_bytes_per_s: float
    peak_records_per_s: float
    alerts: int
    kpus: int

    @property
    def hours(self) -> float:
        """How long it lasted, in hours."""
        return self.seconds / 3600

    @property
    def shards(self) -> int:
        """The fewest shards that take its busiest second, keys spread evenly."""
        by_bytes = math.ceil(self.peak_bytes_per_s / SHARD_BYTES_PER_S)
        return max(1, by_bytes, math.ceil(self.peak_records_per_s / SHARD_RECORDS_PER_S))


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of an estimate.

    Attributes:
        service: what is paid for.
        formula: how it was computed, with the numbers.
        usd: for the load as it was.
        usd_month: for a month of nothing but this load, again and again.
        is_alternative: it stands for another line and is not in the total.
    """

    service: str
    formula: str
    usd: float
    usd_month: float
    is_alternative: bool = False


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a load costs."""

    region: str
    as_of: date
    pages: list[str]
    lines: list[CostLine]
    usd: float
    usd_month: float


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


def estimate(usage: Usage, prices: Prices) -> Estimate:
    """Return what a load costs; the stream with shards is in the total, the one without beside it."""
    lines = list(_lines(usage, prices))
    tables = (
        prices.kinesis_provisioned,
        prices.kinesis_on_demand,
        prices.firehose,
        prices.flink,
        prices.sns,
        prices.sqs,
    )
    counted = [line for line in lines if not line.is_alternative]
    return Estimate(
        region=prices.region,
        as_of=prices.as_of,
        pages=[table.page for table in tables],
        lines=lines,
        usd=sum(line.usd for line in counted),
        usd_month=sum(line.usd_month for line in counted),
    )


def _lines(usage: Usage, prices: Prices) -> Iterator[CostLine]:
    hours = usage.hours
    per_month = HOURS_PER_MONTH / hours if hours else 0.0

    def line(service: str, formula: str, usd: float, *, is_alternative: bool = False) -> CostLine:
        return CostLine(
            service=service, formula=formula, usd=usd, usd_month=usd * per_month, is_alternative=is_alternative
        )

    stream, on_demand = prices.kinesis_provisioned, prices.kinesis_on_demand
    yield line(
        "Kinesis, shards",
        f"{usage.shards} shards * {hours:.4g} h * ${stream.shard_hour:g}",
        usage.shards * hours * stream.shard_hour,
    )
    yield line(
        "Kinesis, PUT payload units",
        f"{usage.payload_units:,} units of 25 KiB * ${stream.million_payload_units:g} a million",
        usage.payload_units / _MILLION * stream.million_payload_units,
    )
    in_gb = usage.on_demand_units * ON_DEMAND_UNIT_BYTES / _GB
    yield line(
        "Kinesis on demand, in place of both",
        f"{hours:.4g} h * ${on_demand.stream_hour:g} + {in_gb:.4g} GB in * ${on_demand.gb_in:g} "
        f"+ {_CONSUMERS} * {in_gb:.4g} GB out * ${on_demand.gb_out:g}",
        hours * on_demand.stream_hour + in_gb * on_demand.gb_in + _CONSUMERS * in_gb * on_demand.gb_out,
        is_alternative=True,
    )
    for service, units, what in (
        ("Firehose", usage.firehose_units, "event"),
        ("Firehose, were it billed by aggregates", usage.firehose_record_units, "record"),
    ):
        gb = units * FIREHOSE_UNIT_BYTES / _GB
        yield line(
            service,
            f"{units:,} units of 5 KiB, each {what} rounded up = {gb:.4g} GB * ${prices.firehose.gb:g}",
            gb * prices.firehose.gb,
            is_alternative=what == "record",
        )
    kpus = usage.kpus + _ORCHESTRATION_KPUS
    yield line(
        "Managed Flink, processing",
        f"({usage.kpus} + {_ORCHESTRATION_KPUS} for orchestration) KPU * {hours:.4g} h * ${prices.flink.kpu_hour:g}",
        kpus * hours * prices.flink.kpu_hour,
    )
    yield line(
        "Managed Flink, storage",
        f"{usage.kpus} KPU * {_KPU_STORAGE_GB} GB * {hours:.4g} h of {HOURS_PER_MONTH} * "
        f"${prices.flink.storage_gb_month:g} a month",
        usage.kpus * _KPU_STORAGE_GB * hours / HOURS_PER_MONTH * prices.flink.storage_gb_month,
    )
    yield line(
        "SNS",
        f"{usage.alerts:,} alerts, a request each * ${prices.sns.million_requests:g} a million",
        usage.alerts / _MILLION * prices.sns.million_requests,
    )
    yield line(
        "SQS",
        f"{usage.alerts:,} alerts * {_REQUESTS_PER_ALERT} requests * ${prices.sqs.million_requests:g} a million",
        usage.alerts * _REQUESTS_PER_ALERT / _MILLION * prices.sqs.million_requests,
    )
