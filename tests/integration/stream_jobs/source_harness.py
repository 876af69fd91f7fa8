"""What the tests of the sources run on: a process of Flink's, a link to the emulator that can be cut, and streams."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from schemas.instants import datetime_to_us
from stream_jobs.lives import newest_restart_point

PROJECT = Path(__file__).parents[3]
USERS = 12
COME_S = 60.0


class Link:
    """The emulator at another port, where it can be cut off without losing what it holds."""

    def __init__(self, endpoint: str) -> None:
        address = urlsplit(endpoint)
        assert address.hostname and address.port
        self._far = (address.hostname, address.port)
        self._port = 0
        self._ends: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.mend()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def cut(self) -> None:
        """Refuse connections and break those there are, in the midst of what they carry."""
        listener, self._listener = self._listener, None
        assert listener is not None
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for end in list(self._ends):
            self._close(end)

    def mend(self) -> None:
        """Be there again."""
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        if self._listener is not None:
            self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self._far)
            except OSError:
                return
            self._ends |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        self._close(source)
        self._close(target)

    def _close(self, end: socket.socket) -> None:
        self._ends.discard(end)
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


class Flink:
    """The process that runs sources; it starts when it is first asked, and again after it was killed."""

    def __init__(self, variables: dict[str, str], log: Path) -> None:
        self._variables = variables
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        process = self._process or self._start()
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps({"do": do} | request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            self.kill()
            raise AssertionError(f"the process died:\n{self._log.read_text()[-4000:]}")
        return dict(json.loads(answer))

    def kill(self) -> None:
        """Kill the process and its JVM at once, as `kill -9` does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.stream_jobs.source_runner"],
                cwd=PROJECT,
                env=self._variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        return self._process


@dataclass(frozen=True)
class Seen:
    """One record that came out of a source, and how many of its key there are by then."""

    key: str
    text: str
    size: int
    digest: str
    arrival_us: int
    shard_id: str
    sequence_number: str
    subtask: int
    count: int


class Stream:
    """A stream of its own, with records `user|number` that no two are alike of."""

    _names = count()

    def __init__(self, kinesis: Any, shards: int) -> None:
        self.kinesis = kinesis
        self.name = f"source-{next(self._names)}"
        kinesis.create_stream(StreamName=self.name, ShardCount=shards)
        summary = kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        self.arn = summary["StreamARN"]
        self.created_us = datetime_to_us(summary["StreamCreationTimestamp"])
        self.texts: list[str] = []

    def put(self, records: int) -> None:
        """Put so many records, a user's one after the other."""
        for _ in range(records):
            number = len(self.texts)
            user = f"user-{number % USERS}"
            text = f"{user}|{number}"
            self.kinesis.put_record(StreamName=self.name, PartitionKey=user, Data=text.encode())
            self.texts.append(text)

    def put_bytes(self, data: bytes) -> None:
        self.kinesis.put_record(StreamName=self.name, PartitionKey="user", Data=data)

    def open_shards(self) -> list[dict[str, Any]]:
        """Return the open shards in the order of their keys."""
        shards = self.kinesis.list_shards(StreamName=self.name)["Shards"]
        still_open = [s for s in shards if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
        return sorted(still_open, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))

    def split(self, place: int) -> None:
        shard = self.open_shards()[place]
        low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
        self.kinesis.split_shard(
            StreamName=self.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2)
        )

    def merge(self, place: int) -> None:
        """Merge an open shard with the next one."""
        one, other = (shard["ShardId"] for shard in self.open_shards()[place : place + 2])
        self.kinesis.merge_shards(StreamName=self.name, ShardToMerge=one, AdjacentShardToMerge=other)


def numbers_by_user(seen: Iterable[Seen]) -> dict[str, list[int]]:
    """Return the numbers of each user's records in the order in which they came out."""
    numbers = defaultdict(list)
    for each in seen:
        numbers[each.key].append(int(each.text.partition("|")[2]))
    return numbers


class Load(threading.Thread):
    """Puts records into a stream without a pause, until it is stopped."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._closing = threading.Event()

    def run(self) -> None:
        while not self._closing.wait(0.01):
            self._stream.put(1)

    def comes_on(self, job: SourceJob, wait_until: Callable[[Callable[[], bool], float], None]) -> None:
        """Wait until records of every user have been put from now on and have come out of the job."""
        last = len(self._stream.texts) + 3 * USERS
        wait_until(lambda: len(self._stream.texts) > last and self._stream.texts[last] in job.texts(), COME_S)

    def stop(self) -> None:
        self._closing.set()
        self.join(10)


class SourceJob:
    """The lives of one job that reads one stream by one source."""

    def __init__(self, flink: Flink, source: str, jars: str | None, stream: Stream, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.flink = flink
        self.stream = stream
        self._source = {"source": source, "jars": jars, "stream": stream.name, "arn": stream.arn}
        self._job: dict[str, Any] = {}
        self._last: Path | None = None
        self._seen: list[Seen] = []
        self._read_bytes = 0

    def start(self, start: str = "trim-horizon", parallelism: int = 1, **more: Any) -> None:
        request = self._source | {"folder": str(self.folder), "created_us": self.stream.created_us}
        self._job = self.flink.ask("start", **request, start=start, parallelism=parallelism, **more)

    def start_from(self, restart_point: Path | str | None, parallelism: int = 1) -> None:
        """Start from a checkpoint or savepoint."""
        assert restart_point is not None
        self._last = Path(restart_point)
        self.start(parallelism=parallelism, restart_point=str(restart_point))

    def stop(self) -> str:
        return str(self.flink.ask("stop")["savepoint"])

    def cancel(self) -> None:
        self.flink.ask("cancel")

    def newest_restart_point(self) -> Path | None:
        return newest_restart_point(self.folder, self._last)

    @property
    def rest(self) -> tuple[int, str]:
        return self._job["rest_port"], self._job["job_id"]

    def seen(self) -> list[Seen]:
        """Return what came out so far, in order."""
        with suppress(FileNotFoundError), (self.folder / "seen").open("rb") as file:
            file.seek(self._read_bytes)
            for line in file:
                if line.endswith(b"\n"):
                    self._read_bytes += len(line)
                    self._seen.append(Seen(**json.loads(line)))
        return self._seen

    def forget(self) -> None:
        """Have seen nothing."""
        (self.folder / "seen").unlink()
        self._seen, self._read_bytes = [], 0

    def texts(self) -> Counter[str]:
        return Counter(seen.text for seen in self.seen())

    def is_complete(self) -> bool:
        """Say whether every record of the stream came out."""
        return self.texts().keys() == set(self.stream.texts)
