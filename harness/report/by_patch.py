"""A result taken apart by patch: what each patch of a series brings in."""

from __future__ import annotations

from dataclasses import dataclass

from harness.check.finding import Finding, Severity
from harness.check.result import PatchSummary, Result, Verdict
from harness.report.gaps import gaps
from harness.report.order import told

__all__ = ["Part", "parts"]


@dataclass(frozen=True, slots=True)
class Part:
    """One patch with its new findings, the worst first; ``patch`` None: a tree."""

    number: int
    count: int
    patch: PatchSummary | None
    findings: tuple[Finding, ...]
    verdict: Verdict

    @property
    def title(self) -> str:
        """Return the subject, or the name of a patch without one."""
        return (self.patch.subject or self.patch.name) if self.patch else ""


def parts(result: Result) -> list[Part]:
    """Return a part for each patch, or one for the tree of an audit.

    What was not covered cannot be told apart by patch: it counts for each.
    """
    covered = not gaps(result)
    found: list[Part] = []
    patches: tuple[PatchSummary | None, ...] = result.patches or (None,)
    for number, patch in enumerate(patches, 1):
        mine = tuple(
            f
            for f in told(result.findings)
            if len(patches) == 1 or max(1, f.patch) == number
        )
        verdict = Verdict.CLEAN if covered else Verdict.INCONCLUSIVE
        if any(f.severity is Severity.ERROR for f in mine):
            verdict = Verdict.UNSAFE
        found.append(Part(number, len(patches), patch, mine, verdict))
    return found
