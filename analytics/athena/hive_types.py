"""A column type of Hive's DDL: as Glue keeps it, and as Trino calls it.

Source: Athena user guide, "Data types in Amazon Athena".
"""

from __future__ import annotations

from dataclasses import dataclass

from analytics.athena.lexing import Kind, Reader

# As Hive's DDL has it -> as queries have it.
_PLAIN = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "int": "integer",
    "bigint": "bigint",
    "float": "real",
    "double": "double",
    "string": "varchar",
    "binary": "varbinary",
    "date": "date",
    "timestamp": "timestamp(6)",
}
# How many numbers may follow in brackets.
_SIZED = {"char": (1,), "varchar": (1,), "decimal": (0, 1, 2)}
_IN_QUERIES_ALONE = {"integer": "int", "real": "float", "varbinary": "binary", "row": "struct"}


@dataclass(frozen=True, slots=True)
class HiveType:
    """A type.

    Attributes:
        name: in lower case.
        sizes: the numbers in its brackets.
        fields: what it is made of: (name, type) of a struct's fields; the names are empty for an array or a map.
    """

    name: str
    sizes: tuple[int, ...] = ()
    fields: tuple[tuple[str, HiveType], ...] = ()

    def glue(self) -> str:
        """Return it as Glue keeps it."""
        if self.fields:
            parts = (f"{name}:{kind.glue()}" if name else kind.glue() for name, kind in self.fields)
            return f"{self.name}<{','.join(parts)}>"
        return f"{self.name}({','.join(map(str, self.sizes))})" if self.sizes else self.name

    def trino(self) -> str:
        """Return it as Trino calls it."""
        if self.fields:
            kinds = (f'"{name}" {kind.trino()}' if name else kind.trino() for name, kind in self.fields)
            return f"{'row' if self.name == 'struct' else self.name}({', '.join(kinds)})"
        if self.name in _SIZED:
            return f"{self.name}({', '.join(map(str, self.sizes))})" if self.sizes else self.name
        return _PLAIN[self.name]


def read_type(reader: Reader) -> HiveType:
    """Read a type.

    Raises:
        ConfigError: it is none of Athena's DDL.
    """
    fault = reader.fault("a type of Hive's DDL is expected")
    name = reader.take(Kind.WORD, what="a type").source.lower()
    if name in _PLAIN:
        return HiveType(name)
    if name in _SIZED:
        sizes = _sizes(reader)
        if len(sizes) not in _SIZED[name]:
            raise fault
        return HiveType(name, sizes)
    if name in ("array", "map", "struct"):
        return HiveType(name, fields=_fields(reader, name))
    if name in _IN_QUERIES_ALONE:
        fault = type(fault)(f"{fault}; in DDL it is called {_IN_QUERIES_ALONE[name]}")
    raise fault


def _sizes(reader: Reader) -> tuple[int, ...]:
    sizes: list[int] = []
    if reader.accept("("):
        sizes.append(int(reader.take(Kind.NUMBER, what="a number").source))
        while reader.accept(","):
            sizes.append(int(reader.take(Kind.NUMBER, what="a number").source))
        reader.expect(")")
    return tuple(sizes)


def _fields(reader: Reader, of: str) -> tuple[tuple[str, HiveType], ...]:
    reader.expect("<")
    fields = [_field(reader, of)]
    while reader.accept(","):
        fields.append(_field(reader, of))
    wanted = {"array": 1, "map": 2}.get(of, len(fields))
    if len(fields) != wanted:
        raise reader.fault(f"{of} of {wanted} is expected")
    reader.expect(">")
    return tuple(fields)


def _field(reader: Reader, of: str) -> tuple[str, HiveType]:
    name = ""
    if of == "struct":
        name = reader.name()
        reader.expect(":")
    return name, read_type(reader)
