"""What the function for dropped files loads is in its package, or in Lambda's own runtime."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# boto3 and what it brings along, msgspec and what reads zstd.
ALLOWED = {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six", "msgspec", "backports"}
OURS = {"schemas", "stream_jobs"}
PROGRAM = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}]
import stream_jobs.lambda_handler
assert callable(stream_jobs.lambda_handler.handler)
found = {{name.partition(".")[0] for name, module in sys.modules.items() if getattr(module, "__file__", None)}}
print(" ".join(sorted(found - set(sys.stdlib_module_names))))
"""


def test_the_handler_loads_neither_flink_nor_anything_else_that_lambda_has_not() -> None:
    # What libraries use where it happens to be there is blocked as well.
    names = ["pyflink", "orjson", "pyarrow", "typer", "certifi", "typing_extensions"]
    blocked = f"import sys\nfor name in {names}: sys.modules[name] = None\n"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", blocked + PROGRAM], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    site_hooks = {name for name in loaded if name.startswith("_") or name == "sitecustomize"}
    assert set(loaded) - site_hooks <= ALLOWED | OURS
    assert set(loaded) >= OURS | {"boto3", "msgspec"}
