"""What a measured load costs on AWS, each figure with its formula.

Pure. Estimates the services that every event passes; storage, tables, queries, logs and traffic between networks are
not in it: `schemas.pricing.month` has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from schemas.pricing.lines import CostLine, Estimate
from schemas.pricing.prices import Prices, PriceTable
from schemas.pricing.units import (
    CONSUMERS,
    FIREHOSE_UNIT_BYTES,
    GB,
    HOURS_PER_MONTH,
    KPU_STORAGE_GB,
    MILLION,
    ON_DEMAND_UNIT_BYTES,
    ORCHESTRATION_KPUS,
    REQUESTS_PER_ALERT,
    SHARD_BYTES_PER_S,
    SHARD_RECORDS_PER_S,
)


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


def estimate(usage: Usage, prices: Prices) -> Estimate:
    """Return what a load costs; the stream with shards is in the total, the one without beside it."""
    lines = list(_lines(usage, prices))
    counted = [line for line in lines if not line.is_alternative]
    return Estimate(
        region=prices.region,
        as_of=prices.as_of,
        pages=[table.page for table in _tables(prices)],
        lines=lines,
        usd=sum(line.usd for line in counted),
        usd_month=sum(line.usd_month for line in counted),
    )


def _tables(prices: Prices) -> tuple[PriceTable, ...]:
    return (
        prices.kinesis_provisioned,
        prices.kinesis_on_demand,
        prices.firehose,
        prices.flink,
        prices.sns,
        prices.sqs,
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
        usage.payload_units / MILLION * stream.million_payload_units,
    )
    in_gb = usage.on_demand_units * ON_DEMAND_UNIT_BYTES / GB
    yield line(
        "Kinesis on demand, in place of both",
        f"{hours:.4g} h * ${on_demand.stream_hour:g} + {in_gb:.4g} GB in * ${on_demand.gb_in:g} "
        f"+ {CONSUMERS} * {in_gb:.4g} GB out * ${on_demand.gb_out:g}",
        hours * on_demand.stream_hour + in_gb * on_demand.gb_in + CONSUMERS * in_gb * on_demand.gb_out,
        is_alternative=True,
    )
    for service, units, what in (
        ("Firehose", usage.firehose_units, "event"),
        ("Firehose, were it billed by aggregates", usage.firehose_record_units, "record"),
    ):
        gb = units * FIREHOSE_UNIT_BYTES / GB
        yield line(
            service,
            f"{units:,} units of 5 KiB, each {what} rounded up = {gb:.4g} GB * ${prices.firehose.gb:g}",
            gb * prices.firehose.gb,
            is_alternative=what == "record",
        )
    kpus = usage.kpus + ORCHESTRATION_KPUS
    yield line(
        "Managed Flink, processing",
        f"({usage.kpus} + {ORCHESTRATION_KPUS} for orchestration) KPU * {hours:.4g} h * ${prices.flink.kpu_hour:g}",
        kpus * hours * prices.flink.kpu_hour,
    )
    yield line(
        "Managed Flink, storage",
        f"{usage.kpus} KPU * {KPU_STORAGE_GB} GB * {hours:.4g} h of {HOURS_PER_MONTH} * "
        f"${prices.flink.storage_gb_month:g} a month",
        usage.kpus * KPU_STORAGE_GB * hours / HOURS_PER_MONTH * prices.flink.storage_gb_month,
    )
    yield line(
        "SNS",
        f"{usage.alerts:,} alerts, a request each * ${prices.sns.million_requests:g} a million",
        usage.alerts / MILLION * prices.sns.million_requests,
    )
    yield line(
        "SQS",
        f"{usage.alerts:,} alerts * {REQUESTS_PER_ALERT} requests * ${prices.sqs.million_requests:g} a million",
        usage.alerts * REQUESTS_PER_ALERT / MILLION * prices.sqs.million_requests,
    )
