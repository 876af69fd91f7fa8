"""Libraries that a process has loaded, kept out of the way of its work."""

from __future__ import annotations

import gc


def pass_over_loaded() -> None:
    """Have the garbage collector pass over all that is there by now, once in a process.

    Modules and classes live as long as the process, and there are so many of them that looking through them again and
    again would take a tenth of a large run.
    """
    if not gc.get_freeze_count():
        gc.freeze()
