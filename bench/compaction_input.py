"""The input of the compaction benchmark on disk: raw objects as Firehose delivers them, plain and as gzip.

A shape gives the same bytes each time. Objects are written in pieces, so memory does not grow with the shape. What the
lines are: `compaction_lines`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench import compaction_lines
from bench.compaction_lines import Lines, Skew
from schemas.lake import RAW_PREFIX, firehose_object

RAW_BUCKET = "raw"
PLAIN, GZIP = "plain", "gzip"
_PIECE_LINES = 25_000
_PRODUCERS = 16


@dataclass(frozen=True, slots=True)
class Shape:
    """How large an input is, and how skewed.

    Attributes:
        events: lines, all together.
        objects: raw objects, of about one size.
        hot_user: share of events of one user.
        hot_hour: share of events of one hour; 0 for an even day.
    """

    events: int
    objects: int = 16
    hot_user: float = 0.0
    hot_hour: float = 0.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        facts: distinct events among the lines.
        bad: lines that are no events.
        plain_bytes: the size of all lines, not compressed.
    """

    lines: int
    facts: int
    bad: int
    plain_bytes: int


@dataclass(frozen=True, slots=True)
class Input:
    """An input on disk: `plain/raw/clickstream/...`, and its gzip twin under `gzip`."""

    folder: Path
    written: Written

    def buckets(self, form: str) -> Path:
        """Return the folder of the buckets in one form."""
        return self.folder / form


def make(cache: Path, shape: Shape, forms: Sequence[str], say: Callable[[str], None]) -> Input:
    """Return the input of a shape in the given forms, made where the cache does not hold it yet."""
    lines = Lines(shape.seed, Skew(max(1, shape.events // 10), shape.hot_user, shape.hot_hour))
    folder = cache / f"{shape.events}-{_fingerprint(shape, lines)}"
    manifest = folder / "manifest.json"
    if not manifest.exists():
        shutil.rmtree(folder, ignore_errors=True)
        say(f"making {shape.events:,} lines in {folder}")
        written = _write(shape, lines, folder / PLAIN / RAW_BUCKET)
        manifest.write_text(json.dumps(asdict(written)), encoding="utf-8")
    found = Input(folder, Written(**json.loads(manifest.read_text(encoding="utf-8"))))
    if GZIP in forms and not found.buckets(GZIP).exists():
        say("making their gzip twins")
        _compress(found.buckets(PLAIN), found.buckets(GZIP))
    return found


def _fingerprint(shape: Shape, lines: Lines) -> str:
    makers = [Path(module).read_bytes() for module in (__file__, compaction_lines.__file__)]
    return hashlib.sha256(b"".join([repr(shape).encode(), *makers, *lines.texts])).hexdigest()[:12]


def _write(shape: Shape, lines: Lines, bucket: Path) -> Written:
    bad = repeats = plain_bytes = 0
    carried: list[bytes] = []
    for number in range(shape.objects):
        first, last = (shape.events * place // shape.objects for place in (number, number + 1))
        rng = np.random.default_rng([shape.seed, number])
        object_id = str(uuid.UUID(bytes=rng.bytes(16), version=4))
        oldest_us = int(lines.arrival_us(np.array([first / shape.events]))[0])
        path = bucket / f"{RAW_PREFIX}{firehose_object('clickstream', oldest_us, object_id)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        pieces = max(1, round((last - first) / _PIECE_LINES))
        onward: list[bytes] = []
        with path.open("wb") as file:
            for place in range(pieces):
                start, end = (first + (last - first) * edge // pieces for edge in (place, place + 1))
                span = (start / shape.events, end / shape.events)
                again = carried[place::pieces]
                piece = lines.piece(rng, end - start, span, again, f"web-{number % _PRODUCERS:02d}")
                bad, repeats = bad + piece.bad, repeats + piece.repeats
                onward += piece.onward
                plain_bytes += file.write(b"\n".join(piece.lines) + b"\n")
        carried = onward
    return Written(shape.events, shape.events - bad - repeats, bad, plain_bytes)


def _compress(plain: Path, target: Path) -> None:
    """Write the twin of every file; the folder has its name when all are there."""
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    files = [path for path in plain.rglob("*") if path.is_file()]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(lambda path: _compress_file(path, unfinished / f"{path.relative_to(plain)}.gz"), files))
    unfinished.rename(target)


def _compress_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        source.open("rb") as lines,
        target.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as body,
    ):
        shutil.copyfileobj(lines, body, 1 << 20)
