"""One processor for the threads that run Python.

Only one of them runs at a time, for they share the interpreter's lock. On several processors each hand-over of the lock
wakes another processor first, while nobody works; on one it is a switch of threads.
"""

from __future__ import annotations

import os


def share_one_processor() -> None:
    """Have the calling thread, and the threads that it will start, run where the job's other Python threads run.

    A system that keeps no thread to a processor is left as it is.
    """
    if hasattr(os, "sched_setaffinity"):
        # The process's first thread runs no operator, so it still has what the process may use.
        allowed = sorted(os.sched_getaffinity(os.getpid()))
        os.sched_setaffinity(0, {allowed[os.getpid() % len(allowed)]})
