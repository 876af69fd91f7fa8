"""What Python loads first in the processes that tests start: the recorder of AWS calls, see `recorder.py`."""

import importlib.util
import os
from pathlib import Path

if _file := os.environ.get("CALLS_OF_TESTS"):
    _spec = importlib.util.spec_from_file_location("_recorder_of_calls", Path(__file__).parents[1] / "recorder.py")
    assert _spec is not None and _spec.loader is not None
    _recorder = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_recorder)
    _recorder.install(Path(_file))
