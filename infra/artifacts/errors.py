"""Why nothing was built."""

from __future__ import annotations

from schemas.errors import ClickstreamError


class BuildError(ClickstreamError):
    """The package cannot be built from what is here; the message says what to change."""
