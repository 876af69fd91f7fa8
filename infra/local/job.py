"""The alert job of a state folder, as those beside it see it: what it put on record, and whether it still runs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from infra.local.state import process_id
from schemas.job_health import JobRecord, health_of

_RECORD = Path("alerts") / "status.json"


def alerts_health(state_dir: Path, now_us: int) -> str:
    """Return how the alert job does, in one line; see `health_of`."""
    try:
        record = msgspec.json.decode((state_dir / _RECORD).read_bytes(), type=JobRecord)
    except FileNotFoundError:
        return health_of(None, now_us)
    except msgspec.DecodeError as error:
        return f"its record {state_dir / _RECORD} cannot be read: {error}"
    is_alive = record.pid is not None and process_id(record.pid) is not None
    return health_of(record, now_us, is_alive=is_alive)
