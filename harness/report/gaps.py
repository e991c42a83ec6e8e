"""What a result does not cover, as places: each format has to name it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.check.result import Part, Result

__all__ = ["NOT_RUN", "Gap", "by_function", "gap_row", "gaps", "part_text"]

# Begins the text of a gap for each place of the patch that did not run.
NOT_RUN = "changed, but run by no scenario: "
_LINE_OF = re.compile(r"(.* \(.*:)(\d+)\)")
_PLACE = re.compile(r"(.*) \((.+):(\d+)\)")


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that keeps a result from being conclusive; line 0 is no place."""

    rule: str
    file: str
    line: int
    text: str


def gaps(result: Result) -> list[Gap]:
    """List everything; a result without gaps and new errors is clean."""
    return list(_gaps(result))


def gap_row(gap: Gap) -> str:
    """Return a gap in one line, as checkpatch writes a warning."""
    return f"{gap.file or '?'}:{gap.line}: WARNING:{gap.rule}: {gap.text}"


def part_text(part: Part) -> str:
    """Say which part of a check it is."""
    return f"only part {part.number} of {part.count} of a check"


def by_function(places: Iterable[str]) -> list[str]:
    """Join "f (file:1)" and "f (file:2)" to "f (file:1, 2)"."""
    joined: dict[str, list[str]] = {}
    for where in places:
        found = _LINE_OF.fullmatch(where)
        function, line = found.groups() if found else (where, "")
        joined.setdefault(function, []).append(line)
    return [
        f"{function}{', '.join(lines)})" if lines[0] else function
        for function, lines in joined.items()
    ]


def _gaps(result: Result) -> Iterator[Gap]:
    if result.part is not None:
        text = f"{part_text(result.part)}: harness merge puts the parts together"
        yield Gap("inconclusive-part", "", 0, text)
    for item in result.unsupported:
        text = f"not modelled, so nothing is claimed beyond it: {item.what}"
        yield Gap("inconclusive-not-modelled", item.file, item.line, text)
    if result.nothing_ran:
        text = "nothing that the patch changes was executed"
        yield Gap("inconclusive-not-executed", "", 0, text)
    for where in result.not_executed:
        found = _PLACE.fullmatch(where)
        function, file, line = found.groups() if found else (where, "", "0")
        text = f"{NOT_RUN}{function}"
        yield Gap("inconclusive-not-executed", file, int(line), text)
    for patch in result.unproved:
        text = "patch recovered from a review, and no blob id proves it right"
        yield Gap("inconclusive-not-verifiable", "", 0, f"{text}: {patch.name}")
    if not result.bounds.exhausted:
        text = "a bound was reached: not everything was explored"
        yield Gap("inconclusive-bound-reached", "", 0, text)
