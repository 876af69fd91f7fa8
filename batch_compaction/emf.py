"""Figures as a line of CloudWatch's embedded metric format, which becomes metrics where a log is written on AWS.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

# Of every metric: the Glue database that the tables are in.
DATABASE_DIMENSION = "Database"


class Unit(StrEnum):
    """What a figure counts."""

    COUNT = "Count"
    BYTES = "Bytes"
    SECONDS = "Seconds"


class Figure(NamedTuple):
    """A value of a metric."""

    value: float
    unit: Unit = Unit.COUNT


def emf_line(
    namespace: str,
    dimensions: Mapping[str, str],
    figures: Mapping[str, Figure],
    properties: Mapping[str, str],
    instant_us: int,
) -> bytes:
    """Return a line that makes a metric of each figure, under one set of dimensions.

    Args:
        namespace: of the metrics.
        dimensions: name -> value; each combination of values is a metric of its own, and costs as one.
        figures: name of the metric -> figure; at most a hundred.
        properties: told beside them in the log, and no part of a metric.
        instant_us: when it was so.

    Source: CloudWatch user guide, "Specification: Embedded metric format".
    """
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": figure.unit} for name, figure in figures.items()],
    }
    values = {name: figure.value for name, figure in figures.items()}
    metadata = {"Timestamp": instant_us // 1000, "CloudWatchMetrics": [directive]}
    return msgspec.json.encode({"_aws": metadata, **dimensions, **properties, **values})
