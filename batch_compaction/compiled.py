"""Functions compiled by Numba: on first use, and from its cache after that.

With NUMBA_DISABLE_JIT=1 they are plain Python. An index is not checked against its array, so each function says what it
relies on; the tests run with NUMBA_BOUNDSCHECK=1 as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function of numbers and arrays."""
    return cast(_Function, numba.njit(cache=True)(function))
