"""What the benchmarks share."""

from __future__ import annotations

import argparse

import pytest

from bench.report import add_only


def test_parts_are_picked_by_name_and_one_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_only(parser, ("decode", "publish", "state"))
    assert parser.parse_args([]).only == ("decode", "publish", "state")
    assert parser.parse_args(["--only", "state,decode"]).only == ("state", "decode")
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--only", "state,sate"])
    assert ended.value.code == 2
    assert "no such part: sate" in capsys.readouterr().err
