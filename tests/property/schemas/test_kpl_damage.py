"""A small instance of the long run over damaged aggregated records, and what makes that run fail."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

import schemas.kpl
from bench import soak_kpl
from bench.kpl_damage import damaged, damaged_within, source_of
from bench.soak_kpl import Tally, cpu_limit, read_damaged
from schemas.errors import ClickstreamError, WorkFailedError
from schemas.kpl import payloads
from schemas.kpl_wire import DIGEST_BYTES, checked_message


@pytest.mark.parametrize("seed", range(4))
def test_damaged_records_are_refused_or_read_and_give_nothing_that_was_not_put_in(seed: int) -> None:
    tally = Tally()
    read_damaged(Random(seed), 1_000, tally)
    assert tally.outcomes.total() == 1_000
    assert {"wrong_digest", "no_magic", "refused", "refused_for_its_keys", "read_as_protobuf_reads"} <= set(
        tally.outcomes
    )
    assert tally.most_bytes_per_byte > 0


@pytest.mark.parametrize("seed", range(20))
def test_a_source_is_read_as_its_events(seed: int) -> None:
    source = source_of(Random(seed))
    assert payloads(source.blob) == list(source.events)


def test_the_same_seed_gives_the_same_damage() -> None:
    def drawn(seed: int) -> list[bytes]:
        rng = Random(seed)
        sources = [source_of(rng) for _ in range(5)]
        return [damage(rng, sources) for damage in (damaged, damaged_within) for _ in range(20)]

    assert drawn(1) == drawn(1) != drawn(2)


def without_digest(blob: bytes) -> bytes:
    return blob[:-DIGEST_BYTES]


def without_end(blob: bytes) -> bytes:
    return checked_message(blob)[:-1]


@pytest.mark.parametrize("broken", [without_digest, without_end])
def test_a_reader_that_is_wrong_makes_the_run_fail(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas.kpl, "checked_message", broken)
    with pytest.raises(ClickstreamError):
        read_damaged(Random(1), 1_000, Tally())


def test_a_reader_that_keeps_memory_makes_the_run_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_kpl, "user_records", lambda blob, key: bytes(100 * max(len(blob), 1 << 14)))
    with pytest.raises(WorkFailedError, match="bytes of memory"):
        soak_kpl.bytes_per_byte(b"x")


def test_a_reader_without_end_is_ended() -> None:
    with pytest.raises(WorkFailedError, match="no end"), cpu_limit(0.01):
        while True:
            pass
