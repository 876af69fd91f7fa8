"""Hours that do not fit into the memory of a run: from the disk come the same bytes, and memory keeps its bounds."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

from bench.compaction_place import HOUR, RAW_BUCKET, Place, differences
from bench.compaction_runs import key_of
from bench.compaction_services import lake_of
from schemas.instants import HOUR_US, format_instant_us
from schemas.tables import QUARANTINE

ROOT = Path(__file__).parents[3]
EVENTS = 250_000
# Lines of a thousand bytes; sorted in memory, they would take more than twice that peak.
REJECTED = 400_000
# What a run is given at least, and what all of the process may take then.
SMALL_MIB, PEAK_MIB = 640, 900
_PROGRAM = """
import json, sys
from pathlib import Path
from batch_compaction.find import find_all
from batch_compaction.run import MEBIBYTE, Run, compact
from bench.compaction_place import ALL_CLOSED, RAW_BUCKET
from bench.compaction_services import lake_of, s3_of
folder, memory_mib = Path(sys.argv[1]), int(sys.argv[2])
s3 = s3_of(folder)
find = lambda: find_all(s3, RAW_BUCKET)
report = compact(Run(s3, find, lake_of(folder), ALL_CLOSED, "run", lambda _: None, memory_bytes=memory_mib * MEBIBYTE))
# Not ru_maxrss, which begins with what the parent had.
status = Path("/proc/self/status").read_text()
peak_mib = int(status.partition("VmHWM:")[2].split()[0]) // 1024
print(json.dumps([peak_mib, [hour.facts for hour in report.hours]]))
"""

_SORT = """
import sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from batch_compaction.sorting import Room, sorted_groups
from schemas.errors import WorkFailedError
schema = pa.schema([pa.field("at", pa.timestamp("us")), pa.field("id", pa.string())])
def pieces():
    for number in range(10):
        at = pa.array(np.arange(40_000) * 7_919 % 40_009).cast(pa.timestamp("us"))
        ids = pa.array([f"{place * 2654435761 % 2**32:0100d}" for place in range(40_000)])
        yield pa.table([at, ids], schema=schema)
try:
    list(sorted_groups(pieces(), 1 << 40, schema, ("at", "id"), Room(0, 24 << 20, Path(sys.argv[1]))))
except WorkFailedError as error:
    print(error)
"""


def test_an_hour_from_the_disk_has_the_bytes_of_one_from_memory(tmp_path: Path) -> None:
    """Two objects of one hour, of which the second says again what the first said: each row is compared, and sorted."""
    small, large = Place(tmp_path / "small"), Place(tmp_path / "large")
    for number in range(2):
        path = small.folder / RAW_BUCKET / key_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(line_of(place) for place in range(EVENTS))
        twin = large.folder / RAW_BUCKET / key_of(number)
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.hardlink_to(path)
    peak_mib, facts = compacted(small, SMALL_MIB)
    assert facts == compacted(large, 8192)[1] == [EVENTS]
    assert differences(small.data_files(), large.data_files()) == []
    assert peak_mib < PEAK_MIB


def test_an_hour_of_many_lines_that_are_no_event_is_not_in_memory(tmp_path: Path) -> None:
    """A second run finds most of them published, and adds one."""
    place = Place(tmp_path)
    for number, count in enumerate((REJECTED, 1)):
        path = place.folder / RAW_BUCKET / key_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(line_of(0))
            file.writelines((b"{broken %d" % line).ljust(999) + b"\n" for line in range(count))
        assert compacted(place, SMALL_MIB)[0] < PEAK_MIB
    assert lake_of(place.folder).open(QUARANTINE).row_count == REJECTED + 1


def test_a_disk_that_is_full_while_an_hour_is_sorted_is_told_as_such(tmp_path: Path) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    done = subprocess.run(
        [sys.executable, "-c", _SORT, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=limit,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout and "TMPDIR" in done.stdout


def compacted(place: Place, memory_mib: int) -> tuple[int, list[int]]:
    """Compact in a process of its own; return its peak memory in MiB, and how many facts each hour has."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(place.folder), str(memory_mib)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    peak_mib, facts = json.loads(done.stdout)
    return peak_mib, facts


def line_of(place: int) -> bytes:
    """Return an event; in no order of time, some at the same instant."""
    at = format_instant_us(HOUR + place * 7_919_000 % HOUR_US)
    return (
        b'{"event_id":"%x","user_id":"u%d","session_id":"s%d","event_type":"page_view","event_timestamp":"%b",'
        b'"page_url":"https://shop.example/products/%d","metadata":{"campaign":"autumn-%d","country":"DE"}}\n'
        % (place * 2654435761 % 2**32, place % 997, place % 5_003, at.encode(), place % 89, place % 13)
    )
