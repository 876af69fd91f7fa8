"""The lines of a month for keys, network, watching and audit: mostly the same at any rate. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.pricing.prices import Prices
from schemas.pricing.units import DAYS_PER_MONTH, HOURS_PER_MONTH, figure
from schemas.pricing.volume import MonthLine, Volume

_KEYS, _NETWORK, _WATCH = "keys", "network", "watching and audit"
# Source: developer guides of Kinesis, SNS and SQS: they ask for a data key about every five minutes, and keep it.
_KEYS_PER_HOUR = 12
# For the stream: who puts, and both who read. Queues and topics: who sends and who receives.
_STREAM_USERS = 3
_MESSAGING_USERS = 10
_RUN_KEY_REQUESTS = 20
# What the registry keeps is of so many images; a task pulls one.
_IMAGES_KEPT = 10


def upkeep_lines(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    """Yield them."""
    yield from _keys(volume, prices)
    yield from _network(volume, prices)
    yield from _watch(volume, prices)


def _keys(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    count, price = volume.assumed.kms_keys, prices.kms
    yield MonthLine(
        part=_KEYS,
        service="KMS, keys",
        formula=f"{count} keys * ${price.key_month:g}",
        usd_month=count * price.key_month,
    )
    shards = volume.sizes.shards(aggregate=volume.assumed.aggregate)
    users = shards * _STREAM_USERS + _MESSAGING_USERS
    # Bucket keys make it one for many objects; each object of Firehose and each run is counted nevertheless.
    requests = users * _KEYS_PER_HOUR * HOURS_PER_MONTH + volume.all_raw_objects + volume.runs * _RUN_KEY_REQUESTS
    yield MonthLine(
        part=_KEYS,
        service="KMS, requests",
        formula=f"{requests:,.0f} requests * ${price.ten_thousand_requests:g} for ten thousand",
        usd_month=requests / 10_000 * price.ten_thousand_requests,
    )
    if volume.sizes.warehouse.enabled:
        yield MonthLine(
            part=_KEYS,
            service="Secrets Manager",
            formula=f"1 secret * ${prices.secrets.secret_month:g}",
            usd_month=prices.secrets.secret_month,
        )


def _network(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    price, zones = prices.endpoints, volume.sizes.availability_zones
    count = volume.assumed.interface_endpoints + volume.sizes.warehouse.enabled
    hours = count * zones * HOURS_PER_MONTH
    yield MonthLine(
        part=_NETWORK,
        service="Interface endpoints",
        formula=f"{count} endpoints * {zones} zones * {HOURS_PER_MONTH} h * ${price.hour:g}",
        usd_month=hours * price.hour,
    )
    gb = volume.wire_gb + volume.assumed.log_gb + volume.runs * volume.assumed.image_gb / _IMAGES_KEPT
    yield MonthLine(
        part=_NETWORK,
        service="Interface endpoints, data",
        formula=f"{figure(gb)} GB of the stream, logs and images * ${price.gb:g}",
        usd_month=gb * price.gb,
    )


def _watch(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    price, assumed = prices.cloudwatch, volume.assumed
    yield MonthLine(
        part=_WATCH,
        service="CloudWatch, metrics, alarms, dashboards",
        formula=(
            f"{assumed.metrics} * ${price.metric_month:g} + {assumed.alarms} * ${price.alarm_month:g} + "
            f"{assumed.dashboards} * ${price.dashboard_month:g}"
        ),
        usd_month=assumed.metrics * price.metric_month
        + assumed.alarms * price.alarm_month
        + assumed.dashboards * price.dashboard_month,
    )
    kept_months = min(volume.sizes.log_retention_days / DAYS_PER_MONTH, assumed.months)
    yield MonthLine(
        part=_WATCH,
        service="CloudWatch, logs",
        formula=(
            f"{assumed.log_gb:g} GB * (${price.log_gb:g} + {kept_months:.3g} months * ${price.log_storage_gb_month:g})"
        ),
        usd_month=assumed.log_gb * (price.log_gb + kept_months * price.log_storage_gb_month),
    )
    calls = volume.puts + volume.gets
    yield MonthLine(
        part=_WATCH,
        service="CloudTrail, data events",
        formula=(
            f"{calls:,.0f} requests to S3 * ${prices.cloudtrail.hundred_thousand_data_events:g} for a hundred thousand"
        ),
        usd_month=calls / 100_000 * prices.cloudtrail.hundred_thousand_data_events,
    )
