"""Compiled code keeps to its arrays, and is never older than its sources."""

import os
import subprocess
import sys
from pathlib import Path

import batch_compaction.compiled

ROOT = Path(__file__).parents[3]
TESTS = ["property/batch_compaction/test_parse.py", "property/batch_compaction/test_merge.py"]


def test_no_compiled_function_reaches_beyond_an_array(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{name}" for name in TESTS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_change_of_a_function_that_another_one_calls_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "batch_compaction"
    package.mkdir()
    (tmp_path / "schemas").mkdir()
    for path in (package, tmp_path / "schemas"):
        (path / "__init__.py").touch()
    (package / "compiled.py").write_bytes(Path(batch_compaction.compiled.__file__).read_bytes())
    (package / "caller.py").write_text(
        "from batch_compaction.called import called\nfrom batch_compaction.compiled import compiled\n\n\n"
        "@compiled\ndef caller(number):\n    return called(number) + 1\n"
    )

    def answer(body: str) -> int:
        (package / "called.py").write_text(
            f"from batch_compaction.compiled import compiled\n\n\n@compiled\ndef called(number):\n    return {body}\n"
        )
        command = [sys.executable, "-c", "from batch_compaction.caller import caller; print(caller(1))"]
        # Bytecode is taken for fresh within one second, by its size.
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert (answer("number * 10"), answer("number * 20")) == (11, 21)
