"""What of Trino's archive is unpacked: the server, the connectors that are configured, and what those load.

A quarter of the archive, unpacked. Its jars are hard links to one file of each, which may lie in a plugin that is left
out, so it is read twice: once to learn where the bytes of each wanted name are, once to write them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from schemas.errors import WorkFailedError

_KEPT = ("lib/", "plugin/hive/", "plugin/iceberg/", "plugin/tpch/")
# The old Hadoop file systems, and what talks to clouds and catalogues that are not in use here.
_LEFT_OUT = (
    "plugin/hive/hdfs/",
    "plugin/iceberg/hdfs/",
    "com.azure_",
    "com.google.api.grpc_",
    "com.google.cloud",
    "com.microsoft.azure_",
    "com.nimbusds_oauth2",
    "io.grpc_",
    "io.netty_netty-codec-native-quic-",
    "net.snowflake_",
    "netty-tcnative-boringssl-static-",
    "io.netty_netty-tcnative-boringssl-static-",
    "org.alluxio_",
    "org.conscrypt_",
    "org.postgresql_",
    "org.rocksdb_",
)


def selection_digest() -> str:
    """Return eight hex digits that change with what is unpacked."""
    return hashlib.sha256(json.dumps([_KEPT, _LEFT_OUT]).encode()).hexdigest()[:8]


def is_wanted(name: str) -> bool:
    """Say whether a member of the archive, named from below its root folder, is unpacked."""
    if not name.startswith(_KEPT):
        return False
    if name.startswith("lib/"):
        return True
    base = PurePosixPath(name).name
    return not name.startswith(_LEFT_OUT) and not base.startswith(_LEFT_OUT)


def unpack(archive: Path, folder: Path) -> None:
    """Write the wanted files of an archive to a folder that is new.

    Raises:
        WorkFailedError: it cannot be read, or holds nothing that is wanted.
    """
    try:
        places = _places(archive)
        if not places:
            raise WorkFailedError(f"{archive} holds no Trino")
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                if member.isfile() and member.name in places:
                    _write(members, member, [folder / name for name in places[member.name]])
    except tarfile.TarError as error:
        raise WorkFailedError(f"{archive} cannot be unpacked: {error}") from error


def _places(archive: Path) -> dict[str, list[str]]:
    """Return member that holds bytes -> the wanted names that have them."""
    link_to: dict[str, str] = {}
    names: list[str] = []
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            if member.islnk():
                link_to[member.name] = member.linkname
            if member.islnk() or member.isfile():
                names.append(member.name)
    places: dict[str, list[str]] = {}
    for name, inside in _wanted(names):
        holder = name
        while holder in link_to:
            holder = link_to[holder]
        places.setdefault(holder, []).append(inside)
    return places


def _wanted(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, the same from below the root folder) of what is unpacked; no name leads out of the folder."""
    for name in names:
        inside = name.partition("/")[2]
        if is_wanted(inside) and ".." not in PurePosixPath(inside).parts:
            yield name, inside


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, paths: list[Path]) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    content = members.extractfile(member)
    assert content is not None  # noqa: S101 - a regular file has one
    with content, paths[0].open("wb") as file:
        while chunk := content.read(1 << 20):
            file.write(chunk)
    for path in paths[1:]:
        os.link(paths[0], path)
