"""The messages that say an object was put: from EventBridge or from S3 itself, to what there is to read.

Pure. Which objects matter is for whoever reads them. Refuses a message that it does not understand: nothing that may
name an object is passed over in silence.
"""

from __future__ import annotations

from urllib.parse import unquote_plus

import msgspec

from schemas.errors import BadRecordError
from schemas.instants import parse_instant_us

_CREATED = "ObjectCreated:"
_CREATED_DETAIL = "Object Created"
_SOURCE = "aws.s3"
_TEST = "s3:TestEvent"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An object that was put.

    Attributes:
        etag: of the content that the message is about; None where the message does not say.
        version_id: of that content, in a bucket with versions.
        size_bytes: of that content, as it lies there; None where the message does not say.
        event_us: when it was put.
    """

    bucket: str
    key: str
    etag: str | None = None
    version_id: str | None = None
    size_bytes: int | None = None
    event_us: int

    @property
    def address(self) -> str:
        """The object's address, for people."""
        return f"s3://{self.bucket}/{self.key}"


class _Named(msgspec.Struct):
    name: str


class _PlainObject(msgspec.Struct, rename={"etag": "eTag", "version_id": "versionId"}):
    key: str
    etag: str | None = None
    version_id: str | None = None
    size: int | None = None


class _PlainPlace(msgspec.Struct):
    bucket: _Named
    object: _PlainObject


class _PlainRecord(msgspec.Struct, rename="camel"):
    event_name: str
    event_time: str
    s3: msgspec.Raw


class _EventBridgeObject(msgspec.Struct, rename={"version_id": "version-id"}):
    key: str
    etag: str | None = None
    version_id: str | None = None
    size: int | None = None


class _EventBridgeDetail(msgspec.Struct):
    bucket: _Named
    object: _EventBridgeObject


_ABSENT = msgspec.Raw(b"")


class _Body(msgspec.Struct, rename={"detail_type": "detail-type", "records": "Records", "event": "Event"}):
    """Any of the forms; which one it is shows in the keys that are there."""

    source: str | None = None
    detail_type: str | None = None
    time: str | None = None
    detail: msgspec.Raw = _ABSENT
    records: msgspec.Raw = _ABSENT
    event: str | None = None


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_records = msgspec.json.Decoder(list[_PlainRecord]).decode
_decode_place = msgspec.json.Decoder(_PlainPlace).decode
_decode_detail = msgspec.json.Decoder(_EventBridgeDetail).decode


def notices_of(body: str) -> list[Notice]:
    """Return the objects that a message says were put; none for one that says something else about objects.

    Source: Amazon S3 user guide, "Event message structure" and "EventBridge event message structure".

    Raises:
        BadRecordError: it is neither form, nor the test message that S3 sends when notifications are set up.
    """
    try:
        message = _decode_body(body)
        if message.records is not _ABSENT:
            records = _decode_records(message.records)
            return [_plain_notice(record) for record in records if record.event_name.startswith(_CREATED)]
        if message.source == _SOURCE and message.detail is not _ABSENT and message.time is not None:
            is_about_creation = message.detail_type == _CREATED_DETAIL
            return [_notice(_decode_detail(message.detail), message.time)] if is_about_creation else []
    except (msgspec.DecodeError, ValueError) as error:
        raise BadRecordError(f"no message about an object: {error}") from error
    if message.event == _TEST:
        return []
    raise BadRecordError("a message that is neither from S3 nor from EventBridge about S3")


def _plain_notice(record: _PlainRecord) -> Notice:
    place = _decode_place(record.s3)
    return Notice(
        bucket=place.bucket.name,
        key=unquote_plus(place.object.key),  # encoded as in a form; EventBridge has it as it is
        etag=place.object.etag,
        version_id=place.object.version_id,
        size_bytes=place.object.size,
        event_us=parse_instant_us(record.event_time),
    )


def _notice(detail: _EventBridgeDetail, time: str) -> Notice:
    return Notice(
        bucket=detail.bucket.name,
        key=detail.object.key,
        etag=detail.object.etag,
        version_id=detail.object.version_id,
        size_bytes=detail.object.size,
        event_us=parse_instant_us(time),
    )
