"""The job's own lines, each of a trouble: ids, reasons and counts as JSON, never payloads or a user's fields.

They go to Flink's log, which is a file on one machine and CloudWatch on AWS, where Flink's log takes lines from Python.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Protocol


class JobLog(Protocol):
    """The log of one operator, for its task's own thread alone: others are not known to the JVM."""

    def tell(self, message: str, **fields: str | int | None) -> None:
        """Write one line, as a warning."""
        ...


OpenLog = Callable[[str], JobLog]


class FlinkLog:
    """A logger of the JVM that this Python is embedded in.

    Args:
        name: the operator.
    """

    def __init__(self, name: str) -> None:
        from pemja import findClass  # type: ignore[import-untyped]  # what it gives exists only inside of a task

        # Not SLF4J's: between a method and its variadic twin pemja chooses by chance, and calls the second with no
        # array, which ends the JVM.
        self._logger: Any = findClass("org.apache.log4j.Logger").getLogger(f"clickstream.{name}")

    def tell(self, message: str, **fields: str | int | None) -> None:
        """Write one line, as a warning."""
        self._logger.warn(json.dumps({"message": message, **fields}))


class ErrorStreamLog:
    """The error stream of the task's process, where the JVM has no such logger.

    Args:
        name: the operator.
    """

    def __init__(self, name: str) -> None:
        self._logger = f"clickstream.{name}"

    def tell(self, message: str, **fields: str | int | None) -> None:
        """Write one line, as a warning."""
        sys.stderr.write(json.dumps({"logger": self._logger, "message": message, **fields}) + "\n")


def log_of_flink() -> OpenLog:
    """Return what opens an operator's log; asked where the graph is built, for a task that names no class dies."""
    from py4j.java_gateway import JavaPackage  # type: ignore[import-untyped]
    from pyflink.java_gateway import get_gateway

    return ErrorStreamLog if isinstance(get_gateway().jvm.org.apache.log4j.Logger, JavaPackage) else FlinkLog
