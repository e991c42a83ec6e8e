"""Source and diffs as lines to show, each with what stands in its margin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from harness.check.finding import Excerpt, Finding

__all__ = ["DiffLine", "Listing", "SourceLine", "diff_lines", "listings"]

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class SourceLine(NamedTuple):
    """A line of a file; ``steps`` are those that come from it."""

    number: int
    text: str
    steps: tuple[int, ...]
    gap: bool  # lines before it are left out


class Listing(NamedTuple):
    """Lines of one file."""

    file: str
    lines: list[SourceLine]


class DiffLine(NamedTuple):
    """A line of a diff; a number is "" on the side that lacks the line."""

    kind: str  # "add", "del", "same", "hunk" or "head"
    old: str
    new: str
    text: str
    marked: bool = False  # what the finding is about


def listings(finding: Finding) -> list[Listing]:
    """Return the excerpts of a finding with the steps that come from each line."""
    return [Listing(e.file, list(_source(e, finding))) for e in finding.excerpts]


def _source(excerpt: Excerpt, finding: Finding) -> Iterator[SourceLine]:
    before = 0
    for number, text in excerpt.lines:
        steps = tuple(
            step.step
            for step in finding.trace
            if (step.file, step.line) == (excerpt.file, number)
        )
        gap = bool(before) and number != before + 1
        yield SourceLine(number, text.expandtabs(), steps, gap)
        before = number


def diff_lines(text: str, marked: int = 0) -> list[DiffLine]:
    """Return the lines of a unified diff, or of a hunk of one, with numbers.

    ``marked`` is a line of the new file, 0 for none.
    """
    return [
        line._replace(marked=bool(marked) and line.new == str(marked))
        for line in _numbered(text.removesuffix("\n"))
        if text
    ]


def _numbered(text: str) -> Iterator[DiffLine]:
    old = new = 0
    olds = news = 0  # lines of the hunk that are to come
    for line in text.split("\n"):
        shown = line.expandtabs()
        if (olds <= 0 and news <= 0) or line.startswith("\\"):
            hunk = _HUNK.match(line)
            if hunk:
                old, new = int(hunk[1]), int(hunk[3])
                olds, news = int(hunk[2] or 1), int(hunk[4] or 1)
            yield DiffLine("hunk" if hunk else "head", "", "", shown)
        elif line.startswith("+"):
            yield DiffLine("add", "", str(new), shown)
            new, news = new + 1, news - 1
        elif line.startswith("-"):
            yield DiffLine("del", str(old), "", shown)
            old, olds = old + 1, olds - 1
        else:
            yield DiffLine("same", str(old), str(new), shown)
            old, new = old + 1, new + 1
            olds, news = olds - 1, news - 1
