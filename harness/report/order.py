"""Which findings of a result are told, and in which order.

The worst first: errors before warnings before what costs time, and among the
errors by what may come of them.

1. a CPU uses a translation that it must not: a guest reaches memory that is not
   its own, or sees another's entries. That includes VMIDs and tables that are
   given out too early, and mappings that are wrong by themselves;
2. two translations of one address at once: a TLB conflict abort, or a mix of
   the two (break-before-make);
3. the code itself is wrong: undefined behaviour, no end in sight;
4. it does not build: any compiler says so, too.

Then what the patch touches itself, then what breaks on more CPUs, then as the
source goes.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.check.finding import Finding, Severity, Status

__all__ = ["told", "worst_first"]

_STATUSES, _SEVERITIES = list(Status), list(Severity)
_CONFLICT = ("bbm-", "bbml2-", "nt-", "tlb-conflict-")
_CODE = ("c-undefined-behaviour", "c-bound-reached")
_BUILD = "c-does-not-build"


def told(findings: Iterable[Finding]) -> list[Finding]:
    """Return what is new and not suppressed, the worst first."""
    new = (f for f in findings if f.status is Status.NEW)
    return worst_first(f for f in new if not f.suppressed)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by status, severity and gravity; alike ones stay in their order."""
    return sorted(findings, key=_rank)


def _rank(finding: Finding) -> tuple[int | str, ...]:
    where = finding.location
    return (
        _STATUSES.index(finding.status),
        _SEVERITIES.index(finding.severity),
        _gravity(finding.rule),
        not where.in_patch,
        -len(finding.profiles),
        where.file,
        where.line,
    )


def _gravity(rule: str) -> int:
    if rule == _BUILD:
        return 3
    if rule in _CODE:
        return 2
    return 1 if rule.startswith(_CONFLICT) else 0
