"""Where a resource of AWS is, as its ARN says."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Where a resource is.

    Attributes:
        partition: of AWS, such as `aws` or `aws-cn`.
        region: such as `eu-central-1`.
    """

    partition: str
    region: str


def place_of(arn: str) -> Place:
    """Return where the resource of a well-formed ARN is."""
    _, partition, _, region, *_ = arn.split(":")
    return Place(partition, region)
