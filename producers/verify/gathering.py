"""Everything that lies in the deployment, read into the evidence.

Reads each thing once and compares nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from producers.lines import line_digest_text
from producers.spool import read_spool
from producers.verify.bucket_lines import fetched, lines_of, list_in_scope
from producers.verify.evidence import Collector, Evidence, digests
from producers.verify.lake_rows import LakeReader
from producers.verify.row_payloads import payloads_of
from producers.verify.scopes import Scope
from schemas.alert import PurchaseAlert, content_digest
from schemas.attestation import is_attestation
from schemas.compression import DamagedError
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import timestamp_to_us
from schemas.kpl import BrokenFrameError, payloads
from schemas.lake import RECEIPTS_PREFIX, format_hour
from schemas.tables import CONFLICTS, FACT_CLICKS, HOUR_PARTITION, PAYLOAD_COLUMNS, QUARANTINE, RAW_OBJECTS, Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PLACE = ("source_object", "source_line")


class Alert(PurchaseAlert, frozen=True, kw_only=True):
    """An alert as a subscriber received it, or its receipt."""

    message_id: str
    latency_ms: float


_decode_alert = msgspec.json.Decoder(Alert).decode


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Fills the evidence.

    Attributes:
        evidence: what is filled.
        s3: a client.
        lake: the published tables.
        producers: ids of the producers of the key.
        rules: names of the rules of the main topic; alerts of others are left out.
        on_step: told what is being read.
    """

    evidence: Evidence
    s3: S3Client
    lake: LakeReader
    producers: Collection[str]
    rules: Collection[str]
    on_step: Callable[[str], object]

    def raw(self, bucket: str, keys: Sequence[str]) -> int:
        """Read lines of the raw objects; return how many attestations were among them."""
        # Bytes that are no event name their producer all the same, unless just that was damaged.
        quoted = [re.escape(msgspec.json.encode(producer)) for producer in self.producers]
        is_ours = re.compile(b"|".join(quoted)).search if quoted else None
        attestations = 0
        with self.evidence.collector("raw_line") as lines, self.evidence.collector("raw_object") as objects:
            for place, (key, file) in enumerate(fetched(self.s3, bucket, keys)):
                self.on_step(f"raw object {place + 1} of {len(keys)}")
                damage = None
                try:
                    for number, line in enumerate(lines_of(file), 1):
                        if not line or line.isspace():
                            continue
                        if is_attestation(line):
                            attestations += 1
                            continue
                        ours = is_ours is not None and is_ours(line) is not None
                        lines.add((line_digest_text(line), place, number, ours))
                except DamagedError as error:
                    damage = str(error)
                objects.add((place, key, damage))
        return attestations

    def facts_and_conflicts(self, scope: Scope) -> None:
        """Read the rows of the star schema."""
        columns = ["click_id", *PAYLOAD_COLUMNS, *HOUR_PARTITION, "producer_id", *_PLACE]
        where = self._days_of_key()
        for table, name in ((FACT_CLICKS, "fact"), (CONFLICTS, "conflict")):
            for batch in self._rows(table, columns, where, scope):
                numbers = zip(*(batch.column(part).to_pylist() for part in HOUR_PARTITION), strict=True)
                hours = pa.array([f"{year:04}-{month:02}-{day:02}T{hour:02}" for year, month, day, hour in numbers])
                ours = pc.fill_null(
                    pc.is_in(batch.column("producer_id"), pa.array([*self.producers], pa.string())), False
                )
                self._add(name, [batch.column("click_id"), hours, payloads_of(batch)], batch, scope, ours)

    def quarantine(self, scope: Scope) -> None:
        """Read the quarantined lines."""
        quoted = [msgspec.json.encode(producer) for producer in self.producers]
        for batch in self._rows(QUARANTINE, ["reason", "raw_bytes", *_PLACE], "", scope):
            lines = batch.column("raw_bytes").to_pylist()
            found = digests(bytes.fromhex("".join(map(line_digest_text, lines))))
            ours = pa.array([any(producer in line for producer in quoted) for line in lines], pa.bool_())
            self._add("quarantined", [batch.column("reason"), found], batch, scope, ours)

    def read_objects(self, bucket: str, scope: Scope) -> None:
        """Read what the compaction keeps of the raw objects that it read."""
        where = f"bucket = '{bucket}'"
        if scope.since_us is not None:
            where += f" and key >= '{scope.first_folder()}'"
        with self.evidence.collector("read_object") as objects, self.evidence.collector("object_hour") as hours:
            for batch in self.lake.rows(RAW_OBJECTS, ["key", "hours"], where):
                for key, found in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    if not scope.holds(key):
                        continue
                    objects.add((key,))
                    for hour in found:
                        name = format_hour(timestamp_to_us(hour["event_hour"]))
                        hours.add((key, name, hour["accepted"], hour["state"]))

    def receipts(self, bucket: str, scope: Scope) -> None:
        """Read the receipts of alerts."""
        keys, _ = list_in_scope(self.s3, bucket, RECEIPTS_PREFIX, scope)
        with self.evidence.collector("receipt") as receipts:
            for place, (key, file) in enumerate(fetched(self.s3, bucket, keys)):
                self.on_step(f"receipts {place + 1} of {len(keys)}")
                try:
                    for line in lines_of(file):
                        self._add_alert(receipts, _decode_alert(line))
                except (msgspec.DecodeError, DamagedError) as error:
                    raise WorkFailedError(f"s3://{bucket}/{key} does not hold receipts: {error}") from error

    def alerts(self, paths: Sequence[Path]) -> None:
        """Read what a subscriber received.

        Raises:
            ConfigError: a file cannot be read, or holds something else.
        """
        with self.evidence.collector("alert") as alerts:
            for path in paths:
                try:
                    for alert in _alerts_in(path):
                        self._add_alert(alerts, alert)
                except OSError as error:
                    raise ConfigError(f"cannot read {path}: {error.strerror}") from error

    def spool(self, folder: Path) -> None:
        """Read the lines that producers here could not send."""
        with self.evidence.collector("spooled") as spooled:
            for path in sorted(folder.glob("*.ndjson")):
                for saved in read_spool(path):
                    for line in _payloads(saved.record().data):
                        spooled.add((line_digest_text(line), saved.reason))

    def _add_alert(self, collector: Collector, alert: Alert) -> None:
        if alert.rule in self.rules:
            said = alert.event_id, content_digest(alert), alert.rule
            collector.add((*said, alert.message_id, alert.maybe_repeat, alert.latency_ms))

    def _days_of_key(self) -> str:
        """Return a condition that the rows of the key's hours fulfil, and few others."""
        [days] = self.evidence.ask(
            "SELECT list(DISTINCT hour[1:4]::INT) AS year, list(DISTINCT hour[6:7]::INT) AS month, "
            "list(DISTINCT hour[9:10]::INT) AS day FROM key_event"
        )
        return " and ".join(f"{name} in ({', '.join(map(str, values or [0]))})" for name, values in days.items())

    def _rows(self, table: Table, columns: Sequence[str], of_key: str, scope: Scope) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a table that are in scope, or fulfil a condition, and maybe others."""
        if scope.since_us is None:
            return self.lake.rows(table, columns, None)
        conditions = [f"source_object >= '{scope.first_folder()}'", *([of_key] if of_key else [])]
        return self.lake.rows(table, columns, " or ".join(f"({condition})" for condition in conditions))

    def _add(self, name: str, columns: list[pa.Array], batch: pa.RecordBatch, scope: Scope, ours: pa.Array) -> None:
        self.on_step(f"table {name}")
        sources = batch.column("source_object").dictionary_encode()
        held = pa.array([scope.holds(key) for key in sources.dictionary.to_pylist()], pa.bool_())
        placed = [batch.column("source_object"), batch.column("source_line"), held.take(sources.indices), ours]
        columns = [*columns, *placed]
        self.evidence.add(name, pa.table(columns, names=[str(place) for place in range(len(columns))]))


def _payloads(data: bytes) -> list[bytes]:
    try:
        return payloads(data)
    except BrokenFrameError:
        return [data]


def _alerts_in(path: Path) -> Iterator[Alert]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield _decode_alert(line)
            except msgspec.DecodeError as error:
                raise ConfigError(f"{path}, line {number}: no alert of `clickstream watch --json`: {error}") from error
