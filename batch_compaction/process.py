"""What a process sets up once before it reads and writes many rows."""

from __future__ import annotations

import gc
import sys
from collections.abc import MutableMapping

_ALLOCATOR = "ARROW_DEFAULT_MEMORY_POOL"


def choose_allocator(environment: MutableMapping[str, str]) -> None:
    """Have Arrow take its memory from jemalloc, unless the environment says otherwise; before Arrow is loaded.

    What jemalloc has free goes back to the system, while the allocator that Arrow would choose keeps half a gigabyte of
    it after many small pieces. Arrow has it on Linux.

    Source: Arrow's documentation, "Environment variables".
    """
    if sys.platform == "linux":
        environment.setdefault(_ALLOCATOR, "jemalloc")


def leave_loaded_alone() -> None:
    """Have the garbage collector leave alone what is there by now, once in a process.

    Modules and classes live as long as the process, and there are so many of them that looking through them again and
    again would take a tenth of a large run.
    """
    if not gc.get_freeze_count():
        gc.freeze()
