"""A wall clock that a long run moves, for the programs that it starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


class LeftOutError(Exception):
    """The case cannot be run on this machine; the text says what it lacks."""


def shifting_clock(folder: Path) -> tuple[dict[str, str], Callable[[int], None]]:
    """Return the variables under which a program has a clock of its own, and what sets that so many seconds off.

    Raises:
        LeftOutError: there is no C compiler.
    """
    source, library, offset = Path(__file__).with_suffix(".c"), folder / "clock.so", folder / "offset"
    if (compiler := shutil.which("cc")) is None:
        raise LeftOutError("there is no C compiler on this machine")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    offset.write_bytes(bytes(8))

    def shift(seconds: int) -> None:
        with offset.open("r+b") as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))

    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(offset)}, shift
