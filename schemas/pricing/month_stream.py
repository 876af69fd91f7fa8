"""The lines of a month for what events pass as they come: stream, Firehose, alert job, alerts, dropped files. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.pricing.prices import Prices
from schemas.pricing.units import (
    CONSUMERS,
    EXTENDED_RETENTION_HOURS,
    FIREHOSE_UNIT_BYTES,
    FREE_RETENTION_HOURS,
    GB,
    HOURS_PER_MONTH,
    KPU_STORAGE_GB,
    MILLION,
    ON_DEMAND_UNIT_BYTES,
    ORCHESTRATION_KPUS,
    REQUESTS_PER_ALERT,
    figure,
)
from schemas.pricing.volume import MonthLine, Volume

_STREAM, _JOB, _FILES = "stream", "alerts", "dropped files"
# The function: its memory, and what an invocation takes that finds nothing to do.
FUNCTION_MEMORY_MB = 1769
_IDLE_INVOCATION_S = 0.2


def stream_lines(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    """Yield them; of the two modes of a stream, and of the two readings of Firehose's bill, the other is beside."""
    yield from _provisioned(volume, prices)
    yield from _on_demand(volume, prices)
    yield from _firehose(volume, prices)
    yield from _job(volume, prices)
    yield from _dropped_files(volume, prices)


def _provisioned(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    price, sizes = prices.kinesis_provisioned, volume.sizes
    is_other = sizes.capacity.mode != "PROVISIONED"
    shard_hours = sizes.shards(aggregate=volume.assumed.aggregate) * HOURS_PER_MONTH
    units = volume.events * volume.shape.payload_units
    yield MonthLine(
        part=_STREAM,
        service="Kinesis, shards",
        formula=f"{shard_hours:,g} shard hours * ${price.shard_hour:g}",
        usd_month=shard_hours * price.shard_hour,
        is_alternative=is_other,
    )
    yield MonthLine(
        part=_STREAM,
        service="Kinesis, PUT payload units",
        formula=f"{figure(units / MILLION)} million units of 25 KiB * ${price.million_payload_units:g}",
        usd_month=units / MILLION * price.million_payload_units,
        is_alternative=is_other,
    )
    if sizes.retention_hours > FREE_RETENTION_HOURS:
        yield MonthLine(
            part=_STREAM,
            service="Kinesis, retention beyond a day",
            formula=f"{shard_hours:,g} shard hours * ${price.extended_shard_hour:g}",
            usd_month=shard_hours * price.extended_shard_hour,
            is_alternative=is_other,
        )
    yield from _long_term(volume, price.long_term_gb_month, is_other=is_other)


def _on_demand(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    price, sizes = prices.kinesis_on_demand, volume.sizes
    is_other = sizes.capacity.mode != "ON_DEMAND"
    in_gb = volume.events * volume.shape.on_demand_units * ON_DEMAND_UNIT_BYTES / GB
    yield MonthLine(
        part=_STREAM,
        service="Kinesis on demand, the stream",
        formula=f"{HOURS_PER_MONTH} h * ${price.stream_hour:g}",
        usd_month=HOURS_PER_MONTH * price.stream_hour,
        is_alternative=is_other,
    )
    yield MonthLine(
        part=_STREAM,
        service="Kinesis on demand, data",
        formula=(
            f"{figure(in_gb)} GB, each record rounded up to 1 KiB * "
            f"(${price.gb_in:g} in + {CONSUMERS} * ${price.gb_out:g} out)"
        ),
        usd_month=in_gb * (price.gb_in + CONSUMERS * price.gb_out),
        is_alternative=is_other,
    )
    hours = min(sizes.retention_hours, EXTENDED_RETENTION_HOURS) - FREE_RETENTION_HOURS
    if hours > 0:
        kept_gb = volume.wire_gb / HOURS_PER_MONTH * hours
        yield MonthLine(
            part=_STREAM,
            service="Kinesis on demand, retention beyond a day",
            formula=f"{figure(kept_gb)} GB of {hours} h * ${price.extended_gb_month:g}",
            usd_month=kept_gb * price.extended_gb_month,
            is_alternative=is_other,
        )
    yield from _long_term(volume, price.long_term_gb_month, is_other=is_other)


def _long_term(volume: Volume, gb_month: float, *, is_other: bool) -> Iterator[MonthLine]:
    hours = volume.sizes.retention_hours - EXTENDED_RETENTION_HOURS
    if hours > 0:
        kept_gb = volume.wire_gb / HOURS_PER_MONTH * hours
        yield MonthLine(
            part=_STREAM,
            service="Kinesis, retention beyond seven days",
            formula=f"{figure(kept_gb)} GB of {hours} h * ${gb_month:g}",
            usd_month=kept_gb * gb_month,
            is_alternative=is_other,
        )


def _firehose(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    for service, each, what in (
        ("Firehose", volume.shape.firehose_units, "event"),
        ("Firehose, were it billed by aggregates", volume.shape.firehose_record_units, "record"),
    ):
        gb = volume.events * each * FIREHOSE_UNIT_BYTES / GB
        yield MonthLine(
            part=_STREAM,
            service=service,
            formula=f"{figure(gb)} GB, each {what} rounded up to 5 KiB * ${prices.firehose.gb:g}",
            usd_month=gb * prices.firehose.gb,
            is_alternative=what == "record",
        )


def _job(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    kpus, price = volume.sizes.parallelism, prices.flink
    hours = (kpus + ORCHESTRATION_KPUS) * HOURS_PER_MONTH
    yield MonthLine(
        part=_JOB,
        service="Managed Flink, processing",
        formula=f"({kpus} + {ORCHESTRATION_KPUS} for orchestration) KPU * {HOURS_PER_MONTH} h * ${price.kpu_hour:g}",
        usd_month=hours * price.kpu_hour,
    )
    yield MonthLine(
        part=_JOB,
        service="Managed Flink, storage",
        formula=f"{kpus} KPU * {KPU_STORAGE_GB} GB * ${price.storage_gb_month:g}",
        usd_month=kpus * KPU_STORAGE_GB * price.storage_gb_month,
    )
    millions = volume.alerts / MILLION
    yield MonthLine(
        part=_JOB,
        service="SNS",
        formula=f"{figure(millions)} million alerts, a request each * ${prices.sns.million_requests:g}",
        usd_month=millions * prices.sns.million_requests,
    )
    requests = millions * volume.assumed.subscriptions * REQUESTS_PER_ALERT
    yield MonthLine(
        part=_JOB,
        service="SQS, alerts",
        formula=(
            f"{figure(millions)} million alerts * {volume.assumed.subscriptions} queues * "
            f"{REQUESTS_PER_ALERT} requests * ${prices.sqs.million_requests:g}"
        ),
        usd_month=requests * prices.sqs.million_requests,
    )


def _dropped_files(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    notices = volume.all_raw_objects
    requests = 2 * REQUESTS_PER_ALERT * notices / MILLION
    yield MonthLine(
        part=_FILES,
        service="SQS, raw objects",
        formula=(
            f"{notices:,.0f} objects * 2 queues * {REQUESTS_PER_ALERT} requests * ${prices.sqs.million_requests:g} "
            "a million"
        ),
        usd_month=requests * prices.sqs.million_requests,
    )
    # Firehose's objects are told to the function too, which passes them over.
    busy_s = volume.dropped_events / volume.assumed.function_events_per_s
    gb_s = (busy_s + notices * _IDLE_INVOCATION_S) * FUNCTION_MEMORY_MB / 1024
    price = prices.function
    yield MonthLine(
        part=_FILES,
        service="Lambda",
        formula=(
            f"{notices:,.0f} invocations * ${price.million_requests:g} a million "
            f"+ {figure(gb_s)} GB s * ${price.gb_second:.8f}"
        ),
        usd_month=notices / MILLION * price.million_requests + gb_s * price.gb_second,
    )
    writes = volume.dropped_events * volume.shape.alerts + volume.dropped_files
    yield MonthLine(
        part=_FILES,
        service="DynamoDB",
        formula=(
            f"{writes:,.0f} alerts and files * (${prices.dynamodb.million_writes:g} + "
            f"${prices.dynamodb.million_reads:g}) a million"
        ),
        usd_month=writes / MILLION * (prices.dynamodb.million_writes + prices.dynamodb.million_reads),
    )
