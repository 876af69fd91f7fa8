"""Checks of checkov that the source says to pass over: each names one check and gives its reason. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_ANY = re.compile(r"(?:checkov|bridgecrew):skip")
_WHOLE = re.compile(r"#\s*checkov:skip=(CKV2?_[A-Z]+_\d+):\s*(\S.*)")
# Shorter is no reason that a person could judge.
_LEAST_REASON = 15


@dataclass(frozen=True, slots=True)
class Skip:
    """A check that is passed over.

    Attributes:
        line: where, counted from 1.
        check_id: like `CKV_AWS_26`; empty where none is named as it has to be.
        reason: why.
    """

    line: int
    check_id: str
    reason: str


def skips_of(text: str) -> Iterator[Skip]:
    """Return every skip in the text of a file."""
    for number, line in enumerate(text.splitlines(), 1):
        if _ANY.search(line):
            found = _WHOLE.search(line)
            yield Skip(number, found[1], found[2].strip()) if found else Skip(number, "", line.strip())


def faults_of(path: str, text: str, used: Collection[str]) -> list[str]:
    """Return what is wrong with the skips of a file.

    Args:
        path: of the file, for a person.
        text: what is in it.
        used: ids of the checks that were passed over in it.
    """
    faults = []
    for skip in skips_of(text):
        where = f"{path}:{skip.line}: "
        if not skip.check_id:
            faults.append(f"{where}not of the form `#checkov:skip=ID:reason`: {skip.reason}")
        elif len(skip.reason) < _LEAST_REASON:
            faults.append(f"{where}{skip.check_id} is passed over without a reason")
        elif skip.check_id not in used:
            faults.append(f"{where}{skip.check_id} is passed over where it finds nothing: take the comment out")
    return faults
