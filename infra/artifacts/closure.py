"""What a program needs to run, read off its source: modules of ours and packages of others.

Nothing is imported for it, and nothing is listed by hand: a module that is forgotten here would be missed only on AWS.
An import counts wherever it stands, in a function too, except below `if TYPE_CHECKING:`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.artifacts.errors import BuildError

# Top-level packages that several distributions share: each is named by the package below.
_NAMESPACES = ("backports",)
_FOR_TYPES = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@dataclass(frozen=True, slots=True)
class Closure:
    """What some entry points reach.

    Attributes:
        files: of ours, relative to the root, in order; each package with its `__init__`.
        packages: names of others' top-level packages, or of those in a namespace, in order.
        texts: every text in the source, among them the name of each AWS service for which a client is made.
    """

    files: tuple[Path, ...]
    packages: tuple[str, ...]
    texts: frozenset[str]


def closure_of(root: Path, entries: Sequence[Path], ours: Sequence[str]) -> Closure:
    """Return what entry points reach.

    Args:
        root: of the source.
        entries: files to begin with, relative to the root.
        ours: the top-level packages below the root that may be reached.

    Raises:
        BuildError: an import leads nowhere or is relative, or a module reads files that are no modules.
    """
    files: set[Path] = set()
    packages: set[str] = set()
    texts: set[str] = set()
    ahead = list(entries)
    while ahead:
        path = ahead.pop()
        if path in files:
            continue
        files.add(path)
        tree = ast.parse((root / path).read_text(encoding="utf-8"))
        for name in _imported(tree):
            if name == "importlib.resources":
                raise BuildError(f"{path} reads files beside the modules, and none of these are packed")
            top = name.partition(".")[0]
            if top in ours:
                ahead += _files_of(root, name, path)
            elif top not in sys.stdlib_module_names:
                packages.update(_packages_of(name))
        texts.update(_texts(tree))
    return Closure(tuple(sorted(files)), tuple(sorted(packages)), frozenset(texts))


def _imported(node: ast.AST) -> Iterator[str]:
    """Give the full name of everything imported: of `from a import b` both `a` and `a.b`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.level or node.module is None:
            raise BuildError(f"a relative import cannot be followed: {ast.unparse(node)}")
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test) in _FOR_TYPES:
        children = node.orelse
    for child in children:
        yield from _imported(child)


def _packages_of(name: str) -> list[str]:
    """Return the package that a name of others is in; none for a namespace itself, whose packages are named beside."""
    top, *below = name.split(".")
    if top not in _NAMESPACES:
        return [top]
    return [f"{top}.{below[0]}"] if below else []


def _files_of(root: Path, name: str, importer: Path) -> list[Path]:
    """Return the files of a module and of the packages around it; a name inside of a module is no file."""
    found: list[Path] = []
    folder = Path()
    for part in name.split("."):
        package, module = folder / part / "__init__.py", folder / f"{part}.py"
        if (root / package).is_file():
            found.append(package)
            folder /= part
        elif (root / module).is_file():
            return [*found, module]
        elif folder == Path():
            raise BuildError(f"{importer} imports {name}, which is not below {root}")
        else:
            return found
    return found


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
