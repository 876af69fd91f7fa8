"""What the function's process tells those who watch it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from infra.local.state import replace_file

_PROGRESS_FILE = "progress.json"


class FunctionProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What the function has done since its process began.

    Attributes:
        batches: invocations.
        messages: in them.
        left: of those, the ones left to be tried again.
        errors: invocations that ended without an answer, or too late.
    """

    batches: int = 0
    messages: int = 0
    left: int = 0
    errors: int = 0


def read_function_progress(folder: Path) -> FunctionProgress | None:
    """Return the last progress, or None before the process works."""
    try:
        return msgspec.json.decode((folder / _PROGRESS_FILE).read_bytes(), type=FunctionProgress)
    except FileNotFoundError:
        return None


def write_function_progress(folder: Path, progress: FunctionProgress) -> None:
    """Replace the progress."""
    replace_file(folder / _PROGRESS_FILE, msgspec.json.encode(progress))
