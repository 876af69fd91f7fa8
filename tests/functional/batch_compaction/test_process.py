"""What is loaded for a large run."""

import subprocess
import sys

LOADING = """
import os, sys
from batch_compaction.process import loading
with loading(os.environ):
    import batch_compaction.run
assert "pandas" not in sys.modules, "loaded with Arrow"
import pandas
"""


def test_pandas_is_left_out_and_there_again_afterwards() -> None:
    subprocess.run([sys.executable, "-c", LOADING], check=True, timeout=120)
