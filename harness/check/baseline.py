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

    A finding is known by its fingerprints and by the code of its line, and only as
    far as it goes there: one that shows on more CPUs, in more scenarios or at more
    places is new.
    """
    if baseline.part is not None:
        raise ReportError(f"baseline '{name}' is one part of a check: merge the parts")
    if baseline.only_under != result.only_under:
        raise ReportError(
            f"baseline '{name}' rests on other assumptions: "
            f"{', '.join(baseline.only_under) or 'default'}"
        )
    there = [f for f in baseline.findings if f.status is not Status.FIXED]
    here = [f for f in result.findings if f.status is not Status.FIXED]
    new = sum(f.status is Status.NEW for f in here)
    findings = tuple(
        replace(f, status=Status.KNOWN)
        if f.status is Status.NEW and _known(f, there, here)
        else f
        for f in result.findings
    )
    known = sum(f.status is Status.KNOWN for f in findings)
    note = f"baseline '{name}': {known} of {new} findings are known"
    if (baseline.base_commit, baseline.tree_version) != (
        result.base_commit,
        result.tree_version,
    ):
        note += f"; it was made on {_tree(baseline)}, this is {_tree(result)}"
    return replace(result, findings=findings, notes=(*result.notes, note))


def _tree(result: Result) -> str:
    commit = result.base_commit[:12]
    return f"Xen {result.tree_version}" + (f" at {commit}" if commit else "")


def _known(finding: Finding, there: Sequence[Finding], here: Sequence[Finding]) -> bool:
    like = [
        f
        for f in there
        if _alike(f, finding)
        and _code(f) == _code(finding)
        # What a comment in the source suppressed is new where that is gone.
        and (not f.suppressed or finding.suppressed)
    ]
    # Two places that are alike have no name of their own: which is new?
    places = sum(_alike(f, finding) and _code(f) == _code(finding) for f in here)
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


def _code(finding: Finding) -> str:
    """Return the line that a finding is at, as far as it is shown."""
    place = finding.location
    lines = (each.lines for each in finding.excerpts if each.file == place.file)
    found = (text for each in lines for number, text in each if number == place.line)
    return " ".join(next(found, "").split())
