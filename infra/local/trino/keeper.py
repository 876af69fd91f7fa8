"""Runs a command until it ends or the one who asked is gone: `python keeper.py SECONDS COMMAND...`.

Stdin is a pipe from the parent that nobody writes to. It ends when the parent closes it or dies, by whatever signal.
Then the command is asked to end, and killed after so many seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress


def main(command: list[str], grace_s: float) -> int:
    """Return the exit code of the command."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    # A signal to the keeper is one to what it keeps.
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    threading.Thread(target=_end_with_parent, args=[process, grace_s], daemon=True).start()
    code = process.wait()
    _kill_rest(process.pid)
    return code


def _end_with_parent(process: subprocess.Popen[bytes], grace_s: float) -> None:
    while sys.stdin.buffer.read(1 << 16):
        pass
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()


def _kill_rest(session: int) -> None:
    with suppress(ProcessLookupError):  # nothing was left
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], float(sys.argv[1])))
