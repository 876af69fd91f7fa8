"""The parts of an answer key, each whole: its run, its entries, and the total that counts them.

Pure. Refuses a key that was cut or joined wrongly before anything is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from producers.answer_key import VERSION, Entry, Refused, Run, Total, Unsendable
from schemas.errors import ConfigError

_decode = msgspec.json.Decoder(Entry).decode


def entries_of(lines: Iterable[bytes], name: str) -> Iterator[Entry]:
    """Yield the entries of a key in order.

    Args:
        lines: the lines of one or several parts, one after another.
        name: what to call the key in an error.

    Raises:
        ConfigError: a line is no entry, or a part lacks its beginning, its end, or some of what its end counts.
    """
    part: _Part | None = None
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            entry = _decode(line)
            if isinstance(entry, Run):
                part = _begun(entry, part)
            elif part is None:
                raise ValueError("outside of a run")
            elif isinstance(entry, Total):
                part.require(entry)
                part = None
            else:
                part.count(entry)
        except msgspec.DecodeError as error:
            raise ConfigError(f"{name} is no answer key: line {number}: {error}") from error
        except ValueError as error:
            raise ConfigError(f"{name}, line {number}: {error}") from error
        yield entry
    if part is not None:
        raise ConfigError(f"{name} has no end: the run that wrote it was cut short")
    if number == 0:
        raise ConfigError(f"{name} is empty")


class _Part:
    """The entries of one process so far."""

    def __init__(self) -> None:
        self.lines = self.refused = self.unsendable = 0

    def count(self, entry: Entry) -> None:
        self.lines += 1
        self.refused += isinstance(entry, Refused)
        self.unsendable += isinstance(entry, Unsendable)

    def require(self, total: Total) -> None:
        counted = self.lines, self.refused, self.unsendable
        promised = total.lines, sum(total.refused.values()), total.unsendable
        if counted != promised:
            raise ValueError(
                "{} entries, {} refused, {} unsendable; its end counts {}, {}, {}".format(*counted, *promised)
            )


def _begun(run: Run, before: _Part | None) -> _Part:
    if before is not None:
        raise ValueError("a part begins before the end of the one before it")
    if run.version != VERSION:
        raise ValueError(f"version {run.version!r}; this reads {VERSION!r}")
    return _Part()
