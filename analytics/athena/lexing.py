"""A statement as tokens, and a cursor that reads them: for the statements that no parser here reads whole.

Knows the quotes and comments of both of Athena's dialects: in queries double quotes are round names, in Hive's DDL
round texts, as single quotes are. Decides nothing about what a statement means.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from schemas.errors import ConfigError

T = TypeVar("T")


class Kind(Enum):
    """What a token is; a word may be a keyword or a name."""

    WORD = "word"
    BACKTICKED = "backticked"
    DOUBLE_QUOTED = "double-quoted"
    TEXT = "text"
    NUMBER = "number"
    MARK = "mark"


_LEXEMES = r"""(?P<blank>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<BACKTICKED>`(?:[^`]|``)*`)
    |(?P<DOUBLE_QUOTED>"(?:[^"%s]|""%s)*")
    |(?P<TEXT>'(?:[^'%s]|''%s)*')
    |(?P<NUMBER>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![A-Za-z_0-9]))
    |(?P<WORD>[A-Za-z_0-9$@]+)
    |(?P<MARK>[^\s'"`])"""
# Only in Hive's DDL does a backslash say something in quotes.
_OF_QUERIES = re.compile(_LEXEMES % ("", "", "", ""), re.VERBOSE | re.DOTALL)
_OF_HIVE = re.compile(_LEXEMES % (r"\\", r"|\\.", r"\\", r"|\\."), re.VERBOSE | re.DOTALL)
_BEGINS_AS_HIVE = re.compile(
    r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*(?:CREATE\s+(?:EXTERNAL|DATABASE|SCHEMA)|ALTER)\b", re.IGNORECASE | re.DOTALL
)
# Source: Apache Hive language manual, "Literals": escapes of texts in DDL.
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-3][0-7]{2}|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement.

    Attributes:
        source: as it is written.
        start: where it begins in the statement; it ends where its source does.
    """

    kind: Kind
    source: str
    start: int

    @property
    def end(self) -> int:
        """Where the statement goes on."""
        return self.start + len(self.source)

    def text(self, is_hive: bool) -> str:
        """Return what a quoted token says."""
        quote = self.source[0]
        said = self.source[1:-1].replace(quote * 2, quote)
        return _ESCAPE.sub(_unescaped, said) if is_hive else said


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] == "u" and len(escape) == 5:
        return chr(int(escape[1:], 16))
    return chr(int(escape, 8)) if len(escape) == 3 else _ESCAPES.get(escape, escape)


def tokens_of(sql: str, is_hive: bool) -> list[Token]:
    """Return the tokens of a statement, without comments.

    Args:
        sql: the statement.
        is_hive: it is Hive's DDL, in whose quotes a backslash says something.

    Raises:
        ConfigError: a quote or a comment is not closed.
    """
    lexeme, found, place = _OF_HIVE if is_hive else _OF_QUERIES, [], 0
    while place < len(sql):
        match = lexeme.match(sql, place)
        opens_comment = sql.startswith("/*", place) and (match is None or match.lastgroup != "blank")
        if match is None or opens_comment:
            raise ConfigError(f"{_place(sql, place)}: what begins with {sql[place : place + 2]!r} is not closed")
        if match.lastgroup != "blank":
            found.append(Token(Kind[str(match.lastgroup)], match[0], place))
        place = match.end()
    return found


def _place(sql: str, offset: int) -> str:
    before = sql[:offset].split("\n")
    return f"line {len(before)}, column {len(before[-1]) + 1}"


class Reader:
    """Reads the tokens of one statement from left to right.

    Args:
        sql: one statement, perhaps with a semicolon at its end.

    Raises:
        ConfigError: a quote is not closed, or there are several statements, or none.
    """

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._is_hive = _BEGINS_AS_HIVE.match(sql) is not None
        self._tokens = tokens_of(sql, self._is_hive)
        while self._tokens and self._tokens[-1].source == ";":
            self._tokens.pop()
        if not self._tokens:
            raise ConfigError("there is no statement")
        if more := [token for token in self._tokens if token.source == ";"]:
            raise ConfigError(f"{_place(sql, more[0].start)}: one statement is run at a time")
        self._next = 0

    @property
    def statement(self) -> str:
        """The statement as it is written, without a semicolon at its end."""
        return self._sql[: self._tokens[-1].end].strip()

    @property
    def rest(self) -> str:
        """What is not read yet, as it is written."""
        return "" if self.is_done() else self._sql[self._tokens[self._next].start : self._tokens[-1].end]

    def is_done(self) -> bool:
        """Say whether all of it is read."""
        return self._next == len(self._tokens)

    def sees(self, *words: str) -> bool:
        """Say whether these words or marks come next."""
        coming = self._tokens[self._next : self._next + len(words)]
        return [token.source.upper() for token in coming] == list(words)

    def sees_number(self) -> bool:
        """Say whether a number comes next."""
        return not self.is_done() and self._tokens[self._next].kind is Kind.NUMBER

    def accept(self, *words: str) -> bool:
        """Read these words or marks where they come next; say whether they did."""
        is_there = self.sees(*words)
        if is_there:
            self._next += len(words)
        return is_there

    def listed(self, read: Callable[[Reader], T]) -> list[T]:
        """Read `(item, ...)`, at least one item, each by the given function."""
        self.expect("(")
        items = [read(self)]
        while self.accept(","):
            items.append(read(self))
        self.expect(")")
        return items

    def expect(self, *words: str) -> None:
        """Read these words or marks.

        Raises:
            ConfigError: something else comes next.
        """
        if not self.accept(*words):
            raise self.fault(f"{' '.join(words)} is expected")

    def take(self, *kinds: Kind, what: str) -> Token:
        """Read one token.

        Raises:
            ConfigError: it is of another kind.
        """
        if self.is_done() or self._tokens[self._next].kind not in kinds:
            raise self.fault(f"{what} is expected")
        self._next += 1
        return self._tokens[self._next - 1]

    def name(self) -> str:
        """Read a name, quoted or not; Athena keeps names of tables and columns in lower case."""
        token = self.take(Kind.WORD, Kind.BACKTICKED, Kind.DOUBLE_QUOTED, what="a name")
        quote = token.source[0]
        quoted = quote in '`"'
        return (token.source[1:-1].replace(quote * 2, quote) if quoted else token.source).lower()

    def text(self) -> str:
        """Read a text; in Hive's DDL it may stand in either quotes."""
        kinds = (Kind.TEXT, Kind.DOUBLE_QUOTED) if self._is_hive else (Kind.TEXT,)
        return self.take(*kinds, what="a text in quotes").text(self._is_hive)

    def value(self) -> str:
        """Read a text or a number, as text."""
        if self.sees_number():
            return self.take(Kind.NUMBER, what="a value").source
        return self.text()

    def table(self, database: str) -> tuple[str, str]:
        """Read (database, name) of a table, the first of which may be left out."""
        parts = [self.name()]
        while self.accept("."):
            parts.append(self.name())
        if len(parts) == 3 and parts[0] == "awsdatacatalog":
            parts = parts[1:]
        if len(parts) > 2:
            raise self.fault("a table is named by database and name")
        return (database, parts[0]) if len(parts) == 1 else (parts[0], parts[1])

    def bracketed(self) -> str:
        """Read what stands in round brackets, with all that is in it, and return it as it is written."""
        self.expect("(")
        begin, depth = self._next, 1
        while depth:
            if self.is_done():
                raise self.fault("a closing bracket is expected")
            depth += {"(": 1, ")": -1}.get(self._tokens[self._next].source, 0)
            self._next += 1
        return self._sql[self._tokens[begin].start : self._tokens[self._next - 1].start].strip()

    def end(self) -> None:
        """Do nothing where all of it is read.

        Raises:
            ConfigError: there is more.
        """
        if not self.is_done():
            raise self.fault("nothing more is expected")

    def fault(self, expected: str) -> ConfigError:
        """Return the error that something else comes next than what is expected."""
        if self.is_done():
            return ConfigError(f"at the end of the statement: {expected}")
        token = self._tokens[self._next]
        return ConfigError(f"{_place(self._sql, token.start)}: {expected}, not {token.source}")
