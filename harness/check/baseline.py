"""Findings that an earlier result has as well: known, not new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.check.finding import Finding, Status
from harness.check.result import Result
from harness.errors import ReportError

__all__ = ["against"]


def against(result: Result, baseline: Result, name: str) -> Result:
    """Tell what is new from what the baseline has; ``name`` is that of its file.

    A finding is known by its fingerprints, and only as far as it goes there: one
    that shows on more CPUs, in more scenarios or at more places is new.
    """
    if baseline.part is not None:
        raise ReportError(f"baseline '{name}' is one part of a check: merge the parts")
    if baseline.only_under != result.only_under:
        raise ReportError(
            f"baseline '{name}' rests on other assumptions: "
            f"{', '.join(baseline.only_under) or 'default'}"
        )
    there = [f for f in baseline.findings if f.status is not Status.FIXED]
    new = [f for f in result.findings if f.status is Status.NEW]
    findings = tuple(
        replace(f, status=Status.KNOWN)
        if f.status is Status.NEW and _known(f, there, new)
        else f
        for f in result.findings
    )
    known = sum(f.status is Status.KNOWN for f in findings)
    note = f"baseline '{name}': {known} of {len(new)} findings are known"
    return replace(result, findings=findings, notes=(*result.notes, note))


def _known(finding: Finding, there: Sequence[Finding], new: Sequence[Finding]) -> bool:
    like = [
        f
        for f in there
        if _alike(f, finding)
        # What a comment in the source suppressed is new where that is gone.
        and (not f.suppressed or finding.suppressed)
    ]
    # Two places that are alike have no name of their own: which is new?
    places = sum(_alike(f, finding) for f in new)
    return (
        len(like) >= places
        and _names(finding) <= {name for f in like for name in _names(f)}
        and {*finding.profiles} <= {name for f in like for name in f.profiles}
        and {*finding.scenarios} <= {name for f in like for name in f.scenarios}
    )


def _alike(one: Finding, other: Finding) -> bool:
    return one.rule == other.rule and bool(_names(one) & _names(other))


def _names(finding: Finding) -> frozenset[str]:
    """Return the fingerprints of all that was merged into a finding."""
    return frozenset(finding.kin or (finding.fingerprint,))
