"""Turn the trace repairs of findings into diffs that were tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from harness.check.finding import Finding, Severity
from harness.check.repairs.texts import clash
from harness.check.repairs.tries import Part, Tries
from harness.check.request import CheckRequest
from harness.check.tree_analysis import TreeAnalysis
from harness.series import View

__all__ = ["NONE_HOLDS", "NO_PLACE", "Repaired", "repaired"]

NO_PLACE = "no change of the source is known that comes to this"
NONE_HOLDS = "no change of the source that was tried is free of it and of anything new"

_CONFIRMED = 3  # parts of one finding that are tried everywhere


@dataclass(slots=True)
class Repaired:
    """Diffs by finding, and one that mends all errors together."""

    diffs: dict[int, str] = field(default_factory=dict)  # by place in the list
    whole: str = ""
    without: dict[int, str] = field(default_factory=dict)  # why there is none


def repaired(
    findings: Sequence[Finding],
    view: View,
    analysis: TreeAnalysis,
    request: CheckRequest,
) -> Repaired:
    """Look for diffs that mend the findings of one patched tree.

    One for all that can be mended is what its author needs, and is analysed
    once. Where that does not hold, each finding has its own.
    """
    return _Repairing(findings, Tries(view, analysis, request)).run()


class _Repairing:
    """The search on one tree."""

    def __init__(self, findings: Sequence[Finding], tries: Tries) -> None:
        self._findings = findings
        self._tries = tries

    def run(self) -> Repaired:
        """Search for all findings that a trace repair is known for."""
        parts = self._parts()
        together = self._together(self._needed(parts))
        if together and self._mends(together, parts):
            found = dict.fromkeys(parts, together)
        else:
            found = self._one_by_one(parts)
        return Repaired(
            {number: part.diff for number, part in found.items()},
            self._whole(found),
            {n: self._why(n) for n in self._wanted() if n not in found},
        )

    def _wanted(self) -> Iterator[int]:
        """Yield the findings with a repair that holds in their traces."""
        for number, finding in enumerate(self._findings):
            if finding.repair is not None and finding.repair.verified:
                yield number

    def _why(self, number: int) -> str:
        if self._tries.parts(self._findings[number]):
            return NONE_HOLDS
        return NO_PLACE

    def _parts(self) -> dict[int, Part]:
        """Return what promises to mend each finding, if anything does."""
        parts: dict[int, Part] = {}
        for number in self._wanted():
            known = dict.fromkeys(parts.values())
            part = next(self._promising(number, [*known]), None)
            part = part or next(self._own(number), None)
            if part is not None:
                parts[number] = part
        return parts

    def _own(self, number: int) -> Iterator[Part]:
        return self._promising(number, self._tries.parts(self._findings[number]))

    def _promising(self, number: int, parts: Sequence[Part]) -> Iterator[Part]:
        finding = self._findings[number]
        return (part for part in parts if self._tries.promising(finding, part))

    def _needed(self, parts: dict[int, Part]) -> list[Part]:
        """Leave out, the earliest first, what the others do as well."""
        chosen = dict(parts)
        for part in dict.fromkeys(parts.values()):
            others = [p for p in dict.fromkeys(chosen.values()) if p != part]
            users = [number for number, p in chosen.items() if p == part]
            instead: dict[int, Part] = {}
            for number in users:
                found = next(self._promising(number, others), None)
                if found is None:
                    break
                instead[number] = found
            else:
                chosen |= instead
        return list(dict.fromkeys(chosen.values()))

    def _together(self, parts: list[Part]) -> Part | None:
        changes = frozenset(c for part in parts for c in part.changes)
        return None if not changes or clash(changes) else self._tries.part(changes)

    def _mends(self, part: Part, numbers: Iterable[int]) -> bool:
        """Tell whether findings are gone everywhere with it, and nothing is new."""
        left = self._tries.left(part)
        return left is not None and not any(
            self._findings[number].marks & left for number in numbers
        )

    def _one_by_one(self, parts: dict[int, Part]) -> dict[int, Part]:
        """Return for each finding what mends it alone.

        What an earlier one mends as well needs none of its own.
        """
        found: dict[int, Part] = {}
        for number, first in parts.items():
            known = dict.fromkeys(found.values())
            own = dict.fromkeys((first, *islice(self._own(number), _CONFIRMED)))
            each = (p for p in (*known, *own) if self._mends(p, [number]))
            part = next(each, None)
            if part is not None:
                found[number] = part
        return found

    def _whole(self, found: dict[int, Part]) -> str:
        """Return one diff after which no new error is left, if they fit together."""
        errors = [
            number
            for number, finding in enumerate(self._findings)
            if finding.severity is Severity.ERROR
        ]
        if any(number not in found for number in errors):
            return ""
        parts = list(dict.fromkeys(found[number] for number in errors))
        together = self._together(parts)
        return together.diff if together and self._mends(together, errors) else ""
