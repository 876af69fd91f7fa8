"""The error types of the pipeline, split by what the caller should do about them.

`ClickstreamError` is never raised itself. A child says whether to dead-letter, wait, or stop before any work is done.
"""

from __future__ import annotations

from collections.abc import Sequence


class ClickstreamError(Exception):
    """Base of every error the pipeline raises on purpose."""


class BadRecordError(ClickstreamError):
    """The bytes themselves are at fault: dead-letter or quarantine them, never retry."""


class TransientError(ClickstreamError):
    """The far side is at fault and may recover.

    Args:
        message: what failed.
        retry_after_s: how long to wait before the next try, in seconds.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConfigError(ClickstreamError):
    """Usage or configuration is wrong; nothing was done. Carries every fault found, not just the first."""

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


class MissingSettingsError(ConfigError):
    """Among the faults are settings that nobody gave: there may be no deployment to talk to at all."""


class WorkFailedError(ClickstreamError):
    """The work was started and could not be finished; the message names the cause and the next step."""
