"""Our leg of the compaction benchmark: one run over all raw objects, checks and Iceberg commits included.

python -m bench.compaction_ours INPUT OUTPUT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from batch_compaction.process import loading


def main() -> None:
    """Compact the buckets in one folder into tables in another."""
    source, target = map(Path, sys.argv[1:])
    # As the command does.
    with loading(os.environ):
        from batch_compaction.find import find_all
        from batch_compaction.plan import HourPolicy
        from batch_compaction.run import Run, compact
        from bench.compaction_input import RAW_BUCKET
        from bench.compaction_lines import DAY_START_US
        from bench.compaction_services import lake_of, s3_of
        from schemas.instants import DAY_US

    s3 = s3_of(source)
    report = compact(
        Run(
            s3=s3,
            find=lambda: find_all(s3, RAW_BUCKET),
            lake=lake_of(target),
            policy=HourPolicy(DAY_START_US + 2 * DAY_US),
            run_id="bench",
            on_step=lambda _: None,
        )
    )
    if report.held or report.unpublished:
        raise RuntimeError(f"not all was published: {report}")


if __name__ == "__main__":
    main()
