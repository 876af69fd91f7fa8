"""The error types of the pipeline, split by what the caller should do about them.

`ClickstreamError` is never raised itself. A child says what to do: dead-letter, mend the configuration, run again.
"""

from __future__ import annotations

from collections.abc import Sequence


class ClickstreamError(Exception):
    """Base of every error the pipeline raises on purpose."""


class BadRecordError(ClickstreamError):
    """The bytes themselves are at fault: dead-letter or quarantine them, never retry."""


class ConfigError(ClickstreamError):
    """Usage or configuration is wrong; nothing was done. Carries every fault found, not just the first."""

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


class MissingSettingsError(ConfigError):
    """Among the faults are settings that nobody gave: there may be no deployment to talk to at all.

    Attributes:
        missing: the variables of these settings where nothing else was given either; else nothing.
    """

    def __init__(self, faults: Sequence[str], missing: Sequence[str] = ()) -> None:
        self.missing = tuple(missing)
        super().__init__(faults)


class WorkFailedError(ClickstreamError):
    """The work was started and could not be finished; the message names the cause and the next step."""
