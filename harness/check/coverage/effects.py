"""Which lines a patch changes without touching them, by what they expand.

A macro, a condition of the preprocessor or the configuration is no code: what
it does shows in the lines that it makes other text of.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.frontend.compiled_lines import Rows, same_row
from harness.series import View
from harness.series.forward import forward

__all__ = ["Lines", "affected", "both"]

Lines = dict[str, frozenset[int]]


def both(parts: Iterable[Lines]) -> Lines:
    """Return the lines of all builds of a tree."""
    found: Lines = {}
    for part in parts:
        for file, lines in part.items():
            found[file] = found.get(file, frozenset()) | lines
    return found


def affected(view: View, before: Rows, after: Rows) -> Lines:
    """Return the lines that the last patch leaves alone and that come to other text.

    ``before`` and ``after`` are what the lines come to without and with it.
    """
    names = (
        {n for part in view.patch.files for n in part.names} if view.patch else set()
    )
    moved: dict[str, dict[int, tuple[str, int]]] = {}
    for file, rows in before.items():
        if file in names:
            for line, row in rows.items():
                if (place := forward(view, file, line)) is not None:
                    moved.setdefault(place[0], {})[place[1]] = row, line
        elif rows != after.get(file):
            moved[file] = {line: (row, line) for line, row in rows.items()}
    found: Lines = {}
    for file, rows in after.items():
        if file.startswith("<") or (file not in names and rows == before.get(file)):
            continue
        old, touched = moved.get(file, {}), view.lines.get(file, frozenset())
        lines = frozenset(
            line
            for line, row in rows.items()
            if line not in touched
            and not (line in old and same_row(row, line, *old[line]))
        )
        if lines:
            found[file] = lines
    return found
