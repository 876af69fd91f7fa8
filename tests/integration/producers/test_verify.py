"""A verdict on real tables: right where nothing was touched, and naming exactly what was."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pyarrow as pa
import pytest
import typer
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.table import Table
from typer.testing import CliRunner

import producers.verify_cli
from producers.answer_key import Accepted, Entry, Refused, Run, Total, Unsendable
from producers.batching import Record
from producers.lines import line_digest_text
from producers.spool import Spool
from producers.verify import lake_rows
from producers.verify.grades import Grade
from producers.verify.judging_key import Question, Verdict, judge
from schemas.alert import alert_of, content_digest
from schemas.codec import encode, payload_digest
from schemas.errors import ConfigError
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, datetime_to_us, format_instant_us
from schemas.kpl import MAGIC
from schemas.lake import RAW_PREFIX, RECEIPTS_PREFIX, format_hour, hour_folder
from schemas.receipt import encode_receipt, receipt_object, receipt_of
from schemas.settings import Settings
from tests.attestations import attestation_line

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.conftest import LocalStack

NOW_US = datetime_to_us(datetime.now(UTC))
RUN = Run(started=format_instant_us(NOW_US), command="a test", producer_id="p-1")
FIRST = f"{RAW_PREFIX}{hour_folder(NOW_US)}a.json.gz"
SECOND = f"{RAW_PREFIX}{hour_folder(NOW_US)}b.json.gz"
UNSENDABLE = b'{"event_id":"too-large"}'


def event(number: int, **fields: Any) -> ClickEvent:
    values: dict[str, Any] = {
        "user_id": f"u{number % 7}",
        "session_id": "s",
        "event_type": "purchase" if number % 10 == 0 else "page_view",
        "event_timestamp_us": NOW_US - HOUR_US - number * 60_000_000 - number,
        "page_url": None if number % 3 else "https://shop.example/ümläut?q=\"'\\",
        "metadata": {} if number % 4 == 0 else {"zz": str(number), "country": "DE", "note": 'a "quote"\n'},
        "producer_id": "p-1",
        "producer_seq": number,
    }
    return ClickEvent(event_id=f"e{number:03}", **(values | fields))


EVENTS = [event(number) for number in range(100)]
# Of both ids the payload in the first object wins.
CONFLICTING = [event(1, user_id="somebody-else"), event(2, metadata={"zz": "other"})]
REFUSED = {b'{"event_id": cut': "not_json", b'{"event_id":"no-user","producer_id":"p-1"}': "missing_field"}


def accepted(line: ClickEvent) -> Accepted:
    return Accepted(
        id=line.event_id,
        hour=format_hour(line.event_timestamp_us),
        type=line.event_type,
        payload=payload_digest(line),
        line=line_digest_text(encode(line)),
        fault="conflict" if line in CONFLICTING else "",
        alert=line.event_type == "purchase",
        alert_content=content_digest(alert_of(line, 0)) if line.event_type == "purchase" else "",
    )


def key_bytes(entries: list[Entry], run: Run = RUN) -> bytes:
    refused = [entry.reason for entry in entries if isinstance(entry, Refused)]
    events = [entry for entry in entries if isinstance(entry, Accepted)]
    payloads = {(entry.id, entry.hour, entry.payload) for entry in events}
    facts = {(entry.id, entry.hour) for entry in events}
    total = Total(
        lines=len(entries),
        facts=len(facts),
        facts_by_hour={},
        duplicates=len(events) - len(payloads),
        conflicts=len(payloads) - len(facts),
        refused={reason: refused.count(reason) for reason in refused},
        unsendable=sum(isinstance(entry, Unsendable) for entry in entries),
        alerts=0,
    )
    return gzip.compress(b"".join(msgspec.json.encode(entry) + b"\n" for entry in [run, *entries, total]))


@dataclass
class Deployment:
    """A run that was sent, delivered, compacted and alerted without a fault of the pipeline."""

    settings: Settings
    environment: dict[str, str]
    folder: Path

    @property
    def s3(self) -> S3Client:
        client: S3Client = boto3.client("s3")
        return client

    @property
    def key(self) -> Path:
        return self.folder / "key.ndjson.gz"

    @property
    def alerts(self) -> Path:
        return self.folder / "alerts.ndjson"

    def judge(self, **question: Any) -> Verdict:
        asked = Question(**({"keys": [self.key], "alerts": [self.alerts]} | question))
        return judge(asked, self.settings, self.environment, lambda _: None)

    def clickstream(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "clickstream", *arguments],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def table(self, name: str) -> Table:
        endpoint: dict[str, Any] = {"s3.endpoint": self.environment["AWS_ENDPOINT_URL"], "client.region": "us-east-1"}
        return GlueCatalog("glue", client=None, **endpoint).load_table((self.settings.database, name))

    @contextmanager
    def object_rewritten(self, bucket: str, key: str, change: Callable[[list[bytes]], list[bytes]]) -> Iterator[None]:
        before = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        lines = change(gzip.decompress(before).splitlines())
        self.s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(b"".join(line + b"\n" for line in lines)))
        yield
        self.s3.put_object(Bucket=bucket, Key=key, Body=before)

    @contextmanager
    def table_changed(self, name: str) -> Iterator[Table]:
        table = self.table(name)
        snapshot = table.current_snapshot()
        assert snapshot is not None
        yield table
        self.table(name).manage_snapshots().rollback_to_snapshot(snapshot.snapshot_id).commit()


@pytest.fixture(scope="module")
def deployment(emulator: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    settings = Settings(
        stream="clickstream",
        raw_bucket="clickstream-raw",
        curated_bucket="clickstream-curated",
        alerts_topic_arn="arn:aws:sns:us-east-1:123456789012:PurchaseAlerts",
        dead_letter_queue_url="http://127.0.0.1/queue",
    )
    environment = {**emulator.environment, **settings.as_environment(), "CLICKSTREAM_STATE_DIR": str(folder)}
    deployment = Deployment(settings, environment, folder)
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in environment.items():
            patched.setenv(variable, value)
        send(deployment)
        done = deployment.clickstream("compact", "--include-open")
        assert done.returncode == 0, done.stderr
        alert(deployment)
        yield deployment


def send(deployment: Deployment) -> None:
    """Write the key, and deliver what it asks for: some lines sent twice, one delivered twice."""
    first = [*map(encode, EVENTS[:60]), b"", *REFUSED]
    second = [
        *map(encode, EVENTS[60:]),
        *map(encode, CONFLICTING),
        *map(encode, EVENTS[5:8]),
        *REFUSED,
        encode(EVENTS[90]),
    ]
    for key, lines in ((FIRST, first), (SECOND, second)):
        body = gzip.compress(b"".join(line + b"\n" for line in lines))
        deployment.s3.put_object(Bucket=deployment.settings.raw_bucket, Key=key, Body=body)
    refused = [Refused(reason=reason, line=line_digest_text(line)) for line, reason in REFUSED.items()]
    unsendable = Unsendable(line=line_digest_text(UNSENDABLE), fault="too large")
    with closing(Spool(deployment.folder / "spool" / "run.ndjson", "local/clickstream")) as spool:
        spool.save([(Record("k", UNSENDABLE, 1, None), "too large")])
    # Two processes wrote the key.
    deployment.key.write_bytes(
        key_bytes([*map(accepted, [*EVENTS[:60], *EVENTS[5:8], *CONFLICTING]), *refused])
        + key_bytes([unsendable, refused[0], *map(accepted, EVENTS[60:])])
    )


def alert(deployment: Deployment) -> None:
    receipts = [
        receipt_of(alert_of(line, NOW_US), f"m-{line.event_id}", NOW_US + 1000 * number)
        for number, line in enumerate(EVENTS)
        if line.event_type == "purchase"
    ]
    key, body = receipt_object([*map(encode_receipt, receipts), encode_receipt(receipts[0])])
    deployment.s3.put_object(Bucket=deployment.settings.curated_bucket, Key=key, Body=body)
    marked = msgspec.structs.replace(receipts[3], message_id="again", maybe_repeat=True)
    seen = [*receipts, receipts[1], marked]
    deployment.alerts.write_bytes(b"".join(encode_receipt(one) + b"\n" for one in seen))


def graded(verdict: Verdict, name: str) -> Grade:
    [found] = (grade for grade in verdict.classes if grade.name == name)
    assert isinstance(found, Grade)
    return found


def differences_of(verdict: Verdict) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return (class, kind) -> examples of everything that differs."""
    return {
        (grade.name, difference.kind): difference.examples
        for grade in verdict.classes
        if isinstance(grade, Grade)
        for difference in grade.differences
    }


def test_what_came_out_whole_is_right(deployment: Deployment) -> None:
    verdict = deployment.judge()
    assert differences_of(verdict) == {}
    assert (verdict.is_right, verdict.percent, verdict.hints) == (True, 100.0, [])
    counts = {grade.name: (grade.expected, grade.got) for grade in verdict.classes if isinstance(grade, Grade)}
    assert counts == {
        "raw": (108, 110),
        "facts": (100, 100),
        "conflicts": (2, 2),
        "duplicates": (3, 4),
        "quarantine": (3, 4),
        "receipts": (10, 10),
        "alerts": (10, 10),
        "unsendable": (1, 1),
    }
    assert graded(verdict, "raw").figures["redelivered"] == 2
    assert graded(verdict, "alerts").figures["repeated"] == 1
    assert graded(verdict, "receipts").figures["latency_ms_p50"] == 40.0


def test_the_command_tells_the_verdict_and_exits_by_it(deployment: Deployment) -> None:
    arguments = ("verify", str(deployment.key), "--alerts", str(deployment.alerts))
    done = deployment.clickstream(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "100.00 % right" in done.stdout and "no difference" in done.stdout
    with deployment.object_rewritten(deployment.settings.raw_bucket, FIRST, lambda lines: lines[1:]):
        done = deployment.clickstream(*arguments, "--json")
        shown = deployment.clickstream(*arguments)
    assert (done.returncode, shown.returncode) == (1, 1)
    assert deployment.clickstream("verify", "nowhere").returncode == 2
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert not verdict["is_right"] and verdict["percent"] == 99.57
    assert "raw, missing: 1" in shown.stdout and "e000" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.gz"], "cannot read nowhere.gz"),
        (["{key}", "--only", "raw,fact"], "there is no class 'fact'"),
        (["{key}", "--only", "alerts"], "--alerts"),
        (["{key}", "--since", "today"], "not an hour"),
        (["{cut}"], "cut short"),
        (["{half}"], "has no end"),
        (["{twice}"], "contradicts itself"),
        (["{key}", "{key}"], "a key is given twice"),
    ],
)
def test_bad_usage_and_cut_keys_do_nothing(deployment: Deployment, arguments: list[str], told: str) -> None:
    whole = deployment.key.read_bytes()
    (deployment.folder / "cut").write_bytes(whole[: len(whole) // 2])
    (deployment.folder / "half").write_bytes(gzip.compress(gzip.decompress(whole)[:-200].rpartition(b"\n")[0]))
    (deployment.folder / "twice").write_bytes(whole + whole)
    names = {name: deployment.folder / name for name in ("cut", "half", "twice")}
    names["key"] = deployment.key
    app = typer.Typer()
    producers.verify_cli.register(app)
    result = CliRunner().invoke(app, [argument.format(**names) for argument in arguments])
    assert isinstance(result.exception, ConfigError) and result.stdout == ""
    assert told in str(result.exception)


def test_a_raw_line_that_is_gone_is_named(deployment: Deployment) -> None:
    gone = EVENTS[7]
    # It was sent twice and is once in the second object.
    with deployment.object_rewritten(
        deployment.settings.raw_bucket, FIRST, lambda lines: [line for line in lines if line != encode(gone)]
    ):
        found = differences_of(deployment.judge())
    line = line_digest_text(encode(gone))
    assert found == {
        ("raw", "missing"): [
            {
                "line": line,
                "id": "e007",
                "hour": format_hour(gone.event_timestamp_us),
                "object": SECOND,
                "number": 45,
            }
        ]
    }


def test_a_raw_line_that_nobody_sent_is_named_and_told_apart_where_others_send(deployment: Deployment) -> None:
    foreign, ours = b'{"event_id":"x"}', b'{"event_id":"x","producer_id":"p-1","producer_seq":7}'
    attestation = attestation_line()
    with deployment.object_rewritten(
        deployment.settings.raw_bucket, FIRST, lambda lines: [*lines, foreign, ours, attestation]
    ):
        strict, shared = deployment.judge(), deployment.judge(is_shared=True)
    assert differences_of(strict) == {
        ("raw", "extra"): [
            {"line": line_digest_text(line), "object": FIRST, "number": number}
            for line, number in sorted([(foreign, 64), (ours, 65)], key=lambda pair: line_digest_text(pair[0]))
        ]
    }
    assert (graded(strict, "raw").figures["attestations"], strict.percent) == (1, 100.0)
    assert any("--shared" in hint for hint in strict.hints)
    assert differences_of(shared) == {
        ("raw", "extra"): [{"line": line_digest_text(ours), "object": FIRST, "number": 65}]
    }
    assert graded(shared, "raw").figures["of_others"] == 1


def test_a_fact_that_was_deleted_is_named(deployment: Deployment) -> None:
    with deployment.table_changed("fact_clicks") as facts:
        facts.delete("click_id = 'e042'")
        found = differences_of(deployment.judge())
    [[example]] = found.values()
    assert list(found) == [("facts", "missing")]
    assert (example["id"], example["object"], example["number"]) == ("e042", FIRST, 43)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"user_id": "u-wrong"}, "wrong payload"),
        ({"metadata": [("zz", "17")]}, "wrong payload"),
        ({"event_timestamp": datetime(2026, 1, 1)}, "wrong payload"),  # noqa: DTZ001
        ({"click_id": "of-nobody", "producer_id": None}, "extra"),
        ({}, "twice"),
    ],
)
def test_a_fact_that_is_not_what_was_sent_is_named(deployment: Deployment, change: dict[str, Any], kind: str) -> None:
    with deployment.table_changed("fact_clicks") as facts:
        [row] = facts.scan("click_id = 'e017'").to_arrow().to_pylist()
        if kind == "wrong payload":
            facts.delete("click_id = 'e017'")
        facts.append(pa.Table.from_pylist([row | change], schema=facts.schema().as_arrow()))
        strict, shared = deployment.judge(), deployment.judge(is_shared=True)
    [[example]] = differences_of(strict).values()
    assert list(differences_of(strict)) == [("facts", kind)]
    assert example["id"] == change.get("click_id", "e017")
    assert not strict.is_right
    assert shared.is_right == (kind == "extra")


def test_a_conflict_that_is_gone_or_is_no_conflict_is_named(deployment: Deployment) -> None:
    with deployment.table_changed("conflicts") as conflicts:
        [row] = conflicts.scan("click_id = 'e001'").to_arrow().to_pylist()
        conflicts.delete("click_id = 'e001'")
        gone = differences_of(deployment.judge())
        row |= {"user_id": EVENTS[1].user_id}
        conflicts.append(pa.Table.from_pylist([row], schema=conflicts.schema().as_arrow()))
        no_conflict = differences_of(deployment.judge())
    missing = {
        "id": "e001",
        "hour": format_hour(EVENTS[1].event_timestamp_us),
        "payloads": [payload_digest(CONFLICTING[0])],
    }
    assert gone == {("conflicts", "missing"): [missing]}
    assert set(no_conflict) == {("conflicts", "missing"), ("conflicts", "payload of the fact")}


def test_a_quarantined_line_that_is_gone_is_named(deployment: Deployment) -> None:
    with deployment.table_changed("quarantine") as quarantine:
        quarantine.delete("reason = 'missing_field'")
        found = differences_of(deployment.judge())
        [row] = quarantine.scan("source_line = 62").to_arrow().to_pylist()
        quarantine.append(
            pa.Table.from_pylist([row | {"reason": "bad_timestamp"}], schema=quarantine.schema().as_arrow())
        )
        other = differences_of(deployment.judge())
    [line] = (line for line, reason in REFUSED.items() if reason == "missing_field")
    missing = {"reason": "missing_field", "line": line_digest_text(line), "object": FIRST, "number": 63}
    assert found == {("quarantine", "missing"): [missing]}
    assert set(other) == {
        ("quarantine", "missing"),
        ("quarantine", "other reason"),
        ("quarantine", "more often than in raw"),
    }


def test_lines_that_the_compaction_did_not_accept_are_told_by_hour(deployment: Deployment) -> None:
    with deployment.table_changed("raw_objects") as objects:
        rows = objects.scan().to_arrow()
        changed = rows.to_pylist()
        hour = changed[0]["hours"][0]
        hour["accepted"] -= 2
        objects.overwrite(pa.Table.from_pylist(changed, schema=rows.schema))
        found = differences_of(deployment.judge())
    [[example]] = found.values()
    assert list(found) == [("duplicates", "missing")]
    assert example["hour"] == f"{hour['event_hour']:%Y-%m-%dT%H}"


def test_receipts_are_not_asked_where_no_alert_job_ran_and_nobody_asks(deployment: Deployment) -> None:
    bucket = deployment.settings.curated_bucket
    [item] = deployment.s3.list_objects_v2(Bucket=bucket, Prefix=RECEIPTS_PREFIX)["Contents"]
    with deployment.object_rewritten(bucket, item["Key"], lambda _: []):
        by_itself, by_name = deployment.judge(alerts=()), deployment.judge(alerts=(), only=["receipts"])
        beside_alerts = deployment.judge()
    assert by_itself.is_right
    assert "receipts" in {grade.name for grade in by_itself.classes if not isinstance(grade, Grade)}
    for verdict in (by_name, beside_alerts):
        assert graded(verdict, "receipts").count("missing") == 10


def test_a_receipt_that_is_gone_is_named(deployment: Deployment) -> None:
    bucket = deployment.settings.curated_bucket
    [item] = deployment.s3.list_objects_v2(Bucket=bucket, Prefix=RECEIPTS_PREFIX)["Contents"]
    with deployment.object_rewritten(bucket, item["Key"], lambda lines: lines[1:-1]):
        verdict = deployment.judge()
    [[example]] = differences_of(verdict).values()
    assert list(differences_of(verdict)) == [("receipts", "missing")]
    assert (example["id"], example["object"]) == ("e000", FIRST)


def test_alerts_that_are_gone_repeated_or_of_nobody_are_named(deployment: Deployment, tmp_path: Path) -> None:
    alerts = [msgspec.json.decode(line) for line in deployment.alerts.read_bytes().splitlines()]
    repeated = {**alerts[4], "message_id": "once more"}
    of_nobody = {**alerts[0], "event_id": "e001", "message_id": "x"}
    changed = tmp_path / "changed.ndjson"
    changed.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in [*alerts[1:], repeated, of_nobody]))
    verdict = deployment.judge(alerts=[changed])
    found = differences_of(verdict)
    assert {kind: [example["id"] for example in examples] for (_, kind), examples in found.items()} == {
        "missing": ["e000"],
        "extra": ["e001"],
        "unmarked repeat": ["e040"],
    }
    assert graded(verdict, "alerts").right == 8


@pytest.mark.parametrize("change", [{"amount_minor": 1}, {"user_id": "u-other"}, {"device_type": "tablet"}])
def test_an_alert_that_says_something_else_is_named(
    deployment: Deployment, tmp_path: Path, change: dict[str, Any]
) -> None:
    def changed(lines: list[bytes]) -> list[bytes]:
        return [*lines[:2], msgspec.json.encode({**msgspec.json.decode(lines[2]), **change}), *lines[3:]]

    alerts = tmp_path / "changed.ndjson"
    alerts.write_bytes(b"\n".join(changed(deployment.alerts.read_bytes().splitlines())))
    bucket = deployment.settings.curated_bucket
    [item] = deployment.s3.list_objects_v2(Bucket=bucket, Prefix=RECEIPTS_PREFIX)["Contents"]
    with deployment.object_rewritten(bucket, item["Key"], changed):
        verdict = deployment.judge(alerts=[alerts])
    wrong = [{"id": "e020", "rule": "purchase"}]
    assert differences_of(verdict) == {("receipts", "wrong content"): wrong, ("alerts", "wrong content"): wrong}
    assert [graded(verdict, name).right for name in ("receipts", "alerts")] == [9, 9]


def test_an_alert_that_is_allowed_and_not_asked_for_must_say_that_it_repeats(
    deployment: Deployment, tmp_path: Path
) -> None:
    entries = [accepted(line) for line in EVENTS]
    key = tmp_path / "key.gz"
    key.write_bytes(
        key_bytes([msgspec.structs.replace(entry, alert=False, alert_allowed=entry.alert) for entry in entries])
    )
    alerts = tmp_path / "twice.ndjson"
    lines = deployment.alerts.read_bytes().splitlines()
    again = {**msgspec.json.decode(lines[4]), "message_id": "once more"}
    alerts.write_bytes(b"\n".join([*lines[1:], msgspec.json.encode(again)]))
    verdict = deployment.judge(keys=[key], alerts=[alerts], only=["alerts"])
    [[example]] = differences_of(verdict).values()
    assert (example["id"], graded(verdict, "alerts").expected, graded(verdict, "alerts").right) == ("e040", 0, 0)


def test_what_nobody_keeps_of_an_unsendable_line_is_named(deployment: Deployment) -> None:
    spool = deployment.folder / "spool" / "run.ndjson"
    spool.rename(spool.with_suffix(".away"))
    found = differences_of(deployment.judge())
    spool.with_suffix(".away").rename(spool)
    assert found == {
        ("unsendable", "missing"): [{"line": line_digest_text(UNSENDABLE), "fault": "too large"}],
    }


def test_a_spool_may_hold_what_no_line_can_be_read_of(deployment: Deployment) -> None:
    path = deployment.folder / "spool" / "killed.ndjson"
    with closing(Spool(path, "local/clickstream")) as spool:
        spool.save([(Record("k", MAGIC + b"cut" + bytes(16), 1, None), "throttled")])
    path.write_bytes(path.read_bytes() + b'{"destination":"local/clickst')
    verdict = deployment.judge()
    path.unlink()
    assert verdict.is_right


def test_lines_that_were_not_compacted_yet_lead_to_the_next_step(deployment: Deployment) -> None:
    later = event(500)
    key = f"{RAW_PREFIX}{hour_folder(NOW_US)}c.json"
    deployment.s3.put_object(Bucket=deployment.settings.raw_bucket, Key=key, Body=encode(later))
    second = deployment.folder / "later.gz"
    second.write_bytes(key_bytes([accepted(later)]))
    verdict = deployment.judge(keys=[deployment.key, second], only=["raw", "facts", "duplicates"])
    deployment.s3.delete_object(Bucket=deployment.settings.raw_bucket, Key=key)
    assert set(differences_of(verdict)) == {("facts", "missing")}
    assert verdict.hints == [
        "1 missing facts are in the raw bucket; their raw objects were not read yet: `clickstream compact`"
    ]


def test_a_class_that_nobody_asked_for_is_told_so(deployment: Deployment) -> None:
    verdict = deployment.judge(alerts=())
    assert {grade.name for grade in verdict.classes if not isinstance(grade, Grade)} == {"alerts"}
    only = deployment.judge(only=["facts"])
    assert [grade.name for grade in only.classes if isinstance(grade, Grade)] == ["facts"]


def test_a_large_file_is_read_in_slices_and_no_row_of_it_is_missed(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_rows, "_SLICE_ROWS", 7)
    assert deployment.judge(only=["facts", "conflicts"]).is_right
    with deployment.table_changed("fact_clicks") as facts:
        facts.overwrite(
            moved(facts.scan().to_arrow(), "e050", datetime(2026, 1, 1)),  # noqa: DTZ001
        )
        [[example]] = differences_of(deployment.judge(only=["facts"])).values()
    assert example["id"] == "e050"


def moved(rows: pa.Table, click_id: str, to: datetime) -> pa.Table:
    changed = [row | ({"event_timestamp": to} if row["click_id"] == click_id else {}) for row in rows.to_pylist()]
    return pa.Table.from_pylist(changed, schema=rows.schema)
