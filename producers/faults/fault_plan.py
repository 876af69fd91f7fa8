"""The plan of faults: which faults there are, how often, and how far they go; a TOML file.

Judges the plan and reports all that is wrong with it at once; it touches no event (see `injection`) and no stream (see
`stream_faults`). The reference for users is docs/faults.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec

from producers.faults.fault_tables import (
    Copies,
    Corrupt,
    Displaced,
    HotKey,
    MissingOptional,
    MissingRequired,
    Moved,
    PartialFailure,
    Reshard,
    RetryStorm,
    Some,
    Table,
    Throttle,
)
from schemas.errors import ConfigError
from schemas.instants import HOUR_US

# A clock further ahead is judged by the hour of the arrival, and the lake may take the hour before the stream's for
# it: see `schemas.codec.decode`.
MOST_AHEAD_US = 23 * HOUR_US
# Three times a third may be more than one.
_ROUNDING = 1e-9


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to go wrong; None and empty for never.

    An event gets at most one fault. A wrong clock comes first: it is a user's, and stays for all of the user's events.
    """

    clock_ahead: Moved | None = None
    clock_behind: Moved | None = None
    clock_absurd: Some | None = None
    duplicate: Copies | None = None
    conflict: Copies | None = None
    out_of_order: Displaced | None = None
    late: Moved | None = None
    corrupt: Corrupt | None = None
    too_large: Some | None = None
    unsendable: Some | None = None
    hot_key: HotKey | None = None
    missing_optional: MissingOptional | None = None
    missing_required: MissingRequired | None = None
    extra_fields: Some | None = None
    retry_storm: RetryStorm | None = None
    throttle: tuple[Throttle, ...] = ()
    partial_failure: tuple[PartialFailure, ...] = ()
    split: tuple[Reshard, ...] = ()
    merge: tuple[Reshard, ...] = ()

    def __post_init__(self) -> None:
        """Refuse shares and durations that do not go together.

        Raises:
            ConfigError: with all of them.
        """
        faults = []
        for whole, names in (("an event gets", EVENT_FAULTS), ("a user's clock has", CLOCK_FAULTS)):
            shares = self.shares(names)
            if sum(shares.values()) > 1 + _ROUNDING:
                faults.append(f"{', '.join(shares)} add up to {sum(shares.values()):g}; {whole} at most one of them")
        for name in ("late", "clock_ahead", "clock_behind"):
            moved = getattr(self, name)
            if moved is not None and moved.least_us > moved.most_us:
                faults.append(f"{name}: least {moved.least} is more than most {moved.most}")
        if self.clock_ahead is not None and self.clock_ahead.most_us > MOST_AHEAD_US:
            faults.append(
                f"clock_ahead: most is {self.clock_ahead.most}; beyond 23h it depends on when the line arrives"
            )
        if faults:
            raise ConfigError(faults)

    def shares(self, names: tuple[str, ...]) -> dict[str, float]:
        """Return the shares of those among these faults that the plan has."""
        return {name: table.share for name in names if (table := getattr(self, name)) is not None}

    @property
    def is_quiet(self) -> bool:
        """Whether every event goes out once and as it is."""
        return not self.shares((*CLOCK_FAULTS, *EVENT_FAULTS, "retry_storm"))

    @property
    def lines_per_event(self) -> float:
        """How many lines are made of an event, about."""
        storm = self.retry_storm.share * self.retry_storm.times if self.retry_storm else 0
        return 1 + sum(self.shares(("duplicate", "conflict")).values()) + storm

    @property
    def without_stream_faults(self) -> FaultPlan:
        """The same for events alone."""
        return msgspec.structs.replace(self, throttle=(), partial_failure=(), split=(), merge=())

    @property
    def has_stream_faults(self) -> bool:
        """Whether something is to happen to the stream itself."""
        return bool(self.needs_local_stack or self.split or self.merge)

    @property
    def needs_local_stack(self) -> bool:
        """Whether the stream is to fail on request, which only the emulated one does."""
        return bool(self.throttle or self.partial_failure)


CLOCK_FAULTS = ("clock_ahead", "clock_behind", "clock_absurd")
EVENT_FAULTS = (
    "duplicate",
    "conflict",
    "out_of_order",
    "late",
    "corrupt",
    "too_large",
    "unsendable",
    "hot_key",
    "missing_optional",
    "missing_required",
    "extra_fields",
)
STREAM_FAULTS = ("throttle", "partial_failure", "split", "merge")


def tables_of_plan() -> dict[str, type[Table]]:
    """Return the table types by their names in the plan."""
    hints = get_type_hints(FaultPlan, include_extras=True)
    return {name: get_args(hints[name])[0] for name in FaultPlan.__struct_fields__}


def parse_plan(text: str, name: str) -> FaultPlan:
    """Return the plan that a TOML text declares.

    Args:
        text: the TOML.
        name: what to call it in errors.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    try:
        declared = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"plan {name}: {error}") from error
    faults = [f"plan {name}: {fault}" for fault in _faults(declared)]
    if faults:
        raise ConfigError(faults)
    try:
        return msgspec.convert(declared, FaultPlan)
    except ConfigError as error:
        raise ConfigError([f"plan {name}: {fault}" for fault in error.faults]) from None


def _faults(declared: dict[str, Any]) -> Iterator[str]:
    known = tables_of_plan()
    for name, value in declared.items():
        if name not in known:
            yield f"there is no fault {name!r}; there are {', '.join(known)}"
            continue
        is_listed = name in STREAM_FAULTS
        if not isinstance(value, list if is_listed else dict):
            yield f"{name} is to be {f'an array of tables, [[{name}]]' if is_listed else f'a table, [{name}]'}"
            continue
        for table in value if is_listed else [value]:
            for fault in _table_faults(known[name], table):
                yield f"{name}: {fault}"


def _table_faults(kind: type[Table], table: object) -> Iterator[str]:
    """Yield what is wrong with each key of a table; a struct's own check would end at the first."""
    if not isinstance(table, dict):
        yield "not a table"
        return
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key in table.keys() - fields.keys():
        yield f"there is no key {key!r}; there are {', '.join(fields)}"
    for key, field in fields.items():
        if key not in table:
            if field.required:
                yield f"{key} is missing"
            continue
        try:
            msgspec.convert(table[key], field.type)
        except msgspec.ValidationError as error:
            meanings = [meta.description for meta in getattr(field.type, "__metadata__", ()) if meta.description]
            yield f"{key} is {table[key]!r}, which is not {meanings[0]}" if meanings else f"{key}: {error}"
