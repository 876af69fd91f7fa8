"""What becomes of an event on its way: records and the units that AWS bills, computed or as a load measured them. Pure.

Numbers are means for each event, and so mostly no whole ones.
"""

from __future__ import annotations

import math

import msgspec

from schemas.errors import ConfigError
from schemas.pricing.sizes import Assumptions, Sizes
from schemas.pricing.units import FIREHOSE_UNIT_BYTES, ON_DEMAND_UNIT_BYTES, PAYLOAD_UNIT_BYTES

# How the producers aggregate: a record is full with so many bytes, and is put when its first event has waited so long.
FULL_AGGREGATE_BYTES = 51_200
LINGER_S = 0.1
# An event's frame in an aggregate, and the key of its user.
FRAME_BYTES = 30
# What a stream on demand begins with.
_ON_DEMAND_SHARDS = 4
_REPORT_VERSION = "load_report.v1"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Of a mean event.

    Attributes:
        origin: where the figures are from.
        event_bytes: of the event itself, as near as is known.
        wire_bytes: in the stream.
        records: Kinesis records.
        payload_units, on_demand_units, firehose_units, firehose_record_units: as in `schemas.pricing.load.Usage`.
        alerts: of it.
    """

    origin: str
    event_bytes: float
    wire_bytes: float
    records: float
    payload_units: float
    on_demand_units: float
    firehose_units: float
    firehose_record_units: float
    alerts: float


def shape_of(sizes: Sizes, assumed: Assumptions) -> Shape:
    """Return what becomes of events of one size that come evenly."""
    in_record, wire_bytes = 1.0, sizes.event_bytes
    if assumed.aggregate:
        wire_bytes += FRAME_BYTES
        shards = _ON_DEMAND_SHARDS if sizes.capacity.mode == "ON_DEMAND" else 1
        lanes = assumed.producers * max(sizes.shards(), shards)
        waiting = sizes.expected_events_per_s * LINGER_S / lanes
        in_record = max(1.0, min(waiting, FULL_AGGREGATE_BYTES // wire_bytes))
    record_bytes = in_record * wire_bytes

    def units(size_bytes: int) -> float:
        return math.ceil(record_bytes / size_bytes) / in_record

    return Shape(
        origin=f"{in_record:.3g} events of {sizes.event_bytes:g} bytes a record, computed",
        event_bytes=sizes.event_bytes,
        wire_bytes=wire_bytes,
        records=1 / in_record,
        payload_units=units(PAYLOAD_UNIT_BYTES),
        on_demand_units=units(ON_DEMAND_UNIT_BYTES),
        firehose_units=float(math.ceil(sizes.event_bytes / FIREHOSE_UNIT_BYTES)),
        firehose_record_units=units(FIREHOSE_UNIT_BYTES),
        alerts=assumed.purchase_share,
    )


class _Totals(msgspec.Struct, frozen=True):
    put: int
    sent: int
    records: int
    bytes: int
    payload_units: int
    on_demand_units: int
    firehose_units: int
    firehose_record_units: int
    purchases: int


class _Report(msgspec.Struct, frozen=True):
    version: str
    totals: _Totals


def measured_shape(report: bytes, origin: str) -> Shape:
    """Return what became of the events of a load.

    Args:
        report: what `clickstream load` wrote as JSON.
        origin: its name, for errors.

    Raises:
        ConfigError: it is no such report, or nothing was sent.
    """
    try:
        found = msgspec.json.decode(report, type=_Report)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{origin} is no report of `clickstream load`: {error}") from error
    totals = found.totals
    if found.version != _REPORT_VERSION:
        raise ConfigError(f"{origin} is a {found.version}; what is read is {_REPORT_VERSION}")
    if not totals.sent or not totals.put or not totals.records:
        raise ConfigError(f"{origin} is of a load that sent nothing")
    is_aggregated = totals.records < totals.sent
    wire_bytes = totals.bytes / totals.sent
    return Shape(
        origin=f"{totals.sent / totals.records:.3g} events of {wire_bytes:.4g} bytes a record, measured: {origin}",
        event_bytes=max(1.0, wire_bytes - FRAME_BYTES * is_aggregated),
        wire_bytes=wire_bytes,
        records=totals.records / totals.sent,
        payload_units=totals.payload_units / totals.sent,
        on_demand_units=totals.on_demand_units / totals.sent,
        firehose_units=totals.firehose_units / totals.sent,
        firehose_record_units=totals.firehose_record_units / totals.sent,
        alerts=totals.purchases / totals.put,
    )
