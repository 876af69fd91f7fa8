"""How large a deployment is, as its environment says, and what is taken to be so beside it.

The sizes are read from the file that Terraform reads too, `infra/terraform/envs/*/sizes.auto.tfvars.json`, which may
hold more than is needed here. What Terraform has no use for is in `Assumptions`, each with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from schemas.errors import ConfigError
from schemas.pricing.units import SHARD_BYTES_PER_S, SHARD_RECORDS_PER_S

# A stream has shards for so many times what is expected on average: days have hours, and shards are not filled evenly.
HEADROOM = 2


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """Of the stream; shards that are null are as many as are needed."""

    mode: Literal["ON_DEMAND", "PROVISIONED"]
    shards: int | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The compaction's task on Fargate; 1024 `cpu` are one vCPU."""

    cpu: int
    memory_mib: int
    disk_gib: int


class WarehouseSize(msgspec.Struct, frozen=True, kw_only=True):
    """Redshift Serverless, in RPU."""

    enabled: bool
    base_capacity: int
    max_capacity: int


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """An environment.

    Attributes:
        expected_events_per_s: on average.
        event_bytes: of an event as JSON.
        parallelism: processing units of the alert job.
        availability_zones: how many.
        raw_expire_after_days: when raw objects are deleted; null where never.
    """

    expected_events_per_s: float
    event_bytes: float
    capacity: Capacity
    retention_hours: int
    buffer_mib: float
    buffer_seconds: float
    parallelism: int
    compaction: Task
    warehouse: WarehouseSize
    availability_zones: int
    raw_archive_after_days: int
    raw_expire_after_days: int | None
    log_retention_days: int

    def shards(self, *, aggregate: bool = True) -> int:
        """Return how many shards a provisioned stream has."""
        if self.capacity.shards is not None:
            return self.capacity.shards
        by_bytes = math.ceil(HEADROOM * self.expected_events_per_s * self.event_bytes / SHARD_BYTES_PER_S)
        by_records = 0 if aggregate else math.ceil(HEADROOM * self.expected_events_per_s / SHARD_RECORDS_PER_S)
        return max(1, by_bytes, by_records)


class Assumptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken to be so where nobody says otherwise.

    Attributes:
        aggregate: producers put several events into a record.
        producers: producer processes; each has a record under way for each shard, so fewer put larger ones.
        purchase_share: of the events, as the simulated shop has it.
        subscriptions: queues that get each alert.
        months: how old the lake is; storage grows until what expires is as much as what comes.
        raw_bytes_per_event_byte: gzip of what Firehose delivers; 61 bytes of 415 in `make bench-compaction`.
        curated_bytes_per_event: all tables; 178 MB of two million events in the same.
        query_bytes_per_event: what a question of one day reads for each event of the day; the mean of the cookbook's,
            as `make bench-scan` measured it.
        table_days: how long facts are kept; null for ever, which is what happens where nobody deletes them.
        hot_days: days of facts in the warehouse's own tables, with `curated_bytes_per_event` each.
        compaction_events_per_s: of one core, over gzip; 108,000 in the same, on a shared machine.
        compaction_start_s: to pull the image and to start.
        run_puts, run_gets: requests to S3 of a run beside one for each raw object.
        run_catalog_requests: requests to Glue of a run.
        queries_per_day: in Athena.
        query_days: days that a query names.
        warehouse_hours_per_day: in which it runs at its base capacity.
        dropped_files_per_day: put into the raw bucket by others.
        dropped_file_events: in each.
        function_events_per_s: of the function that reads them.
        interface_endpoints: of the network; a warehouse needs one more.
        metrics: of our own, that are written each hour.
        alarms: in CloudWatch.
        dashboards: in CloudWatch.
        log_gb: written a month, whatever the rate: job, tasks, network.
        image_gb: of the container image, with the ones kept.
        kms_keys: of the deployment.
    """

    aggregate: bool = True
    producers: int = 2
    purchase_share: float = 0.03
    subscriptions: int = 1
    months: int = 12
    raw_bytes_per_event_byte: float = 0.15
    curated_bytes_per_event: float = 90
    query_bytes_per_event: float = 29
    table_days: float | None = None
    hot_days: float = 7
    compaction_events_per_s: float = 108_000
    compaction_start_s: float = 40
    run_puts: int = 60
    run_gets: int = 150
    run_catalog_requests: int = 40
    queries_per_day: float = 100
    query_days: float = 1
    warehouse_hours_per_day: float = 2
    dropped_files_per_day: float = 24
    dropped_file_events: float = 10_000
    function_events_per_s: float = 20_000
    interface_endpoints: int = 9
    metrics: int = 50
    alarms: int = 49
    dashboards: int = 1
    log_gb: float = 5
    image_gb: float = 3
    kms_keys: int = 5


def read_sizes(content: bytes, origin: str) -> Sizes:
    """Return the sizes in a file of Terraform's variables.

    Args:
        content: JSON.
        origin: its name, for errors.

    Raises:
        ConfigError: something that is needed is missing, or is nothing that a deployment can have; all faults at once.
    """
    try:
        sizes = msgspec.json.decode(content, type=Sizes)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{origin} has no sizes: {error}") from error
    check([sizes], origin)
    return sizes


def check(records: Sequence[Sizes | Assumptions], origin: str) -> None:
    """Refuse numbers that nothing can have.

    Raises:
        ConfigError: with each of them.
    """
    faults = [
        f"{origin}: {name} is {value:g}, which is not {'above' if name in _ABOVE_NOTHING else 'at least'} 0"
        for record in records
        for name, value in _numbers(msgspec.to_builtins(record))
        if not (0 < value < math.inf if name in _ABOVE_NOTHING else 0 <= value < math.inf)
    ]
    if faults:
        raise ConfigError(faults)


# What something is divided by, or what there is no deployment without.
_ABOVE_NOTHING = frozenset(
    {
        "expected_events_per_s",
        "event_bytes",
        "capacity.shards",
        "retention_hours",
        "buffer_mib",
        "buffer_seconds",
        "parallelism",
        "compaction.cpu",
        "compaction.memory_mib",
        "availability_zones",
        "producers",
        "compaction_events_per_s",
        "function_events_per_s",
        "months",
    }
)


def _numbers(record: dict[str, object], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix + name, value
