"""A large file over HTTP: to a place where it is whole and the pinned one, or not at all.

What came before the connection broke is kept, and the next attempt goes on from there.
"""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from schemas.errors import WorkFailedError

_ATTEMPTS = 4
_PAUSE_S = 1.0
_TIMEOUT_S = 60.0
_CHUNK_BYTES = 1 << 20
_MIB = 1 << 20
_STEP_MIB = 100

Tell = Callable[[str], None]


def download(url: str, sha256: str, to: Path, tell: Tell, pause_s: float = _PAUSE_S) -> None:
    """Fetch a file; only one process at a time may do so to the same place.

    Args:
        url: its address.
        sha256: its digest, in hex.
        to: where it lies afterwards; what is not whole lies beside, with `.partial` at its end.
        tell: called with a line for people as it goes on.
        pause_s: before the second attempt; doubled before each further one.

    Raises:
        WorkFailedError: it cannot be had, or is another file, which is removed.
    """
    partial = to.with_name(f"{to.name}.partial")
    if to.exists():  # of a process that ended before it had used it: found to be whole, or not
        to.replace(partial)
    for attempt in range(1, _ATTEMPTS + 1):
        begun_bytes = partial.stat().st_size if partial.exists() else 0
        try:
            _append(url, partial, tell)
        except (OSError, HTTPException) as error:
            if _is_final(error) or attempt == _ATTEMPTS:
                raise WorkFailedError(f"{url} cannot be fetched: {error}; what came is kept, run it again") from error
            tell(f"  attempt {attempt} ended early ({error}); it goes on from where it was")
            time.sleep(pause_s * 2 ** (attempt - 1))
            continue
        found = _digest(partial)
        if found == sha256:
            partial.replace(to)
            return
        partial.unlink()
        if not begun_bytes:
            raise WorkFailedError(f"{url} is not the file that is pinned: its SHA-256 is {found}, not {sha256}")
        tell("  the parts of two attempts do not fit together; it is fetched anew")
    raise WorkFailedError(f"{url} could not be fetched whole in {_ATTEMPTS} attempts")


def _append(url: str, partial: Path, tell: Tell) -> None:
    """Bring a partial file to its end."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 (pinned)
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310 (pinned by its digest)
    except urllib.error.HTTPError as error:
        if have and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # there is no more of it
        raise
    with answer:
        # A server that knows no ranges sends the whole file.
        goes_on = answer.status == HTTPStatus.PARTIAL_CONTENT
        length = int(answer.headers.get("Content-Length") or 0)
        done = have if goes_on else 0
        whole = done + length
        with partial.open("ab" if goes_on else "wb") as file:
            while chunk := answer.read(_CHUNK_BYTES):
                file.write(chunk)
                told, done = done // (_STEP_MIB * _MIB), done + len(chunk)
                if done // (_STEP_MIB * _MIB) > told:
                    tell(f"  {done // _MIB:,} of {whole // _MIB:,} MiB")
        if length and done < whole:
            raise ConnectionError(f"the connection closed after {done:,} of {whole:,} bytes")


def _is_final(error: Exception) -> bool:
    """Say whether the server answered, and would answer the same again."""
    return isinstance(error, urllib.error.HTTPError) and error.code < HTTPStatus.INTERNAL_SERVER_ERROR


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
