"""Which ports of a running job are open to other machines: what Flink binds, not what it was told to bind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stream_jobs.runtime import free_port

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not Path("/proc/net/tcp").exists(), reason="the kernel tells of sockets in /proc on Linux alone"
    ),
]
_LISTENS = "0A"
# As the kernel writes 127.0.0.1, ::1 and ::ffff:127.0.0.1: words of four bytes, the last one of each first.
_THIS_MACHINE = {"0100007F", "0" * 24 + "01000000", "0" * 16 + "FFFF0000" + "0100007F"}


def test_no_server_of_flinks_listens_beyond_this_machine_but_the_reporter(alert_job: Any) -> None:
    prometheus_port = free_port()
    alert_job.start("--prometheus-port", str(prometheus_port))
    listening = dict(sockets_of(alert_job.process.pid))
    beyond = {port for port, address in listening.items() if address not in _THIS_MACHINE}
    assert beyond == {prometheus_port}
    assert len(listening) > 1  # Flink's REST interface at least


def sockets_of(group: int) -> Iterator[tuple[int, str]]:
    """Port and address on which the processes of a group listen."""
    files: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if os.getpgid(int(process.name)) == group:
                files |= {str(file.readlink()) for file in (process / "fd").iterdir()}
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == _LISTENS and f"socket:[{inode}]" in files:
                address, _, port = local.partition(":")
                yield int(port, 16), address
