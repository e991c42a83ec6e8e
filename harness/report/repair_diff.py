"""Repairs as diffs: how they are told, whatever the format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.check.finding import Finding, Repair
from harness.check.result import PatchSummary
from harness.report.terminal import harmless

__all__ = ["Told", "how_known", "indented_diff", "whole"]


class Told:
    """Which diffs were shown: one that mends several findings is shown once."""

    def __init__(self) -> None:
        self._diffs: set[str] = set()

    def again(self, finding: Finding) -> bool:
        """Tell whether the diff of a finding was shown; from now on it was."""
        diff = finding.repair.diff if finding.repair is not None else ""
        shown = diff in self._diffs
        if diff:
            self._diffs.add(diff)
        return shown


def how_known(repair: Repair, *, perf: bool = False) -> str:
    """Return in a few words what a repair was tried on."""
    if not repair.verified:
        return "not verified"
    return "replayed, as right as this" if perf else "replayed, clears it"


def indented_diff(diff: str, width: int) -> list[str]:
    """Return a diff line by line, without what only a tool needs.

    Code is whole, as wide as it may be.
    """
    lines = diff.rstrip("\n").split("\n") if diff else []
    shown = [
        f"    {harmless(line)}".rstrip()
        for line in lines
        if not line.startswith("diff --git ")
    ]
    # The name of a function is for people, and may be cut.
    return [x[:width].rstrip() if x.startswith("    @@ ") else x for x in shown]


def whole(
    patches: Iterable[PatchSummary], findings: Iterable[Finding]
) -> Iterator[tuple[int, str]]:
    """Yield (number, diff) for patches with one that no finding shows."""
    shown = {f.repair.diff for f in findings if f.repair is not None}
    for number, patch in enumerate(patches, 1):
        if patch.repair and patch.repair not in shown:
            yield number, patch.repair
