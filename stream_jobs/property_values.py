"""The values of properties, from the texts in which they come; what is wrong with one is said as what it is not."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from enum import StrEnum

from schemas.errors import ConfigError
from schemas.settings import RULES
from stream_jobs.shards import start_of

STREAM_ARN = re.compile(r"arn:[^:]+:kinesis:[^:]+:\d{12}:stream/([a-zA-Z0-9_.-]{1,128})")


def setting(name: str) -> Callable[[str], str]:
    """Return what takes the texts that a setting may be."""
    pattern, meaning = RULES[name]

    def parse(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError(meaning)
        return text

    return parse


def stream_arn(text: str) -> str:
    """Return a stream's ARN.

    Raises:
        ValueError: it is none.
    """
    if STREAM_ARN.fullmatch(text) is None:
        raise ValueError("a Kinesis stream ARN")
    return text


def start(text: str) -> str:
    """Return where to begin, as `shards.start_of` takes it.

    Raises:
        ValueError: it is no such place.
    """
    try:
        start_of(text, sys.maxsize)  # whether an instant has come is for the start to decide
    except ConfigError as error:
        raise ValueError("trim-horizon, latest or an instant with its zone") from error
    return text


def number(least: int, most: int) -> Callable[[str], int]:
    """Return what takes whole numbers within bounds."""

    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text) is None or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def one_of(choices: type[StrEnum]) -> Callable[[str], StrEnum]:
    """Return what takes one of some words."""

    def parse(text: str) -> StrEnum:
        try:
            return choices(text)
        except ValueError:
            raise ValueError(f"one of {', '.join(choices)}") from None

    return parse


def flag(text: str) -> bool:
    """Return true or false.

    Raises:
        ValueError: it is neither.
    """
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"
