"""What a process sets up once before it reads and writes many rows."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# Nothing here multiplies matrices, for which numpy's library would keep a thread waiting on every processor.
_ONE_THREAD = "OPENBLAS_NUM_THREADS"
_ALLOCATOR = "ARROW_DEFAULT_MEMORY_POOL"


@contextmanager
def loading(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Have libraries loaded for large runs, whatever the environment does not say otherwise.

    Arrow takes its memory from jemalloc where it has it, on Linux: what that has free goes back to the system, while
    the allocator that Arrow would choose keeps half a gigabyte of it after many small pieces.

    Modules and classes live as long as the process, and there are very many of them. So the garbage collector does not
    look through them, neither while they are loaded nor, again and again, after that: a tenth of a large run.

    Arrow loads pandas where it is installed, which takes a quarter of a second, and nothing here uses it.

    Source: Arrow's documentation, "Environment variables"; the README of OpenBLAS.
    """
    environment.setdefault(_ONE_THREAD, "1")
    if sys.platform == "linux":
        environment.setdefault(_ALLOCATOR, "jemalloc")
    gc.disable()
    without_pandas = _WithoutPandas()
    sys.meta_path.insert(0, without_pandas)
    try:
        yield
    finally:
        sys.meta_path.remove(without_pandas)
        if not gc.get_freeze_count():
            gc.freeze()
        gc.enable()


class _WithoutPandas(MetaPathFinder):
    """Has pandas look as if it were not installed to whoever imports it; Arrow asks once and remembers."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Find nothing, and let nobody else find pandas."""
        if name == "pandas":
            raise ModuleNotFoundError(f"{name} is left out", name=name)
        return None
