"""Findings that an earlier result has as well: known, not new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from harness.check.finding import Finding, Status
from harness.check.result import Result
from harness.errors import ReportError

__all__ = ["against"]


def against(result: Result, baseline: Result, name: str) -> Result:
    """Tell what is new from what the baseline has; ``name`` is that of its file.

    A finding is known by its fingerprint, and only as far as it goes there: one
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
    places = Counter(f.fingerprint for f in new)
    findings = tuple(
        replace(f, status=Status.KNOWN)
        if f.status is Status.NEW and _known(f, there, places[f.fingerprint])
        else f
        for f in result.findings
    )
    known = sum(f.status is Status.KNOWN for f in findings)
    note = f"baseline '{name}': {known} of {len(new)} findings are known"
    return replace(result, findings=findings, notes=(*result.notes, note))


def _known(finding: Finding, there: Sequence[Finding], places: int) -> bool:
    like = [
        f
        for f in there
        if (f.fingerprint, f.rule) == (finding.fingerprint, finding.rule)
        # What a comment in the source suppressed is new where that is gone.
        and (not f.suppressed or finding.suppressed)
    ]
    return (
        len(like) >= places
        and {*finding.kin} <= {mark for f in like for mark in f.kin}
        and {*finding.profiles} <= {name for f in like for name in f.profiles}
        and {*finding.scenarios} <= {name for f in like for name in f.scenarios}
    )
