"""Whatever arrives in whatever order: every record is in exactly one delivery, whole and in order."""

from __future__ import annotations

import gzip
from base64 import b64decode

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from infra.local.firehose import Arrival, Buffer, BufferHints
from schemas.kpl import MAGIC, BrokenFrameError, payloads

lines = st.binary(max_size=40).map(lambda data: data.replace(b"\n", b""))
records = st.one_of(lines, lines.map(lambda data: MAGIC + data))


def is_broken(data: bytes) -> bool:
    try:
        payloads(data)
    except BrokenFrameError:
        return True
    return False


@given(st.lists(records, max_size=60), st.integers(1, 200))
def test_deliveries_conserve_records(data: list[bytes], max_bytes: int) -> None:
    buffer = Buffer("clicks", BufferHints(max_bytes, 1), {})
    deliveries = []
    for number, each in enumerate(data):
        buffer.add(Arrival(each, number, "shard", str(number)))
        if buffer.is_full:
            deliveries.append(buffer.drain(str(number)))
    deliveries.append(buffer.drain("last"))

    objects = [item for delivery in deliveries for item in delivery.objects]
    delivered = b"".join(gzip.decompress(item.body) for item in objects if item.key.endswith(".gz"))
    refused = [
        b64decode(msgspec.json.decode(line)["rawData"])
        for item in objects
        if not item.key.endswith(".gz")
        for line in item.body.splitlines()
    ]
    assert delivered == b"".join(each + b"\n" for each in data if not is_broken(each))
    assert refused == [each for each in data if is_broken(each)]
    assert sum(delivery.records + delivery.errors for delivery in deliveries) == len(data)
    assert deliveries[-1].positions == ({"shard": str(len(data) - 1)} if data else {})
