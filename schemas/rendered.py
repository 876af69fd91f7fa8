"""Parts of a document that a module renders, in the place marked for each."""

from __future__ import annotations


def with_part(text: str, name: str, module: str, part: str) -> str:
    """Return a document with a part as it is now.

    Args:
        text: the document.
        name: of the part, as its marks have it.
        module: what renders it, run by `python -m`.
        part: whole lines.

    Raises:
        ValueError: the document has no place marked for it.
    """
    begin, end = f"<!-- {name}: rendered by `python -m {module}` -->\n", f"<!-- end of {name} -->\n"
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"no place for the {name}: it is marked by {begin.strip()} and {end.strip()}")
    return f"{before}{begin}\n{part}\n{end}{after}"
