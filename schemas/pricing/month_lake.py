"""The lines of a month for what is kept and asked: compaction, storage, catalog, queries, warehouse. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.pricing.prices import Prices
from schemas.pricing.units import (
    ATHENA_LEAST_BYTES,
    DAYS_PER_MONTH,
    FARGATE_FREE_DISK_GIB,
    GB,
    MILLION,
    TB,
    figure,
)
from schemas.pricing.volume import MonthLine, Volume

_COMPACTION, _STORAGE, _QUERIES = "compaction", "storage", "queries"
_CPU_UNITS = 1024
_REQUESTS_PER_QUERY = 5


def lake_lines(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    """Yield them; the storage is that of a lake of the assumed age."""
    yield from _compaction(volume, prices)
    yield from _raw(volume, prices)
    yield from _tables(volume, prices)
    yield from _queries(volume, prices)
    if volume.sizes.warehouse.enabled:
        yield from _warehouse(volume, prices)


def _compaction(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    price, task, hours = prices.fargate, volume.sizes.compaction, volume.task_hours
    vcpus, memory_gb = task.cpu / _CPU_UNITS, task.memory_mib / 1024
    disk_gb = max(0, task.disk_gib - FARGATE_FREE_DISK_GIB)
    yield MonthLine(
        part=_COMPACTION,
        service="Fargate",
        formula=(
            f"{volume.runs:,.0f} runs of together {figure(hours)} h * ({vcpus:g} vCPU * ${price.vcpu_hour:g} + "
            f"{memory_gb:g} GB * ${price.memory_gb_hour:g} + {disk_gb:g} GB disk * ${price.disk_gb_hour:g})"
        ),
        usd_month=hours * (vcpus * price.vcpu_hour + memory_gb * price.memory_gb_hour + disk_gb * price.disk_gb_hour),
    )
    yield MonthLine(
        part=_COMPACTION,
        service="ECR",
        formula=f"{volume.assumed.image_gb:g} GB of images * ${prices.registry.gb_month:g}",
        usd_month=volume.assumed.image_gb * prices.registry.gb_month,
    )


def _raw(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    price, sizes = prices.s3, volume.sizes
    age_days = volume.assumed.months * DAYS_PER_MONTH
    kept_days = age_days if sizes.raw_expire_after_days is None else min(age_days, sizes.raw_expire_after_days)
    standard_days = min(kept_days, sizes.raw_archive_after_days) if volume.is_archived else kept_days
    gb_a_day = volume.raw_gb / DAYS_PER_MONTH
    yield MonthLine(
        part=_STORAGE,
        service="S3, raw objects",
        formula=f"{figure(gb_a_day)} GB a day * {standard_days:,.0f} days * ${price.standard_gb_month:g}",
        usd_month=gb_a_day * standard_days * price.standard_gb_month,
    )
    if kept_days > standard_days:
        days = kept_days - standard_days
        yield MonthLine(
            part=_STORAGE,
            service="S3, raw objects in the archive",
            formula=(
                f"{figure(gb_a_day)} GB a day * {days:,.0f} days * ${price.archive_gb_month:g} + "
                f"{volume.all_raw_objects:,.0f} objects * ${price.thousand_archivings:g} a thousand"
            ),
            usd_month=gb_a_day * days * price.archive_gb_month
            + volume.all_raw_objects / 1000 * price.thousand_archivings,
        )


def _tables(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    price, months = prices.s3, float(volume.assumed.months)
    if volume.assumed.table_days is not None:
        months = min(months, volume.assumed.table_days / DAYS_PER_MONTH)
    yield MonthLine(
        part=_STORAGE,
        service="S3, tables",
        formula=f"{figure(volume.curated_gb)} GB a month * {months:.3g} months * ${price.standard_gb_month:g}",
        usd_month=volume.curated_gb * months * price.standard_gb_month,
    )
    yield MonthLine(
        part=_STORAGE,
        service="S3, requests",
        formula=(
            f"{volume.puts:,.0f} PUT * ${price.thousand_puts:g} + {volume.gets:,.0f} GET * ${price.thousand_gets:g} "
            "a thousand"
        ),
        usd_month=volume.puts / 1000 * price.thousand_puts + volume.gets / 1000 * price.thousand_gets,
    )


def _queries(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    requests = volume.runs * volume.assumed.run_catalog_requests + volume.queries * _REQUESTS_PER_QUERY
    yield MonthLine(
        part=_QUERIES,
        service="Glue Data Catalog",
        formula=f"{requests:,.0f} requests * ${prices.glue_catalog.million_requests:g} a million",
        usd_month=requests / MILLION * prices.glue_catalog.million_requests,
    )
    scanned = max(volume.query_bytes, ATHENA_LEAST_BYTES)
    yield MonthLine(
        part=_QUERIES,
        service="Athena",
        formula=f"{volume.queries:,.0f} queries * {figure(scanned / GB)} GB * ${prices.athena.tb_scanned:g} a TB",
        usd_month=volume.queries * scanned / TB * prices.athena.tb_scanned,
    )


def _warehouse(volume: Volume, prices: Prices) -> Iterator[MonthLine]:
    capacity = volume.sizes.warehouse.base_capacity
    hours = volume.assumed.warehouse_hours_per_day * DAYS_PER_MONTH
    yield MonthLine(
        part=_QUERIES,
        service="Redshift Serverless",
        formula=f"{capacity} RPU * {figure(hours)} h * ${prices.redshift_serverless.rpu_hour:g}",
        usd_month=capacity * hours * prices.redshift_serverless.rpu_hour,
    )
    age_days = volume.assumed.months * DAYS_PER_MONTH
    hot_days = min(volume.assumed.hot_days, age_days)
    gb_a_day = volume.curated_gb / DAYS_PER_MONTH
    yield MonthLine(
        part=_QUERIES,
        service="Redshift Serverless, hot tables",
        formula=(
            f"{figure(gb_a_day)} GB a day * {hot_days:g} days * "
            f"${prices.redshift_serverless.storage_gb_month:g} a month"
        ),
        usd_month=gb_a_day * hot_days * prices.redshift_serverless.storage_gb_month,
    )
