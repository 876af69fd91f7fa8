"""S3 and Glue as a benchmark needs them: the real clients and the real catalog, answered from a folder in-process.

`folder/raw/clickstream/...` is an object of bucket `raw`. An emulator's own CPU time would outweigh what is measured;
what an answer takes here is a read of a file. No network, no signatures, no concurrency.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from pyarrow import fs
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO

from batch_compaction.lake_tables import Lake

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CURATED_BUCKET = "curated"
_DATABASE = "clickstream"
_FOLDER_PROPERTY = "clickstream.bench-folder"
_PAGE_KEYS = 1000
_OPTIONS: dict[str, Any] = {"region_name": "us-east-1", "endpoint_url": "http://in-process.invalid"}


def s3_of(folder: Path) -> S3Client:
    """Return a client that lists and reads what lies in a folder, a folder in it a bucket."""
    client: S3Client = boto3.client("s3", config=Config(signature_version=UNSIGNED), **_OPTIONS)
    objects = _Objects(folder)
    client.meta.events.register("before-send.s3", _handler(objects.answer))
    return client


def lake_of(folder: Path) -> Lake:
    """Return the lake whose tables lie in a folder; what the catalog knows is in its `glue.json`."""
    glue = boto3.client("glue", config=Config(signature_version=UNSIGNED), **_OPTIONS)
    tables = _Tables(folder / "glue.json")
    glue.meta.events.register("before-send.glue", _handler(tables.answer))
    properties = {"py-io-impl": f"{FolderIO.__module__}.{FolderIO.__name__}", _FOLDER_PROPERTY: str(folder)}
    return Lake(GlueCatalog("glue", client=glue, **properties), _DATABASE, CURATED_BUCKET)


def _handler(answer: Callable[[AWSPreparedRequest], AWSResponse]) -> Callable[..., Any]:
    """Return a handler whose answer botocore takes instead of sending the request."""
    return lambda request, **_: answer(request)


class FolderIO(PyArrowFileIO):
    """Iceberg's files of S3 in a folder."""

    def _initialize_fs(self, scheme: str, netloc: str | None = None) -> fs.FileSystem:
        if scheme != "s3":
            raise ValueError(f"{scheme}:// is not served")
        return _Folder(self.properties[_FOLDER_PROPERTY], fs.LocalFileSystem())


class _Folder(fs.SubTreeFileSystem):  # type: ignore[misc]
    """Takes any key, as S3 does, without a folder being made first."""

    def open_output_stream(self, path: str, *arguments: Any, **named: Any) -> Any:
        self.create_dir(path.rpartition("/")[0], recursive=True)
        return super().open_output_stream(path, *arguments, **named)


class _Part(io.RawIOBase):
    """So many bytes of a file, as botocore reads an answer's body."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def readable(self) -> bool:
        return True

    def read(self, amount: int | None = -1) -> bytes:
        found = self._file.read(self._left if amount is None or amount < 0 else min(amount, self._left))
        self._left -= len(found)
        return found

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def stream(self, amount: int = 1 << 16, decode_content: bool | None = None) -> Iterator[bytes]:
        while part := self.read(amount):
            yield part

    def close(self) -> None:
        self._file.close()
        super().close()


def _response(request: AWSPreparedRequest, status: int, body: bytes) -> AWSResponse:
    return _answer(request, status, _Part(io.BytesIO(body), len(body)), {"Content-Length": str(len(body))})


def _answer(request: AWSPreparedRequest, status: int, body: _Part, headers: Mapping[str, str]) -> AWSResponse:
    return AWSResponse(request.url, status, HTTPHeaders.from_dict(headers), body)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


class _Objects:
    """The part of S3 that reads; no object comes or goes meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, list[str]] = {}

    def answer(self, request: AWSPreparedRequest) -> AWSResponse:
        url = urlsplit(request.url)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if not key and query.get("list-type") == "2":
            return _response(request, 200, self._listing(bucket, query).encode())
        path = self._folder / bucket / key
        if request.method not in ("GET", "HEAD") or not path.is_file():
            return _response(request, 404, b"<Error><Code>NoSuchKey</Code><Message>not there</Message></Error>")
        return self._object(request, path)

    def _object(self, request: AWSPreparedRequest, path: Path) -> AWSResponse:
        size = path.stat().st_size
        start, end, status = 0, size, 200
        if part := request.headers.get("Range"):
            first, _, last = _text(part).removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(size, int(last) + 1 if last else size), 206
        headers = {"Content-Length": str(end - start), "ETag": _etag(path), "Last-Modified": _HTTP_DATE}
        if request.method == "HEAD":
            return _answer(request, status, _Part(io.BytesIO(), 0), headers)
        file = path.open("rb")
        file.seek(start)
        return _answer(request, status, _Part(file, end - start), headers)

    def _listing(self, bucket: str, query: Mapping[str, str]) -> str:
        if "delimiter" in query:
            raise NotImplementedError("a listing by folders")
        prefix = query.get("prefix", "")
        after = query.get("continuation-token") or query.get("start-after") or ""
        keys = [key for key in self._keys_of(bucket) if key.startswith(prefix) and key > after]
        page = keys[: int(query.get("max-keys", _PAGE_KEYS))]
        items = "".join(self._item(key, self._folder / bucket / key) for key in page)
        more = ""
        if len(page) < len(keys):
            more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
        is_cut = str(bool(more)).lower()
        return f"<ListBucketResult>{items}<IsTruncated>{is_cut}</IsTruncated>{more}</ListBucketResult>"

    def _item(self, key: str, path: Path) -> str:
        return (
            f"<Contents><Key>{escape(key)}</Key><Size>{path.stat().st_size}</Size><ETag>{_etag(path)}</ETag>"
            f"<LastModified>{_ISO_DATE}</LastModified></Contents>"
        )

    def _keys_of(self, bucket: str) -> list[str]:
        if bucket not in self._keys:
            root = self._folder / bucket
            files = (path for path in root.rglob("*") if path.is_file())
            self._keys[bucket] = sorted(path.relative_to(root).as_posix() for path in files)
        return self._keys[bucket]


# Objects are told apart by their folders and etags alone.
_ISO_DATE, _HTTP_DATE = "2026-11-25T00:00:00.000Z", "Wed, 25 Nov 2026 00:00:00 GMT"


def _etag(path: Path) -> str:
    found = path.stat()
    return f'"{found.st_size:x}-{found.st_mtime_ns:x}"'


class _Tables:
    """The part of Glue that a catalog of Iceberg tables needs, kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._state: dict[str, dict[str, Any]] = {"databases": {}, "tables": {}}
        if file.exists():
            self._state = json.loads(file.read_text(encoding="utf-8"))

    def answer(self, request: AWSPreparedRequest) -> AWSResponse:
        operation = _text(request.headers["X-Amz-Target"]).rpartition(".")[2]
        asked = request.body
        if not isinstance(asked, str | bytes):
            raise TypeError(f"a body of {type(asked)}")
        try:
            answer = self._do(operation, json.loads(asked))
        except _RefusedError as refused:
            return _response(request, 400, json.dumps({"__type": str(refused), "Message": operation}).encode())
        return _response(request, 200, json.dumps(answer).encode())

    def _do(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        databases, tables = self._state["databases"], self._state["tables"]
        if operation == "GetDatabase":
            return {"Database": _found(databases, asked["Name"])}
        if operation == "CreateDatabase":
            self._put(databases, asked["DatabaseInput"]["Name"], asked["DatabaseInput"])
            return {}
        database, given = asked["DatabaseName"], asked.get("TableInput", {})
        name = f"{database}.{given.get('Name') or asked['Name']}"
        if operation == "GetTable":
            return {"Table": _found(tables, name)}
        version = 0
        if operation == "UpdateTable":
            held = _found(tables, name)["VersionId"]
            if asked.get("VersionId", held) != held:
                raise _RefusedError("ConcurrentModificationException")
            version = int(held) + 1
        elif operation != "CreateTable":
            raise NotImplementedError(operation)
        self._put(tables, name, {**given, "DatabaseName": database, "VersionId": str(version)}, is_new=not version)
        return {}

    def _put(self, into: dict[str, Any], name: str, value: Any, is_new: bool = True) -> None:
        if is_new and name in into:
            raise _RefusedError("AlreadyExistsException")
        into[name] = value
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._state), encoding="utf-8")


class _RefusedError(Exception):
    """Named as Glue names it."""


def _found(among: Mapping[str, Any], name: str) -> Any:
    if name not in among:
        raise _RefusedError("EntityNotFoundException")
    return among[name]
