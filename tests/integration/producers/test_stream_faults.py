"""A producer of its own process that has the emulated stream fail and reshard while it runs: no line is lost."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from producers.answer_key import Accepted, Entry, Refused, Total
from producers.lines import line_digest_text
from tests.commands import finish, start
from tests.streams import lines_in, records_in

if TYPE_CHECKING:
    from tests.conftest import LocalStack

EVERYTHING = Path(__file__).parents[3] / "bench" / "faults" / "everything.toml"


@pytest.fixture(autouse=True)
def no_faults_left(emulator: LocalStack) -> Iterator[None]:
    yield
    emulator.clear_faults()


def simulate(emulator: LocalStack, state_dir: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the summary and what was told."""
    here = {"CLICKSTREAM_STATE_DIR": str(state_dir)}
    process = start(emulator.environment | here, "simulate", "--json", *arguments)
    summary, told = finish(process)
    return process.returncode, summary, told


def digests_in(emulator: LocalStack) -> Counter[str]:
    return Counter(map(line_digest_text, lines_in(emulator.client("kinesis"))))


def check_nothing_is_lost(emulator: LocalStack, before: Counter[str], key: Path, *, repeats: bool = False) -> None:
    """Check that what came into the stream is what the key says; where shards change, lines may come more than once."""
    came, said = digests_in(emulator) - before, digests_of_key(key)
    assert came.keys() == said.keys() and not said - came
    assert repeats or came == said


def digests_of_key(path: Path) -> Counter[str]:
    decoder = msgspec.json.Decoder(Entry)
    with gzip.open(path) as file:
        entries = [decoder.decode(line) for line in file]
    assert isinstance(entries[-1], Total)
    return Counter(entry.line for entry in entries if isinstance(entry, Accepted | Refused))


def test_throttling_and_partial_failures_in_mid_run_lose_nothing(emulator: LocalStack, tmp_path: Path) -> None:
    before = digests_in(emulator)
    plan, key = tmp_path / "plan.toml", tmp_path / "key.gz"
    plan.write_text(
        "[duplicate]\nshare = 0.02\n[[throttle]]\nat = 0.2\ncalls = 3\n"
        "[[partial_failure]]\nat = 0.6\ncalls = 4\nratio = 0.5\n"
    )
    code, summary, _ = simulate(
        emulator, tmp_path, "--events", "6000", "--rate", "4000", "--faults", str(plan), "--answer-key", str(key)
    )
    assert (code, summary["failed"]) == (0, 0)
    assert summary["stream_faults"] == {"calls_struck": 7, "calls_spared": 0}
    assert emulator.struck("kinesis.PutRecords") == 7
    # Each throttled call at least; a partial failure of one record may strike none.
    assert summary["retried"] >= 3
    check_nothing_is_lost(emulator, before, key)


def test_splits_and_merges_in_mid_run_lose_nothing(emulator: LocalStack, tmp_path: Path) -> None:
    before, shards = digests_in(emulator), records_in(emulator.client("kinesis"))
    plan, key = tmp_path / "plan.toml", tmp_path / "key.gz"
    plan.write_text("[[split]]\nat = 0.1\n[[split]]\nat = 0.3\n[[merge]]\nat = 0.5\n")
    options = ("--events", "6000", "--rate", "3000", "--users", "500", "--no-aggregate")
    code, summary, told = simulate(emulator, tmp_path, *options, "--faults", str(plan), "--answer-key", str(key))
    assert code == 0, told
    assert summary["stream_faults"] == {"splits": 2, "merges": 1}
    after = records_in(emulator.client("kinesis"))
    new = [data for shard, data in after.items() if shard not in shards]
    assert len(new) == 5 and all(new)
    check_nothing_is_lost(emulator, before, key, repeats=True)


def test_what_the_run_was_too_short_for_is_taken_back(emulator: LocalStack, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[[partial_failure]]\nat = 0.5\ncalls = 1000\nratio = 0.001\n")
    code, summary, _ = simulate(emulator, tmp_path, "--events", "2000", "--faults", str(plan))
    assert code == 0 and summary["stream_faults"]["calls_spared"] > 900
    again, plain, _ = simulate(emulator, tmp_path, "--events", "2000")
    assert (again, plain["retried"]) == (0, 0)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_change_of_shards_that_fails_fails_the_run_after_all_is_sent(
    emulator: LocalStack, tmp_path: Path, processes: str
) -> None:
    emulator.inject(**{"kinesis.SplitShard": {"error": "LimitExceededException", "status": 400, "times": 20}})
    plan = tmp_path / "plan.toml"
    plan.write_text("[[split]]\nat = 0.5\n")
    options = ("--events", "2000", "--processes", processes, "--faults", str(plan))
    code, summary, told = simulate(emulator, tmp_path, *options)
    assert (code, summary["sent"]) == (1, 2000)
    assert "cannot be split" in told and "LimitExceeded" in summary["stream_faults"]["failures"][0]


def test_lines_that_are_kept_as_planned_hide_none_that_are_not(emulator: LocalStack, tmp_path: Path) -> None:
    emulator.inject(
        **{"kinesis.PutRecords": {"error": "AccessDeniedException", "status": 400, "after": 2, "times": 100}}
    )
    plan = tmp_path / "plan.toml"
    plan.write_text("[unsendable]\nshare = 0.01\n")
    code, summary, told = simulate(emulator, tmp_path, "--events", "20000", "--faults", str(plan))
    assert code == 1 and "are saved in" in told
    assert summary["failed"] > summary["answer"]["unsendable"] > 0


@pytest.mark.parametrize("processes", ["1", "2"])
def test_everything_at_once_ends_as_its_key_says(emulator: LocalStack, tmp_path: Path, processes: str) -> None:
    before = digests_in(emulator)
    key = tmp_path / "key.gz"
    options = ("--events", "6000", "--rate", "4000", "--processes", processes, "--faults", str(EVERYTHING))
    code, summary, told = simulate(emulator, tmp_path, *options, "--answer-key", str(key))
    assert code == 0, told
    done = summary["stream_faults"]
    assert (done["splits"], done["merges"], done["calls_struck"], done["calls_spared"]) == (1, 1, 8, 0)
    check_nothing_is_lost(emulator, before, key, repeats=True)
    faults = set(tables_of_everything()) - {"throttle", "partial_failure", "split", "merge"}
    assert faults == summary["answer"]["faults"].keys()


def tables_of_everything() -> list[str]:
    import tomllib

    return list(tomllib.loads(EVERYTHING.read_text("utf-8")))
