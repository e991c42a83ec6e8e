"""Which findings of a result are told, and in which order."""

from __future__ import annotations

from collections.abc import Iterable

from harness.check.finding import Finding, Severity, Status

__all__ = ["told", "worst_first"]


def told(findings: Iterable[Finding]) -> list[Finding]:
    """Return what is new and not suppressed, the worst first."""
    new = (f for f in findings if f.status is Status.NEW)
    return worst_first(f for f in new if not f.suppressed)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by status and severity; alike ones stay in their order."""
    statuses, severities = list(Status), list(Severity)
    return sorted(
        findings,
        key=lambda f: (statuses.index(f.status), severities.index(f.severity)),
    )
