"""Cut the lines of a mail into what may be one line of a patch each.

A line of the mail normally is one cell. Where lines may have been joined, the
parts are cells as well, beside the whole; positions between cells are numbered,
so that a way from the first position to the last reads the mail once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.series.recovery.outline import TextLine
from harness.series.recovery.quoting import squash, unquote

__all__ = ["Cell", "cells"]

# Quoting marks and a sign in the middle of a line: there a line end was lost.
_JOINED = re.compile(rb"\s*>+ ?(?=[+-])")
# What ends a line of C, then a sign.
_PERHAPS_JOINED = re.compile(rb"(?<=[;{}\\/]) (?=[+-])")
_CUTS_LIMIT = 4
_JOINED_COST = 4
_PERHAPS_COST = 15
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Cell:
    """A line of the mail, or part of one, as a line of the patch.

    ``rank`` compares its quoting with that of the hunk: less (-1, so somebody
    else's words), the same, or more (1). ``end`` is the position behind it.
    """

    number: int
    text: bytes
    rank: int
    end: int
    cost: int
    width: int
    joined: bool
    key: bytes
    body: bytes

    @property
    def sign(self) -> str:
        """Return the sign that the cell starts with, or ""."""
        first = self.text[:1]
        return first.decode() if first in (b"+", b"-") else ""


def cells(lines: list[TextLine], depth: int) -> list[list[Cell]]:
    """Return the cells that start at each position."""
    found: list[list[Cell]] = []
    for line in lines:
        base = len(found)
        texts = [line.text]
        if line.depth > depth:
            texts.append(unquote(line.raw, depth)[1])
        cuts = _cuts(line.text)
        end = base + len(cuts) + 1
        rank = (line.depth > depth) - (line.depth < depth)
        row = [
            _cell(line, text, rank if n == 0 else 0, end)
            for n, text in enumerate(texts)
        ]
        found.append(row)
        found.extend([] for _ in cuts)
        _parts(found, base, line, rank, cuts)
    return found


def _cuts(text: bytes) -> list[tuple[int, int, int]]:
    """Return where a line may be cut: end of a part, start of the next, cost."""
    if len(text) > _LONGEST:
        return []
    sure = [(m.start(), m.end(), _JOINED_COST) for m in _JOINED.finditer(text, 1)]
    if sure:
        return sure[:_CUTS_LIMIT]
    if text[:1] not in (b"+", b"-"):
        return []
    rest = [
        (m.start(), m.end(), _PERHAPS_COST) for m in _PERHAPS_JOINED.finditer(text, 1)
    ]
    return rest if len(rest) <= _CUTS_LIMIT else []


def _parts(
    found: list[list[Cell]],
    base: int,
    line: TextLine,
    rank: int,
    cuts: list[tuple[int, int, int]],
) -> None:
    if not cuts:
        return
    starts = [0, *(cut[1] for cut in cuts)]
    ends = [*(cut[0] for cut in cuts), len(line.text)]
    for first in range(len(starts)):
        for last in range(first, len(ends)):
            if first == 0 and last == len(ends) - 1:
                continue
            text = line.text[starts[first] : ends[last]]
            cost = cuts[first - 1][2] if first else 0
            found[base + first].append(
                _cell(line, text, rank, base + last + 1, cost, joined=True)
            )


def _cell(
    line: TextLine,
    text: bytes,
    rank: int,
    end: int,
    cost: int = 0,
    *,
    joined: bool = False,
) -> Cell:
    return Cell(
        line.number,
        text,
        rank,
        end,
        cost,
        len(line.raw),
        joined,
        squash(text),
        squash(text[1:]),
    )
