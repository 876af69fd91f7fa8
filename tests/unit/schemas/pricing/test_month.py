"""A month against figures computed by hand from the prices."""

from __future__ import annotations

import json

import msgspec
import pytest

from producers import batching
from schemas.errors import ConfigError
from schemas.pricing.month import MonthEstimate, estimate_month
from schemas.pricing.prices import Prices, shipped_prices
from schemas.pricing.shape import FULL_AGGREGATE_BYTES, measured_shape, shape_of
from schemas.pricing.sizes import Assumptions, Capacity, Sizes, Task, WarehouseSize, check, read_sizes

SIZES = Sizes(
    expected_events_per_s=1000,
    event_bytes=482,
    capacity=Capacity(mode="PROVISIONED"),
    retention_hours=168,
    buffer_mib=128,
    buffer_seconds=300,
    parallelism=2,
    compaction=Task(cpu=2048, memory_mib=8192, disk_gib=50),
    warehouse=WarehouseSize(enabled=True, base_capacity=8, max_capacity=32),
    availability_zones=3,
    raw_archive_after_days=30,
    raw_expire_after_days=90,
    log_retention_days=30,
)
ASSUMED = Assumptions(
    producers=2,
    purchase_share=0.03,
    months=12,
    raw_bytes_per_event_byte=0.125,
    curated_bytes_per_event=100,
    query_bytes_per_event=64,
    compaction_events_per_s=100_000,
    compaction_start_s=24,
    queries_per_day=100,
    query_days=1,
    warehouse_hours_per_day=2,
    dropped_files_per_day=0,
    interface_endpoints=10,
    metrics=50,
    alarms=30,
    dashboards=1,
    log_gb=10,
    image_gb=3,
    kms_keys=5,
)
# A thousand a second for 730 hours.
EVENTS = 2_628_000_000
GB = 1024**3


@pytest.fixture(scope="module")
def prices() -> Prices:
    return shipped_prices()


def month(prices: Prices, sizes: Sizes = SIZES, assumed: Assumptions = ASSUMED) -> MonthEstimate:
    return estimate_month(sizes, assumed, shape_of(sizes, assumed), prices)


def usd(estimate: MonthEstimate) -> dict[str, float]:
    assert len({line.service for line in estimate.lines}) == len(estimate.lines)
    return {line.service: line.usd_month for line in estimate.lines}


def test_the_stream_is_what_its_formulas_say(prices: Prices) -> None:
    # 50 events of 512 bytes a record, which are 25 KiB: a unit each.
    found = usd(month(prices))
    assert found["Kinesis, shards"] == pytest.approx(730 * 0.015)
    assert found["Kinesis, PUT payload units"] == pytest.approx(EVENTS / 50 / 1e6 * 0.014)
    assert found["Kinesis, retention beyond a day"] == pytest.approx(730 * 0.02)
    assert "Kinesis, retention beyond seven days" not in found
    assert found["Kinesis on demand, the stream"] == pytest.approx(29.2)
    in_gb = EVENTS * 512 / GB
    assert found["Kinesis on demand, data"] == pytest.approx(in_gb * 0.16)
    assert found["Kinesis on demand, retention beyond a day"] == pytest.approx(in_gb / 730 * 144 * 0.10)
    assert found["Firehose"] == pytest.approx(EVENTS * 5120 / GB * 0.029)
    assert found["Firehose, were it billed by aggregates"] == pytest.approx(EVENTS / 50 * 25600 / GB * 0.029)


def test_without_aggregation_each_event_is_a_record(prices: Prices) -> None:
    assumed = msgspec.structs.replace(ASSUMED, aggregate=False)
    found = usd(month(prices, assumed=assumed))
    # Two thousand records a second with headroom are two shards.
    assert found["Kinesis, shards"] == pytest.approx(2 * 730 * 0.015)
    assert found["Kinesis, PUT payload units"] == pytest.approx(EVENTS / 1e6 * 0.014)
    assert found["Kinesis on demand, data"] == pytest.approx(EVENTS * 1024 / GB * 0.16)


def test_retention_beyond_seven_days_is_kept_by_the_gigabyte(prices: Prices) -> None:
    sizes = msgspec.structs.replace(SIZES, retention_hours=168 + 73)
    lines = [line for line in month(prices, sizes).lines if line.service == "Kinesis, retention beyond seven days"]
    assert [line.is_alternative for line in lines] == [False, True]
    assert lines[0].usd_month == pytest.approx(EVENTS * 512 / GB / 10 * 0.023)


def test_job_and_alerts_are_what_their_formulas_say(prices: Prices) -> None:
    found = usd(month(prices))
    assert found["Managed Flink, processing"] == pytest.approx(3 * 730 * 0.11)
    assert found["Managed Flink, storage"] == pytest.approx(2 * 50 * 0.10)
    assert found["SNS"] == pytest.approx(78.84 * 0.50)
    assert found["SQS, alerts"] == pytest.approx(78.84 * 3 * 0.40)


def test_the_compaction_is_what_its_formula_says(prices: Prices) -> None:
    # An hour's 3.6 million events take 36 s and 24 to start, a day's validation 864 and 24, the others a minute.
    days = 730 / 24
    hours = (730 * 60 + days * 888 + 2 * days * 60) / 3600
    assert usd(month(prices))["Fargate"] == pytest.approx(hours * (2 * 0.04048 + 8 * 0.004445 + 30 * 0.000111))


def test_raw_objects_go_to_the_archive_where_they_are_large_enough(prices: Prices) -> None:
    gb_a_day = EVENTS * 482 * 0.125 / GB / (730 / 24)
    objects = EVENTS * 482 / (128 * 1024**2)
    found = usd(month(prices))
    assert found["S3, raw objects"] == pytest.approx(gb_a_day * 30 * 0.023)
    assert found["S3, raw objects in the archive"] == pytest.approx(gb_a_day * 60 * 0.004 + objects / 1000 * 0.02)
    # Ten events a second are 181 kB of gzip in five minutes; one is 18 kB.
    for rate, is_archived in ((10, True), (1, False)):
        slow = msgspec.structs.replace(SIZES, expected_events_per_s=rate)
        assert ("S3, raw objects in the archive" in usd(month(prices, slow))) == is_archived


def test_tables_grow_with_the_age_of_the_lake(prices: Prices) -> None:
    assert usd(month(prices))["S3, tables"] == pytest.approx(EVENTS * 100 / GB * 12 * 0.023)
    older = msgspec.structs.replace(ASSUMED, months=24)
    assert usd(month(prices, assumed=older))["S3, tables"] == pytest.approx(EVENTS * 100 / GB * 24 * 0.023)


def test_tables_that_are_kept_for_some_days_grow_no_more(prices: Prices) -> None:
    kept = msgspec.structs.replace(ASSUMED, table_days=73)
    assert usd(month(prices, assumed=kept))["S3, tables"] == pytest.approx(EVENTS * 100 / GB * 73 / (730 / 24) * 0.023)
    longer = msgspec.structs.replace(ASSUMED, table_days=10_000)
    assert usd(month(prices, assumed=longer)) == usd(month(prices))


def test_queries_and_the_warehouse_are_what_their_formulas_say(prices: Prices) -> None:
    found = usd(month(prices))
    # A day has 86.4 million events of 64 bytes of facts.
    assert found["Athena"] == pytest.approx(100 * (730 / 24) * 86.4e6 * 64 / 1024**4 * 5)
    assert found["Redshift Serverless"] == pytest.approx(8 * 2 * (730 / 24) * 0.375)
    assert found["Redshift Serverless, hot tables"] == pytest.approx(86.4e6 * 100 / GB * 7 * 0.024)
    few = msgspec.structs.replace(SIZES, expected_events_per_s=0.1)
    assert usd(month(prices, few))["Athena"] == pytest.approx(100 * (730 / 24) * 10 * 1024**2 / 1024**4 * 5)
    without = msgspec.structs.replace(SIZES, warehouse=msgspec.structs.replace(SIZES.warehouse, enabled=False))
    assert not {"Redshift Serverless", "Secrets Manager"} & usd(month(prices, without)).keys()


def test_requests_to_s3_are_those_of_objects_receipts_runs_and_queries(prices: Prices) -> None:
    objects = EVENTS * 482 / (128 * 1024**2)
    runs = 730 + 3 * 730 / 24
    puts = objects + 2 * 730 * 720 + runs * 60
    # Each of the 24 files of a day has 230 MB, which are 28 pieces; 100 queries a day.
    gets = 2 * objects + runs * 150 + 100 * (730 / 24) * (24 * 28 + 10)
    found = usd(month(prices))
    assert found["S3, requests"] == pytest.approx(puts / 1000 * 0.005 + gets / 1000 * 0.0004)
    assert found["CloudTrail, data events"] == pytest.approx((puts + gets) / 1e5 * 0.10)


def test_upkeep_is_what_its_formulas_say(prices: Prices) -> None:
    found = usd(month(prices))
    assert found["KMS, keys"] == 5
    # One more for the warehouse's key.
    assert found["Interface endpoints"] == pytest.approx(11 * 3 * 7.30)
    without = msgspec.structs.replace(SIZES, warehouse=msgspec.structs.replace(SIZES.warehouse, enabled=False))
    assert usd(month(prices, without))["Interface endpoints"] == pytest.approx(10 * 3 * 7.30)
    assert found["CloudWatch, metrics, alarms, dashboards"] == pytest.approx(15 + 3 + 3)
    assert found["CloudWatch, logs"] == pytest.approx(10 * (0.5 + 30 * 24 / 730 * 0.03))
    assert found["Secrets Manager"] == 0.4
    assert found["ECR"] == pytest.approx(0.3)
    runs, objects = 730 + 3 * 730 / 24, EVENTS * 482 / (128 * 1024**2)
    # One shard with three users, and ten of queues and topics, twelve times an hour.
    assert found["KMS, requests"] == pytest.approx((13 * 12 * 730 + objects + runs * 20) / 1e4 * 0.03)
    # All records once, 10 GB of logs, and 0.3 GB of image a run.
    assert found["Interface endpoints, data"] == pytest.approx((EVENTS * 512 / GB + 10 + runs * 0.3) * 0.01)
    assert found["Glue Data Catalog"] == pytest.approx((runs * 40 + 100 * (730 / 24) * 5) / 1e6)


def test_every_line_of_a_month_has_figures_of_the_price_file(prices: Prices) -> None:
    """Twice the price of everything is twice the cost of everything."""

    def doubled(value: object) -> object:
        if isinstance(value, dict):
            return {key: doubled(each) for key, each in value.items()}
        return 2 * value if isinstance(value, float) else value

    twice = month(msgspec.convert(doubled(msgspec.to_builtins(prices)), Prices))
    assert [line.usd_month for line in twice.lines] == pytest.approx(
        [2 * line.usd_month for line in month(prices).lines]
    )


def test_dropped_files_cost_the_function_and_its_table(prices: Prices) -> None:
    assumed = msgspec.structs.replace(ASSUMED, dropped_files_per_day=24, dropped_file_events=10_000)
    objects = EVENTS * 482 / (128 * 1024**2) + 730
    found = usd(month(prices, assumed=assumed))
    gb_s = (7_300_000 / 20_000 + objects * 0.2) * 1769 / 1024
    assert found["Lambda"] == pytest.approx(objects / 1e6 * 0.20 + gb_s * 0.0000133334)
    assert found["DynamoDB"] == pytest.approx((219_000 + 730) / 1e6 * 0.75)
    assert found["SQS, raw objects"] == pytest.approx(6 * objects / 1e6 * 0.40)


def test_the_total_leaves_out_what_stands_for_another_line_and_is_told_for_a_million_events(prices: Prices) -> None:
    found = month(prices)
    counted = [line.usd_month for line in found.lines if not line.is_alternative]
    assert len(counted) < len(found.lines)
    assert found.usd_month == pytest.approx(sum(counted))
    assert found.usd_per_million == pytest.approx(found.usd_month / 2628)
    other = msgspec.structs.replace(SIZES, capacity=Capacity(mode="ON_DEMAND"))
    shown = {line.service: line.is_alternative for line in month(prices, other).lines}
    assert shown["Kinesis, shards"] and not shown["Kinesis on demand, data"]


@pytest.mark.parametrize(("rate", "shards"), [(1, 1), (1087, 1), (1088, 2), (100_000, 92)])
def test_a_stream_has_shards_for_twice_what_is_expected(rate: float, shards: int) -> None:
    # 2 * 1087.7 * 482 bytes are a MiB.
    assert msgspec.structs.replace(SIZES, expected_events_per_s=rate).shards() == shards
    given = msgspec.structs.replace(SIZES, capacity=Capacity(mode="PROVISIONED", shards=7))
    assert given.shards() == 7


def test_a_record_is_full_as_the_producers_have_it() -> None:
    assert FULL_AGGREGATE_BYTES == batching.FULL_AGGREGATE_BYTES
    many = msgspec.structs.replace(SIZES, expected_events_per_s=1e6, capacity=Capacity(mode="PROVISIONED", shards=1))
    assert 1 / shape_of(many, ASSUMED).records == 100


def report(**totals: int) -> bytes:
    known = {
        "put": 1000,
        "sent": 1000,
        "records": 20,
        "bytes": 530_000,
        "payload_units": 40,
        "on_demand_units": 520,
        "firehose_units": 1000,
        "firehose_record_units": 120,
        "purchases": 50,
    }
    return json.dumps({"version": "load_report.v1", "totals": {**known, **totals}}).encode()


def test_what_was_measured_takes_the_place_of_what_is_computed(prices: Prices) -> None:
    shape = measured_shape(report(), "load.json")
    found = usd(estimate_month(SIZES, ASSUMED, shape, prices))
    assert found["Kinesis, PUT payload units"] == pytest.approx(EVENTS * 0.04 / 1e6 * 0.014)
    assert found["Kinesis on demand, data"] == pytest.approx(EVENTS * 0.52 * 1024 / GB * 0.16)
    assert found["SNS"] == pytest.approx(EVENTS * 0.05 / 1e6 * 0.50)
    assert shape.event_bytes == 500
    assert measured_shape(report(records=1000), "load.json").event_bytes == 530


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{}", "is no report of `clickstream load`"),
        (report(sent=0), "sent nothing"),
        (report().replace(b"v1", b"v2"), "is a load_report.v2"),
    ],
)
def test_a_report_that_is_none_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        measured_shape(content, "load.json")


def test_sizes_that_nothing_has_are_all_told_at_once() -> None:
    content = msgspec.json.encode(msgspec.structs.replace(SIZES, event_bytes=0, parallelism=-1))
    with pytest.raises(ConfigError) as failed:
        read_sizes(content, "sizes.json")
    assert list(failed.value.faults) == [
        "sizes.json: event_bytes is 0, which is not above 0",
        "sizes.json: parallelism is -1, which is not above 0",
    ]
    with pytest.raises(ConfigError, match=r"sizes.json has no sizes: .*missing required field"):
        read_sizes(b'{"event_bytes": 1}', "sizes.json")
    check([SIZES, ASSUMED], "the sizes")


def test_a_file_of_sizes_may_hold_what_only_terraform_reads() -> None:
    content = msgspec.to_builtins(SIZES) | {"name": "clickstream-prod"}
    assert read_sizes(json.dumps(content).encode(), "sizes.json") == SIZES
