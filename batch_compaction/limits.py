"""What a merged hour is judged by: the limits of the checks, and which warnings hold an hour back.

The table `[quality]` of `clickstream.toml` gives them; every key has a default.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError
from schemas.settings import read_table


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """The limits of the checks that judge by a number.

    Attributes:
        min_lines: an hour that got fewer lines in a run is not judged by ratios.
        max_duplicate_ratio: of the new lines, those that another line already says.
        max_quarantine_ratio: of the lines of the raw objects that hold lines of the hour, those that are no event.
        min_earlier_days: the volume is judged where the hour was published on at least as many earlier days.
        max_volume_factor: how many times the median of the earlier days an hour may hold, or the median the hour.
        late_after_hours: a line is late that arrived at least this many hours after the end of its hour.
        max_late_ratio: of an hour's lines, those of a run that were late.
        max_ahead_ratio: of a run's lines of an hour, those that happened after they arrived.
        lookback_hours: how far back an id of the hour is looked for in other hours; 0 looks nowhere.
        blocking: names of checks that hold the hour back although by default they only warn.
    """

    min_lines: int = 1000
    max_duplicate_ratio: float = 0.25
    max_quarantine_ratio: float = 0.05
    min_earlier_days: int = 3
    max_volume_factor: float = 3.0
    late_after_hours: int = 2
    max_late_ratio: float = 0.1
    max_ahead_ratio: float = 0.01
    lookback_hours: int = 24
    blocking: tuple[str, ...] = ()


_RATIOS = {"max_duplicate_ratio", "max_quarantine_ratio", "max_late_ratio", "max_ahead_ratio"}


def load_limits(folder: Path, check_names: frozenset[str]) -> QualityLimits:
    """Return the limits in force.

    Args:
        folder: where a `clickstream.toml` may lie.
        check_names: the checks that `blocking` may name.

    Raises:
        ConfigError: with every fault of the table.
    """
    table = read_table("quality", folder)
    known = {field.name for field in fields(QualityLimits)}
    faults = [f"quality.{name}: unknown setting" for name in table if name not in known]
    for name in sorted(known & table.keys()):
        if fault := _fault_of(name, table[name], check_names):
            faults.append(f"quality.{name} is {table[name]!r}, which is not {fault}")
    if faults:
        raise ConfigError(faults)
    values: dict[str, Any] = {name: tuple(value) if name == "blocking" else value for name, value in table.items()}
    return QualityLimits(**values)


def _fault_of(name: str, value: Any, check_names: frozenset[str]) -> str | None:
    if name == "blocking":
        is_right = isinstance(value, list) and all(isinstance(item, str) and item in check_names for item in value)
        return None if is_right else f"a list of checks ({', '.join(sorted(check_names))})"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in _RATIOS:
        return None if is_number and 0 <= value <= 1 else "a ratio from 0 to 1"
    if name == "max_volume_factor":
        return None if is_number and 1 <= value < float("inf") else "a factor of at least 1"
    return None if type(value) is int and value >= 0 else "a whole number from 0"
