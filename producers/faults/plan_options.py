"""The plan of faults that a command's options ask for: one in a file, or what the short options stand for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from producers.faults.fault_plan import FaultPlan, parse_plan
from schemas.errors import ConfigError

# The three faults with an option of their own: the table that each stands for, beside its share.
_SHORTHAND = {
    "duplicates": ("duplicate", {}),
    "late": ("late", {"least": "1h", "most": "3h"}),
    "corrupt": ("corrupt", {}),
}


def plan_of_options(path: Path | None, **shares: float) -> FaultPlan:
    """Return the plan in a file, or the one that the shares of the short options stand for.

    Args:
        path: the file; None for none.
        shares: `duplicates`, `late` and `corrupt`; 0 for none.

    Raises:
        ConfigError: both are given, the file cannot be read, or with everything that is wrong with the plan.
    """
    given = {name: share for name, share in shares.items() if share}
    if path is not None:
        if given:
            raise ConfigError(f"--faults and {', '.join(f'--{name}' for name in given)}: the plan has its own shares")
        return _read_plan(path)
    faults = [
        f"{name} is {share:g}, a share lies between 0 and 1" for name, share in given.items() if not 0 < share <= 1
    ]
    if faults:
        raise ConfigError(faults)
    tables = {}
    for name, share in given.items():
        table, keys = _SHORTHAND[name]
        tables[table] = {"share": share, **keys}
    return msgspec.convert(tables, FaultPlan)


def _read_plan(path: Path) -> FaultPlan:
    try:
        return parse_plan(path.read_text("utf-8"), path.name)
    except OSError as error:
        raise ConfigError(f"cannot read the plan {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"plan {path.name} is not UTF-8: {error}") from error
