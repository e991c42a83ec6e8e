"""A unified diff as replacements of whole lines, by file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Replacement", "region", "replacements"]

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Replacement:
    """``count`` lines from ``line`` on become ``text``; 0 lines: it goes before."""

    line: int
    count: int
    text: str


def replacements(diff: str) -> dict[str, list[Replacement]]:
    """Return what a diff replaces."""
    found: dict[str, list[Replacement]] = {}
    file = ""
    lines = iter(diff.split("\n"))
    for text in lines:
        head = _HUNK.match(text)
        if text.startswith("+++ b/"):
            file = text.removeprefix("+++ b/")
        elif head is not None:
            old, new = (1 if size is None else int(size) for size in head.group(2, 3))
            # Of an insertion without context the line before it is named.
            start = int(head[1]) + (old == 0)
            found.setdefault(file, []).extend(_hunk(lines, start, old, new))
    return found


def _hunk(lines: Iterator[str], line: int, old: int, new: int) -> Iterator[Replacement]:
    """Yield what a hunk replaces; no more is read than belongs to it."""
    start, deleted = line, 0
    added: list[str] = []
    while old or new:
        text = next(lines)
        sign = text[:1]
        if sign == "\\":
            continue  # what is said of the end of a file
        old -= sign != "+"
        new -= sign != "-"
        if sign == "+":
            added.append(text[1:])
            continue
        if sign == "-":
            if added:  # what is deleted behind it is another place
                yield Replacement(start, deleted, _text(added))
                start, deleted, added = line, 0, []
            deleted += 1
        line += 1
        if sign not in ("+", "-"):
            if deleted or added:
                yield Replacement(start, deleted, _text(added))
            start, deleted, added = line, 0, []
    if deleted or added:
        yield Replacement(start, deleted, _text(added))


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def region(replacement: Replacement) -> dict[str, int]:
    """Return what is replaced as a SARIF region."""
    first, after = replacement.line, replacement.line + replacement.count
    return {"startLine": first, "startColumn": 1, "endLine": after, "endColumn": 1}
