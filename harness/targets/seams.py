"""Where code was deleted, and what has to run to know that this was looked at.

A line that is gone cannot run.  What was before it in its block can, or the
branch or loop that the block belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ir.nodes import Block, Label, Unit
from harness.ir.walk import walk

__all__ = ["Anchor", "Seam", "Watch", "anchor_of", "with_anchors"]

Touched = Callable[[str, int], bool]

_COMMENT = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)
_ELSE = re.compile(r"else\b(?!\s*if\b)")
_LABEL = re.compile(r"(?:case\b|default\s*:|\w+\s*:(?!:))")
_NOTHING = "what was deleted, in code of which nothing is left to run"

Places = Collection[int]  # lines with code


@dataclass(frozen=True, slots=True, order=True)
class Seam:
    """Where a patch deletes code: what it leaves are the lines up to ``behind``."""

    file: str
    first: int
    behind: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line that has to run, 0 if there is none to tell by.

    ``branch``: the block that code was deleted from belongs to it, so that it has
    to go both ways.
    """

    line: int
    branch: bool = False


def anchor_of(seam: Seam, text: str, places: Places) -> Anchor | None:
    """Return what has to run for a seam.

    None means that nothing has to: code was left there, which is looked at itself,
    or it is not in a function.
    """
    if any(number in places for number in range(seam.first, seam.behind)):
        return None
    lines = _without_comments(text).split("\n")
    depth = 0  # in blocks that end between a line and the seam
    left = beside = False  # the seam's own block, or a block before the seam
    for number in range(min(seam.first - 1, len(lines)), 0, -1):
        line = lines[number - 1]
        if line.startswith("}"):
            return None  # the end of the function before
        behind = line.rpartition("}")[2].strip()
        if not depth and (_LABEL.match(behind) or (_ELSE.match(behind) and not beside)):
            return Anchor(0)
        was, depth = depth, depth + line.count("}") - line.count("{")
        left, beside = left or depth < 0, beside or (was > 0 and depth == 0)
        depth = max(depth, 0)
        alternative = beside and behind.startswith("else")
        if not depth and number in places and not alternative:
            return Anchor(number, branch=left and not beside)
    return None


def _without_comments(text: str) -> str:
    """Return source text with nothing but line ends left of comments and strings."""
    return _COMMENT.sub(lambda m: "\n" * m[0].count("\n"), text)


@dataclass(frozen=True, slots=True)
class Watch:
    """What has to run.

    Of ``only_run`` nobody asks for both ways of a condition.  ``unseen`` are
    places of which nothing can tell.
    """

    lines: Touched
    only_run: frozenset[tuple[str, int]] = frozenset()
    unseen: tuple[tuple[str, str, int], ...] = ()


def with_anchors(
    unit: Unit, root: Path, seams: Sequence[Seam], watched: Touched
) -> Watch:
    """Return what has to run, for the seams as well."""
    places = _places(unit) if seams else {}
    anchors: dict[tuple[str, int], bool] = {}
    unseen: list[tuple[str, str, int]] = []
    for seam in seams:
        if seam.file not in places:
            continue
        text = (root / seam.file).read_text(encoding="utf-8", errors="replace")
        anchor = anchor_of(seam, text, places[seam.file])
        if anchor is not None and anchor.line:
            key = seam.file, anchor.line
            anchors[key] = anchors.get(key, False) or anchor.branch
        elif anchor is not None:
            unseen.append((_NOTHING, seam.file, seam.first))

    def lines(file: str, line: int) -> bool:
        return (file, line) in anchors or watched(file, line)

    only_run = (k for k, branch in anchors.items() if not branch and not watched(*k))
    return Watch(lines, frozenset(only_run), tuple(unseen))


def _places(unit: Unit) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for function in unit.functions.values():
        inside = (
            part.coord
            for part in walk(function.body)
            if not isinstance(part, (Block, Label))
        )
        for coord in (function.coord, *inside, *function.dropped):
            found.setdefault(coord.file, set()).add(coord.line)
    return found
