"""Changes of source text, and the unified diff that they come to."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Change", "changed", "clash", "diff_of"]

_CONTEXT = 3
_NAME = 80  # bytes of a function's line that git shows
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@$")
_NAMES = re.compile(r"[A-Za-z_$]")
_NO_NEWLINE = "\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """``new`` in place of what is between two places of a file."""

    file: str
    start: int
    end: int
    new: str


def clash(changes: Iterable[Change]) -> bool:
    """Tell whether two different changes concern the same text."""
    ordered = sorted(set(changes))
    for one, other in pairwise(ordered):
        if one.file == other.file and (
            other.start < one.end or other.start == one.start
        ):
            return True
    return False


def changed(text: str, changes: Iterable[Change]) -> str:
    """Return the text with changes made that do not clash."""
    for change in sorted(set(changes), reverse=True):
        text = text[: change.start] + change.new + text[change.end :]
    return text


def diff_of(texts: Mapping[str, str], changes: Iterable[Change]) -> str:
    """Return changes of files as a unified diff."""
    every = set(changes)
    parts = []
    for file in sorted({change.file for change in every}):
        old = texts[file]
        new = changed(old, (c for c in every if c.file == file))
        lines = list(
            difflib.unified_diff(
                old.splitlines(keepends=True),
                new.splitlines(keepends=True),
                f"a/{file}",
                f"b/{file}",
                n=_CONTEXT,
            )
        )
        if lines:
            parts.append(f"diff --git a/{file} b/{file}\n")
            parts += [_ended(_named(line, old)) for line in lines]
    return "".join(parts)


def _named(line: str, old: str) -> str:
    """Add to the head of a hunk the line that git takes for its function's."""
    found = _HUNK.match(line)
    if found is None:
        return line
    before = old.splitlines()[: max(int(found[1]) - 1, 0)]
    name = next((text for text in reversed(before) if _NAMES.match(text)), "")
    return f"{line.rstrip()} {name[:_NAME].rstrip()}".rstrip() + "\n"


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}"
