"""What a row of the once-table says: whether something is still to be delivered, and by whom.

Pure. A row is IN_PROGRESS under a lease before a delivery and DONE after its acknowledgement. A lease that ran out says
that its owner is gone and may have delivered: whoever takes the row over delivers again and says so. A row whose time
is over counts for nothing, whether or not DynamoDB has deleted it yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from schemas.instants import SECOND_US

KEY = "event_key"
# By it DynamoDB deletes rows whose time is over.
TIME_TO_LIVE = "expires"
IN_PROGRESS, DONE = "IN_PROGRESS", "DONE"
# Longer than any queue keeps a message (14 days): what comes back out of a dead-letter queue still finds its rows.
REMEMBERED_S = 15 * 24 * 3600

Item = dict[str, dict[str, str]]


class Standing(Enum):
    """What there is to do about a key."""

    FREE = "nobody delivers it: claim it"
    LEFT = "its owner is gone and may have delivered it: claim it, and say that it may be a repeat"
    BUSY = "another is delivering it: come back later"
    DONE = "it was delivered"


@dataclass(frozen=True, slots=True)
class Row:
    """A row, as it stands in the table.

    Attributes:
        key: what is delivered.
        state: IN_PROGRESS or DONE.
        expires_s: when it counts for nothing any more, in seconds since the epoch, as DynamoDB wants it.
        owner: who delivers, while it is in progress.
        lease_until_us: until when nobody else does.
    """

    key: str
    state: str
    expires_s: int
    owner: str = ""
    lease_until_us: int = 0

    def standing(self, owner: str, now_us: int) -> Standing:
        """Return what the row means to somebody at an instant.

        A claim of one's own that one does not remember is left, too: the call that made it broke off.
        """
        if self.state == IN_PROGRESS:
            is_held = self.lease_until_us > now_us and self.owner != owner and not self._is_over(now_us)
            return Standing.BUSY if is_held else Standing.LEFT
        return Standing.FREE if self._is_over(now_us) else Standing.DONE

    def _is_over(self, now_us: int) -> bool:
        return self.expires_s * SECOND_US <= now_us


def claim_row(key: str, owner: str, lease_until_us: int, now_us: int) -> Row:
    """Return the row of somebody who begins to deliver."""
    return Row(key, IN_PROGRESS, now_us // SECOND_US + REMEMBERED_S, owner, lease_until_us)


def done_row(key: str, now_us: int) -> Row:
    """Return the row of what was delivered."""
    return Row(key, DONE, now_us // SECOND_US + REMEMBERED_S)


def item_of(row: Row) -> Item:
    """Return a row as DynamoDB takes it."""
    item = {KEY: {"S": row.key}, "state": {"S": row.state}, TIME_TO_LIVE: {"N": str(row.expires_s)}}
    if row.state == IN_PROGRESS:
        item |= {"owner": {"S": row.owner}, "lease_until_us": {"N": str(row.lease_until_us)}}
    return item


def row_of(item: Mapping[str, Any]) -> Row:
    """Return the row in an item of DynamoDB.

    Raises:
        KeyError: an attribute is missing: another program writes to the table.
    """
    return Row(
        key=item[KEY]["S"],
        state=item["state"]["S"],
        expires_s=int(item[TIME_TO_LIVE]["N"]),
        owner=item.get("owner", {}).get("S", ""),
        lease_until_us=int(item.get("lease_until_us", {}).get("N", 0)),
    )


# Whether a claim may replace what is there: the same as `standing`, where it is neither BUSY nor DONE.
CLAIMABLE = (
    "attribute_not_exists(#key) OR #expires <= :now_s"
    " OR (#state = :in_progress AND (#lease <= :now_us OR #owner = :owner))"
)
# Whether a claim is still one's own.
OWN = "#state = :in_progress AND #owner = :owner"
NAMES = {"#key": KEY, "#expires": TIME_TO_LIVE, "#state": "state", "#lease": "lease_until_us", "#owner": "owner"}


def condition_values(owner: str, now_us: int) -> Item:
    """Return the values of `CLAIMABLE`."""
    return own_values(owner) | {":now_s": {"N": str(now_us // SECOND_US)}, ":now_us": {"N": str(now_us)}}


def own_values(owner: str) -> Item:
    """Return the values of `OWN`."""
    return {":in_progress": {"S": IN_PROGRESS}, ":owner": {"S": owner}}


@dataclass(slots=True)
class Claims:
    """What came of claiming keys; a key whose claim failed is nowhere in it.

    Attributes:
        mine: key -> whether an earlier owner may have delivered it.
        done: delivered before.
        busy: being delivered by another.
        failure: why not every key is in one of these.
    """

    mine: dict[str, bool] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    failure: BaseException | None = None
