from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from stream_jobs.one_processor import share_one_processor

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no thread anywhere")


def _where_it_runs() -> set[int]:
    share_one_processor()
    return os.sched_getaffinity(0)


def _where_a_thread_of_it_runs() -> set[int]:
    share_one_processor()
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(os.sched_getaffinity, 0).result()


def test_threads_and_those_they_start_run_on_one_and_the_same_processor() -> None:
    with ThreadPoolExecutor(3) as threads:
        places = [threads.submit(run).result() for run in (_where_it_runs, _where_it_runs, _where_a_thread_of_it_runs)]

    assert len(places[0]) == 1
    assert places == places[:1] * 3


def test_the_process_keeps_its_own() -> None:
    before = os.sched_getaffinity(0)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(share_one_processor).result()

    assert os.sched_getaffinity(0) == before
