"""The yardstick of the compaction benchmark: a bare `orjson.loads` of every line; what comes of it is dropped.

python -m bench.compaction_loads INPUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson


def main() -> None:
    """Parse the lines of every file in a folder."""
    for path in sorted(Path(sys.argv[1]).rglob("*.json")):
        for line in path.read_bytes().split(b"\n"):
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


if __name__ == "__main__":
    main()
