"""What of the lines of the source files reaches the compiler."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.frontend.line_markers import MARKER

__all__ = ["Rows", "compiled_lines", "compiled_rows", "same_row"]

# The text that the lines of each file come to.
Rows = dict[str, dict[int, str]]

_NUMBER = re.compile(r"(?<![\w.])(\d{1,7})(?![\w.])")
_CALL_LINES = 64  # that a macro call may span; __LINE__ is that of its end


def compiled_lines(text: str) -> dict[str, frozenset[int]]:
    """Map each file to its lines that leave something in preprocessed text.

    A file that is read and leaves nothing has no lines, but it is there.
    The lines of a macro call that spans several all count as its first one.
    """
    found: dict[str, set[int]] = {}
    for file, line, row in _rows(text):
        lines = found.setdefault(file, set())
        if row:
            lines.add(line)
    return {name: frozenset(lines) for name, lines in found.items()}


def compiled_rows(text: str) -> Rows:
    """Map each file that is read to its lines, and what they come to."""
    found: Rows = {}
    for file, line, row in _rows(text):
        lines = found.setdefault(file, {})
        if row:
            lines[line] = f"{lines[line]} {row}" if line in lines else row
    return found


def same_row(row: str, line: int, other: str, other_line: int) -> bool:
    """Tell whether two lines come to the same, but for the numbers of the lines."""
    if row == other:
        return True
    pieces, others = _NUMBER.split(row), _NUMBER.split(other)
    return len(pieces) == len(others) and all(
        one == two or _own(one, line) == _own(two, other_line) is not None
        for one, two in zip(pieces, others, strict=True)
    )


def _rows(text: str) -> Iterator[tuple[str, int, str]]:
    file, line = "", 0
    for row in text.split("\n"):
        if row.startswith("# ") and (marker := MARKER.match(row)):
            file, line = marker[2], int(marker[1])
            yield file, line, ""
            continue
        if row and not row.isspace():
            yield file, line, row
        line += 1


def _own(number: str, line: int) -> int | None:
    """Return how far behind ``line`` a number is that may be one of __LINE__."""
    if not _NUMBER.fullmatch(number):
        return None
    distance = int(number) - line
    return distance if 0 <= distance < _CALL_LINES else None
