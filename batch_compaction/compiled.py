"""Functions compiled by Numba: on first use, and from its cache after that.

Numba is not even imported before one of them is called, since it takes longer to load than a run over nothing new.
With NUMBA_DISABLE_JIT=1 they are plain Python. An index is not checked against its array, so each function says what it
relies on; a test runs them with NUMBA_BOUNDSCHECK=1.

Source of `_nrt` and `forceinline`: the options of a target in numba/core/cpu.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import schemas

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function of numbers and arrays, once it is called; what it takes in is compiled or of schemas."""
    return cast(_Function, _Pending(function))


class _Pending:
    """Stands for a function until it is called, and then hands it to Numba."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        return self._ready()(*arguments)

    def _ready(self) -> Callable[..., Any]:
        if self._compiled is None:
            import numba

            numba.config.CACHE_DIR = _cache_folder()
            # Counting references to the arrays, for which Numba has its runtime, costs several times what is done with
            # them; without it a function makes no array of its own.
            self._compiled = numba.njit(cache=True, forceinline=True, _nrt=False)(self._function)
            # What a compiled function calls, Numba looks up among its globals, and must find compiled.
            names = self._function.__globals__
            for name, value in list(names.items()):
                if isinstance(value, _Pending):
                    names[name] = value._ready()
        return self._compiled


@cache
def _cache_folder() -> str:
    """Return a folder for this state of the sources.

    Numba takes a cached function for fresh while the function's own file is unchanged, whatever has become of the
    functions that it calls and of the constants that it took in from other files.
    """
    import numba

    here = Path(__file__).parent
    own = [text for path in sorted(here.glob("*.py")) if b"import compiled" in (text := path.read_bytes())]
    contracts = sorted({name.decode() for text in own for name in re.findall(rb"from schemas\.(\w+) import", text)})
    taken_in = [Path(str(schemas.__file__)).with_name(f"{name}.py").read_bytes() for name in contracts]
    digest = hashlib.sha256(b"".join([*own, *taken_in])).hexdigest()[:16]
    return str(Path(numba.config.CACHE_DIR or here / "__pycache__") / f"numba-{digest}")
