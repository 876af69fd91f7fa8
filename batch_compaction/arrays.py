"""Arrays of numbers that modules hand to one another: their types, and how one is looked up in another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Octets = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


def are_among(hashes: Hashes, known: Hashes) -> Flags:
    """Say of each hash whether it is one of the known, which are sorted."""
    if not len(known):
        return np.zeros(len(hashes), np.bool_)
    among: Flags = known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes
    return among
