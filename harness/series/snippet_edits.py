"""Change a file in several places, and say so as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Edits", "edited", "unified"]


@dataclass(slots=True)
class Edits:
    """What to change in one file: ranges with their new text."""

    replaced: list[tuple[int, int, str]] = field(default_factory=list)
    inserted: list[tuple[int, float, str]] = field(default_factory=list)


def edited(text: str, edits: Edits) -> str:
    """Return the text with its ranges replaced and the insertions made."""
    changes = [(start, end, 1, 0.0, new) for start, end, new in edits.replaced]
    changes += [(at, at, 0, order, new) for at, order, new in edits.inserted]
    out: list[str] = []
    at = 0
    for start, end, _, _, new in sorted(changes):
        out.append(text[at : max(start, at)])
        out.append(new)
        at = max(end, at)
    out.append(text[at:])
    return "".join(out)


def unified(name: str, old: str, new: str) -> Iterator[str]:
    """Yield the lines of the diff of one file."""
    before, after = ([f"{line}\n" for line in t.split("\n")] for t in (old, new))
    for lines in (before, after):
        lines[-1] = lines[-1][:-1]
        if not lines[-1]:
            lines.pop()
    for line in difflib.unified_diff(before, after, f"a/{name}", f"b/{name}"):
        ended = (
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        )
        yield ended
