"""One behaviour of both sources, each run by Flink in a process of its own against the emulator.

The connector's part runs where `CLICKSTREAM_CONNECTOR_JARS` names its jar or a folder of jars.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from schemas.instants import format_instant_us
from schemas.kpl import Aggregator
from stream_jobs.connector import MAVEN_COORDINATES, ConnectorConfig, source_options
from stream_jobs.job_status import JobStatus
from stream_jobs.shards import start_of
from tests.integration.stream_jobs.source_harness import COME_S, Flink, Link, Load, SourceJob, Stream, numbers_by_user

pytestmark = pytest.mark.timeout(300)
CONNECTOR_JARS = os.environ.get("CLICKSTREAM_CONNECTOR_JARS")

WaitUntil = Callable[[Callable[[], bool], float], None]
MakeJob = Callable[[int], SourceJob]


@pytest.fixture(scope="module")
def link(emulator: Any) -> Iterator[Link]:
    link = Link(emulator.endpoint)
    yield link
    link.close()


@pytest.fixture(scope="module")
def flink(emulator: Any, link: Link, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flink]:
    variables = {**os.environ, **emulator.environment, "AWS_ENDPOINT_URL": link.endpoint}
    flink = Flink(variables, tmp_path_factory.mktemp("flink") / "log")
    yield flink
    flink.kill()


@pytest.fixture(scope="module", params=["poller", "connector"])
def source(request: pytest.FixtureRequest) -> str:
    if request.param == "connector" and not CONNECTOR_JARS:
        pytest.skip("CLICKSTREAM_CONNECTOR_JARS does not say where the jar of Flink's Kinesis connector is")
    return str(request.param)


@pytest.fixture
def job_on(emulator: Any, flink: Flink, source: str, tmp_path: Path) -> MakeJob:
    """A function that makes a stream of so many shards and a job that reads it; the job is not started."""

    def make(shards: int) -> SourceJob:
        stream = Stream(emulator.client("kinesis"), shards)
        return SourceJob(flink, source, CONNECTOR_JARS, stream, tmp_path / stream.name)

    return make


def test_every_record_arrives_as_it_was_put_with_its_arrival(
    job_on: MakeJob, source: str, wait_until: WaitUntil
) -> None:
    job = job_on(2)
    aggregator = Aggregator(50_000)
    for number in range(3):
        assert aggregator.add("user", b"event %d" % number)
    bodies = [
        aggregator.drain(),
        b'{"plain": "\xc3\xbc"}\xff\x00\x80',
        b"one line\nanother\n\n",
        b"\x00",
        os.urandom((1 << 20) - len("user")),
    ]
    before_us = time.time_ns() // 1000
    for body in bodies:
        job.stream.put_bytes(body)
    after_us = time.time_ns() // 1000

    job.start()
    wait_until(lambda: len(job.seen()) >= len(bodies), COME_S)
    seen = job.seen()
    job.cancel()
    assert [each.digest for each in seen] == [hashlib.sha256(body).hexdigest() for body in bodies]
    assert [each.size for each in seen] == [len(body) for body in bodies]
    assert all(before_us - 1000 <= each.arrival_us <= after_us for each in seen)
    numbers = [each.sequence_number for each in seen]
    assert numbers == (["1", "2", "3", "4", "5"] if source == "poller" else [""] * 5)
    assert {each.shard_id for each in seen} <= ({"shardId-000000000000", "shardId-000000000001"} | {""})


def test_a_job_begins_with_what_comes_from_now_on_or_from_an_instant_on(job_on: MakeJob, wait_until: WaitUntil) -> None:
    job = job_on(2)
    job.stream.put(20)
    old_us = time.time_ns() // 1000
    wait_until(lambda: time.time_ns() // 1000 > old_us + 10_000, 5)
    between_us = time.time_ns() // 1000
    job.stream.put(20)
    for choice, expected in ((format_instant_us(between_us), 40), ("latest", 20)):
        now_us = time.time_ns() // 1000
        job.start(start_of(choice, now_us))
        job.stream.put(20)
        wanted = Counter(job.stream.texts[-expected:])
        wait_until(lambda wanted=wanted: job.texts() >= wanted, COME_S)  # type: ignore[misc]
        job.cancel()
        assert job.texts() == wanted
        job.forget()


def test_failures_of_the_service_and_its_absence_neither_lose_nor_repeat(
    job_on: MakeJob, emulator: Any, link: Link, wait_until: WaitUntil
) -> None:
    job = job_on(2)
    job.start()
    load = Load(job.stream)  # it writes past the link, so that only faults of reading are its concern
    load.start()
    load.comes_on(job, wait_until)
    emulator.inject(
        **{
            "kinesis.GetRecords": [
                {"error": "ProvisionedThroughputExceededException", "times": 4},
                {"error": "InternalFailure", "times": 4},
                {"error": "ServiceUnavailable", "status": 503, "times": 2},
            ],
            "kinesis.ListShards": {"error": "LimitExceededException"},
        }
    )
    load.comes_on(job, wait_until)
    link.cut()
    put_then = len(job.stream.texts)
    wait_until(lambda: len(job.stream.texts) > put_then + 200, COME_S)
    link.mend()
    load.stop()
    wait_until(job.is_complete, COME_S)
    emulator.clear_faults()
    job.cancel()
    assert job.texts() == Counter(job.stream.texts)


def test_killed_in_mid_stream_it_goes_on_from_the_newest_checkpoint(job_on: MakeJob, wait_until: WaitUntil) -> None:
    job = job_on(2)
    job.start()
    load = Load(job.stream)
    load.start()
    wait_until(lambda: job.newest_restart_point() is not None, COME_S)
    load.comes_on(job, wait_until)
    job.flink.kill()
    job.start_from(job.newest_restart_point())
    load.comes_on(job, wait_until)
    load.stop()
    wait_until(job.is_complete, COME_S)
    job.cancel()
    counts = {seen.key: seen.count for seen in job.seen()}
    assert counts == Counter(text.partition("|")[0] for text in job.stream.texts), "what the state holds is not exact"


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_split_and_merges_under_load_and_a_stop_in_between(
    job_on: MakeJob, source: str, parallelism: int, wait_until: WaitUntil
) -> None:
    """The second life has another parallelism than the first: positions and ended shards are dealt out anew."""
    job = job_on(2)
    load = Load(job.stream)
    load.start()

    job.start(parallelism=parallelism)
    load.comes_on(job, wait_until)
    job.stream.split(0)
    load.comes_on(job, wait_until)
    savepoint = job.stop()
    first_life = len(job.seen())
    job.start_from(savepoint, 3 - parallelism)
    load.comes_on(job, wait_until)
    job.stream.merge(0)  # the children of the split, which end in this life
    load.comes_on(job, wait_until)
    job.stream.merge(0)  # what came of it, and the shard that was there from the beginning
    load.comes_on(job, wait_until)
    load.stop()
    wait_until(job.is_complete, COME_S)
    job.cancel()

    seen = job.seen()
    assert job.texts() == Counter(job.stream.texts), "a record is lost, or there twice"
    if source == "poller":
        assert {each.shard_id for each in seen} == {f"shardId-00000000000{number}" for number in range(6)}
    life_of_one_subtask = seen[:first_life] if parallelism == 1 else seen[first_life:]
    for numbers in numbers_by_user(life_of_one_subtask).values():
        assert numbers == sorted(numbers), "a user's order is broken"


def test_shards_are_spread_over_subtasks(job_on: MakeJob, wait_until: WaitUntil) -> None:
    job = job_on(4)
    job.stream.put(200)
    job.start(parallelism=2)
    wait_until(job.is_complete, COME_S)
    job.cancel()
    assert job.texts() == Counter(job.stream.texts)
    read_by = {(seen.subtask, seen.shard_id) for seen in job.seen()}
    assert {subtask for subtask, _ in read_by} == {0, 1}
    if job.seen()[0].shard_id:
        assert Counter(subtask for subtask, _ in read_by) == {0: 2, 1: 2}


class TestPoller:
    """What is the poller's alone."""

    @pytest.fixture
    def job(self, emulator: Any, flink: Flink, tmp_path: Path) -> SourceJob:
        return SourceJob(flink, "poller", None, Stream(emulator.client("kinesis"), 2), tmp_path / "job")

    def test_an_attempt_that_fails_is_followed_by_one_from_the_checkpoint(
        self, job: SourceJob, link: Link, wait_until: WaitUntil
    ) -> None:
        job.start(parallelism=2, outage_deadline_s=2.0)
        job.stream.put(50)
        wait_until(job.is_complete, COME_S)
        job.stream.split(0)
        job.stream.put(50)
        wait_until(job.is_complete, COME_S)
        wait_until(lambda: job.newest_restart_point() is not None, COME_S)
        # Flink collects metrics from time to time only.
        wait_until(lambda: gauges(*job.rest) == {"millis_behind_latest": {0}, "unsettled": {0}}, COME_S)
        link.cut()
        wait_until(lambda: JobStatus(*job.rest).read().restarts > 0, COME_S)
        link.mend()
        job.stream.merge(0)
        job.stream.put(50)
        wait_until(job.is_complete, COME_S)
        job.cancel()
        counts = {seen.key: seen.count for seen in job.seen()}
        assert counts == Counter(text.partition("|")[0] for text in job.stream.texts)


def gauges(rest_port: int, job_id: str) -> dict[str, set[int]]:
    """What the subtasks of a job give for the poller's gauges."""

    def rest(path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{rest_port}/jobs/{job_id}{path}", timeout=5) as answer:
            return json.load(answer)

    found: dict[str, set[int]] = {}
    for vertex in rest("")["vertices"]:
        metrics = f"/vertices/{vertex['id']}/subtasks/metrics"
        for metric in rest(metrics):
            name = metric["id"].rpartition(".")[2]
            if name in ("millis_behind_latest", "unsettled"):
                (value,) = rest(f"{metrics}?get={metric['id']}")
                found.setdefault(name, set()).update((value["min"], value["max"]))
    return found


class TestBeside:
    """What both rest on, and what can be known of the connector without its jar."""

    def test_spread_keys_give_each_subtask_its_share_and_stay_the_same(self, flink: Flink, tmp_path: Path) -> None:
        cases = [(1, 1), (2, 2), (2, 4), (3, 3), (4, 3), (4, 4), (4, 32), (8, 1), (8, 2), (8, 8), (48, 48), (4, 128)]
        answers = flink.ask("spread", cases=cases, folder=str(tmp_path))["answers"]
        keys: dict[int, set[tuple[int, ...]]] = {}
        for (count, parallelism), answer in zip(cases, answers, strict=True):
            assert len(set(answer["keys"])) == count
            assert max(Counter(answer["subtasks"]).values()) == -(-count // parallelism)
            if parallelism <= 85:
                keys.setdefault(count, set()).add(tuple(answer["keys"]))
        assert all(len(each) == 1 for each in keys.values())
        of_eight = dict(zip(cases, answers, strict=True))[8, 2]["subtasks"]
        assert of_eight == [0, 1] * 4

    def test_a_timestamped_stream_becomes_records_with_their_arrival(self, flink: Flink, tmp_path: Path) -> None:
        to_come_ms = round(time.time() * 1000) + 3_600_000
        texts = ["1795514400001 a", f"{to_come_ms} b"]
        answer = flink.ask("timestamps", texts=texts, folder=str(tmp_path))
        assert answer["records"] == [
            [texts[0], 1_795_514_400_001_000, "", "", True],
            [texts[1], to_come_ms * 1000, "", "", False],
        ], "what arrived before the attempt began is backlog"

    @pytest.mark.skipif(bool(CONNECTOR_JARS), reason="the jar is at hand, and stays loaded")
    def test_without_its_jar_the_connector_says_what_to_do(self, flink: Flink, tmp_path: Path) -> None:
        request = {"source": "connector", "start": "trim-horizon", "folder": str(tmp_path)}
        answer = flink.ask("start", **request, arn="arn:aws:kinesis:us-east-1:123456789012:stream/clickstream")
        assert MAVEN_COORDINATES in answer["config_error"]

    def test_jars_are_found_in_a_folder_with_a_space_in_its_name(self, flink: Flink, tmp_path: Path) -> None:
        folder = tmp_path / "some jars"
        folder.mkdir()
        for name in ("one", "other"):
            with zipfile.ZipFile(folder / f"{name}.jar", "w") as jar:
                jar.writestr(f"found-{name}", "")
        for name in ("one", "other"):
            request = {"jars": str(folder), "folder": str(tmp_path), "name": f"found-{name}"}
            assert flink.ask("has_class_path_entry", **request)["found"]

    def test_the_connector_reads_an_instant_as_it_was_meant(self, flink: Flink, tmp_path: Path) -> None:
        config = ConnectorConfig("arn:aws:kinesis:us-east-1:123456789012:stream/clickstream", "at:1795514400009999")
        text = source_options(config)["source.init.timestamp"]
        assert flink.ask("parsed_start", text=text, folder=str(tmp_path))["millis"] == 1_795_514_400_009
