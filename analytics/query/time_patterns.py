"""Patterns of dates and times as Athena writes them, as the patterns of DuckDB's strftime and strptime.

Source: Trino documentation, "Date and time functions and operators": MySQL's for date_format and date_parse, Joda's for
format_datetime. A letter that DuckDB has nothing for is refused by name.
"""

from __future__ import annotations

import re

from analytics.query.rewriting import OTHER_ENGINES
from schemas.errors import ConfigError

# What sqlglot leaves of MySQL's letters, which is Python's form, and DuckDB has too.
_SAME = frozenset("aAbBdfHIjmMpSuVyYG%")
_CHANGED = {"v": "%V", "x": "%G", "T": "%H:%M:%S"}
_JODA = {
    **{"yyyy": "%Y", "y": "%Y", "yy": "%y", "YYYY": "%Y", "xxxx": "%G", "MM": "%m", "M": "%-m", "MMM": "%b"},
    **{"MMMM": "%B", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M"},
    **{"ss": "%S", "s": "%-S", "SSS": "%g", "a": "%p", "E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A"},
    **{"DDD": "%j", "D": "%-j", "ww": "%V", "e": "%u"},
}
_JODA_PART = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


def strftime_of(pattern: str, name: str) -> str:
    """Return a pattern of date_format, in the form in which sqlglot has it, as DuckDB's.

    Raises:
        ConfigError: it has a part that DuckDB does not know.
    """

    def one(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in _CHANGED:
            return _CHANGED[letter]
        if letter.lstrip("-") not in _SAME:
            raise ConfigError(f"%{letter} in the pattern of {name} is not translated for DuckDB: {OTHER_ENGINES}")
        return found[0]

    return re.sub(r"%(-?.)", one, pattern, flags=re.DOTALL)


def strptime_of(pattern: str) -> str:
    """Return a pattern of date_parse as DuckDB's.

    Raises:
        ConfigError: it has a part that DuckDB does not know, or no year, which it fills up with another than Athena.
    """
    translated = strftime_of(pattern, "date_parse")
    if not re.search(r"%[yY]", translated):
        raise ConfigError(f"a pattern of date_parse without a year is not translated for DuckDB: {OTHER_ENGINES}")
    return translated


def strftime_of_joda(pattern: str) -> str:
    """Return a pattern of format_datetime as DuckDB's.

    Raises:
        ConfigError: it has a part that DuckDB does not know.
    """
    parts, end = [], 0
    for found in _JODA_PART.finditer(pattern):
        text = found[0]
        if found.start() != end:
            break
        end = found.end()
        if text == "''":
            parts.append("'")
        elif found[1] is not None:
            parts.append(found[1].replace("''", "'").replace("%", "%%"))
        elif found[2] is None:
            parts.append(text.replace("%", "%%"))
        elif text in _JODA:
            parts.append(_JODA[text])
        else:
            raise ConfigError(f"{text} in the pattern of format_datetime is not translated for DuckDB: {OTHER_ENGINES}")
    if end != len(pattern):
        raise ConfigError("the pattern of format_datetime has a quote that does not end")
    return "".join(parts)
