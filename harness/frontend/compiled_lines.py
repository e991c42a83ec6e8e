"""Which lines of the source files reach the compiler."""

from __future__ import annotations

from harness.frontend.line_markers import MARKER

__all__ = ["compiled_lines"]


def compiled_lines(text: str) -> dict[str, frozenset[int]]:
    """Map each file to its lines that leave something in preprocessed text.

    The lines of a macro call that spans several all count as its first one.
    """
    found: dict[str, set[int]] = {}
    file, line = "", 0
    for row in text.split("\n"):
        if row.startswith("# ") and (marker := MARKER.match(row)):
            file, line = marker[2], int(marker[1])
            continue
        if row and not row.isspace():
            found.setdefault(file, set()).add(line)
        line += 1
    return {name: frozenset(lines) for name, lines in found.items()}
