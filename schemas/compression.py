"""Compressed bytes to their content, in bounded pieces; of what is cut or damaged all that can be read.

Pure. Whether an object is compressed is seen in its first bytes, not in its name. The decompressors are arguments, so
that each side may bring the ones it can have: any with the interface of `zlib` gives the same bytes up to the damage.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Protocol

GZIP_MAGIC = b"\x1f\x8b"
# Source: RFC 8878, sections 3.1.1 and 3.1.2: a frame, and the sixteen kinds of frames that carry no content.
ZSTD_MAGICS = (b"\x28\xb5\x2f\xfd", *(bytes([kind]) + b"\x2a\x4d\x18" for kind in range(0x50, 0x60)))
_HEAD_BYTES = 4
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# Input between two copies of the decompressor, which cost some tens of kilobytes each; and output of one step.
_GZIP_STEP_BYTES = 64 * 1024
_OUTPUT_BYTES = 256 * 1024
# A step that fails keeps its content to itself, and this decompressor cannot be copied; so the steps are short.
_ZSTD_STEP_BYTES = 1024
# Source: gzip manual, "Tapes": what pads a gzip to a block of a device.
_PADDING = b"\0"


class DamagedError(Exception):
    """The content ends before its end; the message says why."""


class Zlib(Protocol):
    """`zlib`, or a module like it."""

    @property
    def error(self) -> type[Exception]: ...  # noqa: D102
    @property
    def decompressobj(self) -> Callable[..., Any]: ...  # noqa: D102


class Zstd(Protocol):
    """`compression.zstd` of Python 3.14, or a module like it."""

    @property
    def ZstdError(self) -> type[Exception]: ...  # noqa: D102
    @property
    def ZstdDecompressor(self) -> Callable[..., Any]: ...  # noqa: D102


class _Member(Protocol):
    """A member of a gzip, or a frame of a zstd."""

    @property
    def is_over(self) -> bool: ...

    @property
    def unused(self) -> bytes:
        """What was fed beyond its end."""
        ...

    def feed(self, step: bytes) -> Iterator[bytes]:
        """Yield what some input gives; of what fails first all that can be had."""
        ...


def decompressed(chunks: Iterable[bytes], gzip: Zlib, zstd: Zstd) -> Iterator[bytes]:
    """Yield the content of a body, which may be plain, a gzip of one or several members, or a zstd of such frames.

    Args:
        chunks: the body in order, chunks not empty. What is yielded of it does not hang on where they are cut.
        gzip: what reads a gzip.
        zstd: what reads a zstd.

    Raises:
        DamagedError: after all that can be read of it. Of a gzip that is each byte before the damage; of a zstd, the
            content of up to the last 1024 bytes before the damage is not among it. Where only a checksum tells of
            damage, the content may be whole, and some of it not what was written.
    """
    iterator = iter(chunks)
    head = b""
    while len(head) < _HEAD_BYTES and (chunk := next(iterator, b"")):
        head += chunk
    body = chain(filter(None, [head]), iterator)
    if head.startswith(GZIP_MAGIC):
        yield from _content(body, lambda: _GzipMember(gzip), "gzip", _GZIP_STEP_BYTES)
    elif head.startswith(ZSTD_MAGICS):
        yield from _content(body, lambda: _ZstdFrame(zstd), "zstd", _ZSTD_STEP_BYTES)
    else:
        yield from body


def _content(body: Iterable[bytes], begin: Callable[[], _Member], name: str, step_bytes: int) -> Iterator[bytes]:
    member = begin()
    for rest in _steps(body, step_bytes):
        while rest:
            if member.is_over:
                rest = rest.lstrip(_PADDING)
                if not rest:
                    break
                member = begin()
            yield from member.feed(rest)
            rest = member.unused
    if not member.is_over:
        raise DamagedError(f"the {name} ends before its end")


def _steps(body: Iterable[bytes], step_bytes: int) -> Iterator[bytes]:
    """Cut a body anew, wherever its chunks were cut."""
    held = b""
    for chunk in body:
        held += chunk
        whole = len(held) - len(held) % step_bytes
        for at in range(0, whole, step_bytes):
            yield held[at : at + step_bytes]
        held = held[whole:]
    if held:
        yield held


class _GzipMember:
    def __init__(self, gzip: Zlib) -> None:
        self._error = gzip.error
        self._zip = gzip.decompressobj(_GZIP_WINDOW)

    @property
    def is_over(self) -> bool:
        return bool(self._zip.eof)

    @property
    def unused(self) -> bytes:
        unused: bytes = self._zip.unused_data
        return unused

    def feed(self, step: bytes) -> Iterator[bytes]:
        before = self._zip.copy()
        given = 0
        waiting = step
        while True:
            try:
                output = self._zip.decompress(waiting, _OUTPUT_BYTES)
            except self._error as error:
                # The failing call keeps what it had decompressed to itself; byte by byte there is nothing to lose.
                yield from self._bytewise(before, step, given)
                raise DamagedError(f"the gzip is damaged: {error}") from error
            if output:
                given += len(output)
                yield output
            waiting = self._zip.unconsumed_tail
            if self._zip.eof or (not waiting and len(output) < _OUTPUT_BYTES):
                return

    def _bytewise(self, member: Any, step: bytes, skipped: int) -> Iterator[bytes]:
        try:
            for at in range(len(step)):
                output = member.decompress(step[at : at + 1])
                if skipped < len(output):
                    yield output[skipped:]
                skipped = max(0, skipped - len(output))
        except self._error:
            return


class _ZstdFrame:
    def __init__(self, zstd: Zstd) -> None:
        self._error = zstd.ZstdError
        self._zstd = zstd.ZstdDecompressor()

    @property
    def is_over(self) -> bool:
        return bool(self._zstd.eof)

    @property
    def unused(self) -> bytes:
        unused: bytes = self._zstd.unused_data
        return unused

    def feed(self, step: bytes) -> Iterator[bytes]:
        waiting = step
        while True:
            try:
                output = self._zstd.decompress(waiting, _OUTPUT_BYTES)
            except self._error as error:
                raise DamagedError(f"the zstd is damaged: {error}") from error
            if output:
                yield output
            waiting = b""
            if self._zstd.eof or self._zstd.needs_input:
                return
