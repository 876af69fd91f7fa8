"""The position file, and delivery that begins at it and keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from producers.delivery import StopFlag, deliver
from producers.lines import Line
from producers.position import LeftAttestation, PositionFile
from producers.schedules import EvenSchedule, Schedule, at_once
from producers.sinks import WINDOW_LINES, Tally
from producers.stamping import Stamped
from schemas.errors import ConfigError, WorkFailedError

FINGERPRINT = {"command": "simulate", "seed": "1"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "positions" / "run.json"


def opened(path: Path, fingerprint: Mapping[str, str] = FINGERPRINT) -> PositionFile:
    return PositionFile(path, fingerprint, lambda: "new producer")


def test_a_new_run_begins_at_the_first_line_and_goes_on_where_it_was(path: Path) -> None:
    position = opened(path)
    assert (position.settled, position.start.producer_id) == (0, "new producer")
    position.move_to(7)
    position.move_to(5)
    position.close()
    again = PositionFile(path, FINGERPRINT, lambda: "another")
    assert (again.settled, again.start.producer_id, again.start.is_finished) == (7, "new producer", False)
    again.close()


def test_a_run_with_other_options_is_refused_naming_them(path: Path) -> None:
    opened(path).close()
    with pytest.raises(ConfigError) as raised:
        opened(path, {"command": "simulate", "seed": "2", "users": "9"})
    assert [fault.partition(": ")[2] for fault in raised.value.faults] == [
        "seed was 1, now it is 2",
        "users was absent, now it is 9",
    ]
    opened(path).close()


def test_a_second_process_is_kept_away(path: Path) -> None:
    position = opened(path)
    with pytest.raises(ConfigError, match="another process"):
        opened(path)
    position.close()
    opened(path).close()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"version":"position.v2","fingerprint":{},"producer_id":"p"}']
)
def test_what_is_no_position_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.json"):
        opened(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be written"):
        opened(tmp_path / "file" / "run.json")


def test_an_attestation_is_named_until_lines_behind_it_are_settled(path: Path) -> None:
    position = opened(path)
    position.note_attestation(b"first", 10, 4)
    position.move_to(10)
    position.close()
    again = opened(path)
    assert again.start.attestations == (LeftAttestation(10, "first"),)
    assert (again.start.unattested_seq, again.stamper().digest_from) == (4, 4)
    assert again.stamper().stamped == Stamped(0, 0)
    again.note_attestation(b"second", 5, 6)
    again.move_to(11)
    again.close()
    last = opened(path)
    assert last.start.attestations == (LeftAttestation(15, "second"),)
    last.finish()
    last.close()
    finished = opened(path)
    assert finished.start.is_finished and not finished.start.attestations
    finished.close()


class SlowSink:
    """Settles what it has when asked to flush, and else nothing."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.settled = 0
        self.lines: list[bytes] = []
        self.most_behind = 0
        self.position: PositionFile | None = None

    def put_line(self, line: Line) -> None:
        self.lines.append(line.data)
        if self.position is not None:
            self.most_behind = max(
                self.most_behind, self.position.start.settled + len(self.lines) - self.position.settled
            )

    def flush(self) -> None:
        self.settled = len(self.lines)

    def close(self) -> None:
        self.flush()


def numbered(count: int, first: int = 0) -> Iterator[Line]:
    return (Line("ana", b"%d" % number) for number in range(first, first + count))


def delivered(lines: Iterator[Line], sink: SlowSink, position: PositionFile, schedule: Schedule = at_once) -> int:
    now_s = [0.0]
    told = [0]

    def sleep(seconds: float) -> None:
        now_s[0] += seconds

    sink.position = position
    deliver(
        lines,
        sink,
        schedule,
        StopFlag(),
        clock=lambda: now_s[0],
        sleep=sleep,
        on_progress=told.append,
        position=position,
    )
    return told[-1]


def test_no_more_than_a_window_of_lines_is_put_behind_what_the_file_says(path: Path) -> None:
    position, sink = opened(path), SlowSink()
    count = 3 * WINDOW_LINES + 17
    assert delivered(numbered(count), sink, position) == count
    assert len(sink.lines) == count == position.settled
    assert sink.most_behind == WINDOW_LINES
    position.close()


def test_a_run_that_was_cut_goes_on_behind_what_is_settled(path: Path) -> None:
    position, sink = opened(path), SlowSink()

    def cut() -> Iterator[Line]:
        yield from numbered(100)
        raise WorkFailedError("cut")

    with pytest.raises(WorkFailedError, match="cut"):
        delivered(cut(), sink, position)
    position.close()
    again, rest = opened(path), SlowSink()
    assert delivered(numbered(150), rest, again) == 150
    again.close()
    assert sink.lines + rest.lines == [line.data for line in numbered(150)]


def test_what_was_sent_before_is_not_waited_for(path: Path) -> None:
    position = opened(path)
    position.move_to(1000)
    now_s = [0.0]

    def sleep(seconds: float) -> None:
        now_s[0] += seconds

    sink = SlowSink()
    deliver(
        numbered(1010),
        sink,
        EvenSchedule(1),
        StopFlag(),
        clock=lambda: now_s[0],
        sleep=sleep,
        on_progress=lambda _: None,
        position=position,
    )
    position.close()
    assert len(sink.lines) == 10 and now_s[0] == 10


def test_lines_that_end_before_the_position_are_told(path: Path) -> None:
    position = opened(path)
    position.move_to(11)
    with pytest.raises(WorkFailedError, match="end after 10, but 11"):
        delivered(numbered(10), SlowSink(), position)
    position.close()


def test_a_stop_while_lines_are_passed_over_leaves_the_position(path: Path) -> None:
    position, stop = opened(path), StopFlag()
    position.move_to(10)

    def lines() -> Iterator[Line]:
        for number, line in enumerate(numbered(20)):
            stop.is_set = number == 3
            yield line

    sink = SlowSink()
    deliver(
        lines(),
        sink,
        at_once,
        stop,
        clock=lambda: 0.0,
        sleep=lambda _: None,
        on_progress=lambda _: None,
        position=position,
    )
    position.close()
    assert sink.lines == [] and position.settled == 10
