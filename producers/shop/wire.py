"""What clients of different versions write for the same event.

A client has one version, so all of a session is written by one. The pipeline reads all of them; `decode` of what is
written is the event that stands beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from producers.shop.visitors import MILLISECOND_US
from schemas.codec import encode, payload_digest
from schemas.errors import ConfigError
from schemas.event import ClickEvent
from schemas.instants import format_instant_us

_CRC_RANGE = 1 << 32
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_EXPERIMENTS = {"checkout": "one_page", "search": 3}
_NEW_METADATA = {"experiments": msgspec.json.encode(_EXPERIMENTS).decode()}
_NEW_FIELDS = {"schema_version": 2, "consent": {"analytics": True, "ads": False}, "viewport": [1280, 720]}
_json_of = msgspec.json.Encoder().encode


class ClientVersion(StrEnum):
    """A version of the client.

    OLD writes `action` and `timestamp`, epoch milliseconds, user ids as numbers, and no event id. CURRENT writes the
    canonical form. NEW writes numbers in the metadata as numbers, one metadata value that is an object, and fields
    that this pipeline does not know.
    """

    OLD = "old"
    CURRENT = "current"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class SchemaMix:
    """The share of sessions whose client is old, and of those whose client is new."""

    old: float = 0.0
    new: float = 0.0

    def __post_init__(self) -> None:
        faults = [
            f"the share of {name} clients is {share}, a share lies between 0 and 1"
            for name, share in (("old", self.old), ("new", self.new))
            if not 0 <= share <= 1
        ]
        if not faults and self.old + self.new > 1:
            faults.append(f"the shares of old and new clients add up to {self.old + self.new:g}")
        if faults:
            raise ConfigError(faults)


class Written(NamedTuple):
    """What goes to the stream, and the event that the pipeline reads there."""

    data: bytes
    event: ClickEvent


def parse_schema_mix(text: str) -> SchemaMix:
    """Return the mix that an option names: a share that old and new clients halve, or `old=0.1,new=0.05`.

    Raises:
        ConfigError: it names none.
    """
    try:
        if "=" not in text:
            half = float(text) / 2
            return SchemaMix(half, half)
        shares = dict(item.split("=") for item in text.split(","))
        if not shares.keys() <= {ClientVersion.OLD, ClientVersion.NEW}:
            raise ValueError(text)
        return SchemaMix(**{name: float(share) for name, share in shares.items()})
    except ValueError:
        raise ConfigError(f"the schema mix is {text!r}; give a share such as 0.2, or old=0.1,new=0.05") from None


def version_of(session_id: str, mix: SchemaMix) -> ClientVersion:
    """Return which client makes a session."""
    if not mix.old and not mix.new:
        return ClientVersion.CURRENT
    uniform = crc32(session_id.encode()) / _CRC_RANGE
    if uniform < mix.old:
        return ClientVersion.OLD
    return ClientVersion.NEW if uniform < mix.old + mix.new else ClientVersion.CURRENT


def wire_of(event: ClickEvent, version: ClientVersion) -> Written:
    """Return what a client of a version writes for an event.

    The event beside it differs from the given one where the client does: an old one gives no id, so it is the digest of
    the payload; a new one says more in its metadata.
    """
    if version is ClientVersion.CURRENT:
        return Written(encode(event), event)
    return _old(event) if version is ClientVersion.OLD else _new(event)


def _old(event: ClickEvent) -> Written:
    at_ms, rest_us = divmod(event.event_timestamp_us, MILLISECOND_US)
    fields: dict[str, Any] = {
        "user_id": _number(event.user_id),
        "session_id": event.session_id,
        "action": event.event_type,
        "timestamp": format_instant_us(event.event_timestamp_us) if rest_us else at_ms,
        "device_type": event.device_type,
        "page_url": event.page_url,
        "referrer_url": event.referrer_url,
        "metadata": event.metadata,
    }
    return Written(
        _json_of(_given(fields) | _attested(event)),
        msgspec.structs.replace(event, event_id=payload_digest(event)),
    )


def _new(event: ClickEvent) -> Written:
    said = msgspec.structs.replace(event, metadata=dict(sorted((event.metadata | _NEW_METADATA).items())))
    metadata = {name: _number(value) for name, value in event.metadata.items()} | {"experiments": _EXPERIMENTS}
    fields: dict[str, Any] = {
        "event_id": event.event_id,
        "user_id": event.user_id,
        "session_id": event.session_id,
        "event_type": event.event_type,
        "event_timestamp": format_instant_us(event.event_timestamp_us),
        "device_type": event.device_type,
        "page_url": event.page_url,
        "referrer_url": event.referrer_url,
        "metadata": metadata,
    }
    return Written(_json_of(_NEW_FIELDS | _given(fields) | _attested(event)), said)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _attested(event: ClickEvent) -> dict[str, Any]:
    return _given({"producer_id": event.producer_id, "producer_seq": event.producer_seq})


def _number(text: str) -> int | str:
    """Return a text as a number, where that number's text is the same."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
