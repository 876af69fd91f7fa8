"""Numba's cache of compiled functions: filled before the first run, and put where it can be used.

To compile them takes some six seconds of CPU, to load them half of one. `python -m batch_compaction.compile_cache`
fills the cache, by reading some lines as a run does. Numba uses no cache in a folder that it cannot write to; where
that is so, as for a Lambda function, the folder is copied to one that it can.

Source: Numba's reference manual, "Environment variables": NUMBA_CACHE_DIR, NUMBA_CPU_NAME.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

FOLDER_VARIABLE = "NUMBA_CACHE_DIR"
# A plain line, one with an alias and without metadata, and one that only the codec reads.
_LINES = (
    b'{"event_id":"a","user_id":"u","session_id":"s","event_type":"click",'
    b'"event_timestamp":"2026-11-24T10:00:00.000001Z","device_type":"mobile","metadata":{"country":"DE"},'
    b'"producer_id":"p","producer_seq":1}\n'
    b'{"event_id":"b","user_id":"\xc3\xbc","session_id":"s","action":"click","timestamp":1795946400000}\n'
    b"{broken\n"
)


def fill() -> None:
    """Have everything compiled that a run calls."""
    from batch_compaction.parse import parse_block
    from batch_compaction.raw import RawObject
    from batch_compaction.text_hashes import hashes_of
    from schemas.blocks import Block

    for lines in (_LINES, _LINES.replace(b"\xc3\xbc", b"u")):
        raw = RawObject("bucket", "key", "etag", len(lines), arrival_hour_us=1_795_944_000_000_000)
        parsed = parse_block(raw, Block(lines, first_offset=0))
        hashes_of(parsed.accepted["click_id"])


def use_writable_folder(environment: MutableMapping[str, str]) -> None:
    """Have Numba use a copy of its cache where the one that the environment names cannot be written to.

    To be called before Numba is imported.
    """
    named = environment.get(FOLDER_VARIABLE)
    if not named or not Path(named).is_dir() or _is_writable(Path(named)):
        return
    copy = Path(tempfile.mkdtemp(prefix="clickstream-numba-"))
    shutil.copytree(named, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for folder in _folders(copy):
        folder.chmod(0o700)
    environment[FOLDER_VARIABLE] = str(copy)


def _is_writable(folder: Path) -> bool:
    """Say whether files can be made in a folder and in each of those in it; tried, as Numba does."""
    try:
        for each in _folders(folder):
            tempfile.TemporaryFile(dir=each).close()
    except OSError:
        return False
    return True


def _folders(folder: Path) -> list[Path]:
    return [folder, *filter(Path.is_dir, folder.rglob("*"))]


def main() -> int:
    """Fill the cache."""
    fill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
