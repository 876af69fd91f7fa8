"""A mend as a value: which attributes it replaces, installed for as long as a context lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Mend:
    """Replacements that belong together.

    Attributes:
        name: the service mended.
        replacements: (class or module, attribute, new value); the attribute may be new.
    """

    name: str
    replacements: tuple[tuple[object, str, object], ...]

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replace the attributes, and put them back at the end in reverse order."""
        with ExitStack() as undo:
            for owner, attribute, value in self.replacements:
                undo.callback(_put_back, owner, attribute, vars(owner).get(attribute, _ABSENT))
                setattr(owner, attribute, value)
            yield


def _put_back(owner: object, attribute: str, value: object) -> None:
    if value is _ABSENT:
        delattr(owner, attribute)
    else:
        setattr(owner, attribute, value)
