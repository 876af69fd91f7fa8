"""An estimate against figures computed by hand from the prices."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from schemas.errors import ConfigError
from schemas.pricing.load import Usage, estimate
from schemas.pricing.prices import Prices, read_prices, shipped_prices

USAGE = Usage(
    seconds=7200,
    events=36_000_000,
    payload_units=600_000,
    on_demand_units=13 * 1024 * 1024,
    firehose_units=36_000_000,
    firehose_record_units=2_621_440,
    peak_bytes_per_s=4.5 * 1024 * 1024,
    peak_records_per_s=90,
    alerts=1_000_000,
    kpus=2,
)


@pytest.fixture(scope="module")
def prices() -> Prices:
    return shipped_prices()


def test_every_line_is_what_its_formula_says(prices: Prices) -> None:
    found = {line.service: line.usd for line in estimate(USAGE, prices).lines}
    assert found == {
        "Kinesis, shards": pytest.approx(5 * 2 * 0.015),
        "Kinesis, PUT payload units": pytest.approx(0.0084),
        # 13 GB in, and out for each of two consumers.
        "Kinesis on demand, in place of both": pytest.approx(2 * 0.04 + 13 * 0.08 + 26 * 0.04),
        # 36 million times 5 KiB are 171.661 GB.
        "Firehose": pytest.approx(4.978180, abs=1e-6),
        # 2,621,440 times 5 KiB are 12.5 GB.
        "Firehose, were it billed by aggregates": pytest.approx(0.3625),
        "Managed Flink, processing": pytest.approx(3 * 2 * 0.11),
        "Managed Flink, storage": pytest.approx(100 * 0.10 * 2 / 730),
        "SNS": pytest.approx(0.50),
        "SQS": pytest.approx(1.20),
    }


def test_the_total_leaves_out_what_stands_for_another_line(prices: Prices) -> None:
    found = estimate(USAGE, prices)
    assert found.usd == pytest.approx(0.15 + 0.0084 + 4.978180 + 0.66 + 0.0273973 + 0.50 + 1.20)
    assert found.usd_month == pytest.approx(found.usd * 365)


@pytest.mark.parametrize(
    ("bytes_per_s", "records_per_s", "shards"), [(0, 0, 1), (1 << 20, 1000, 1), ((1 << 20) + 1, 1, 2), (1, 2001, 3)]
)
def test_the_shards_are_those_of_the_busiest_second(bytes_per_s: float, records_per_s: float, shards: int) -> None:
    usage = msgspec.structs.replace(USAGE, peak_bytes_per_s=bytes_per_s, peak_records_per_s=records_per_s)
    assert usage.shards == shards


def test_a_load_of_no_time_costs_nothing_a_month(prices: Prices) -> None:
    assert estimate(msgspec.structs.replace(USAGE, seconds=0), prices).usd_month == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [(("0.015", "-1.0"), "kinesis_provisioned.shard_hour"), (("[sqs]", "[sqz]"), "no list of prices")],
)
def test_prices_that_are_none_are_refused(change: tuple[str, str], told: str) -> None:
    text = (files("schemas") / "prices" / "us-east-1.toml").read_text().replace(*change)
    with pytest.raises(ConfigError, match=told):
        read_prices(text, "prices.toml")
