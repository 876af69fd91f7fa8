"""The answer key as a file, read into the evidence."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from producers.answer_key import Accepted, Entry, Refused, Run, Total, Unsendable
from producers.verify.evidence import Evidence
from producers.verify.key_parts import entries_of
from schemas.errors import ConfigError

_GZIP_MAGIC = b"\x1f\x8b"


def read_key(path: Path, evidence: Evidence) -> tuple[list[Run], list[Total]]:
    """Read an answer key into the evidence and return beginning and end of its parts, one for each process.

    Raises:
        ConfigError: it cannot be read, was cut, or is no answer key.
    """
    runs: list[Run] = []
    totals: list[Total] = []
    try:
        with ExitStack() as stack:
            events, alerts, refused, unsendable = (
                stack.enter_context(evidence.collector(kind)).add
                for kind in ("key_event", "key_alert", "key_refused", "key_unsendable")
            )
            for e in _entries_in(path):
                if isinstance(e, Accepted):
                    events((e.id, e.hour, e.payload, e.line, e.fault, e.alert, e.alert_allowed))
                    if e.alert_content:
                        alerts((e.id, e.alert_content))
                elif isinstance(e, Refused):
                    refused((e.reason, e.line, e.fault))
                elif isinstance(e, Unsendable):
                    unsendable((e.line, e.fault))
                elif isinstance(e, Run):
                    runs.append(e)
                else:
                    totals.append(e)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{path} is damaged or was cut short: {error}") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} holds a digest that is none: {error}") from error
    return runs, totals


def _entries_in(path: Path) -> Iterator[Entry]:
    with path.open("rb") as plain:
        is_gzip = plain.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        plain.seek(0)
        yield from entries_of(gzip.GzipFile(fileobj=plain) if is_gzip else plain, str(path))
