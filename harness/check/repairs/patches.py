"""The diffs that mend what each patch of a series brings in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.check.changes import Change
from harness.check.finding import Finding, Severity, Status
from harness.check.repairs import kept
from harness.check.repairs.repairing import Repaired, repaired
from harness.check.request import CheckRequest

__all__ = ["with_diffs"]


def with_diffs(
    findings: Sequence[Finding], changes: Sequence[Change], request: CheckRequest
) -> tuple[list[Finding], dict[int, str]]:
    """Return the findings with their diffs, and by patch one for all its errors.

    The diff of what a patch brings in stands on the tree with that patch.
    """
    result = list(findings)
    whole: dict[int, str] = {}
    for change in changes:
        number = change.step.number
        places = [
            place
            for place, finding in enumerate(findings)
            if finding.patch == number
            and finding.status is Status.NEW
            and finding.severity is not Severity.PERF
            and not finding.fixed_by
            and not finding.suppressed
        ]
        if not places:
            continue
        found = _found([findings[place] for place in places], change, request)
        for index, place in enumerate(places):
            repair = findings[place].repair
            if repair is not None:
                diff, without = found.diffs.get(index), found.without.get(index)
                repair = replace(repair, diff=diff or "", no_diff=without or "")
                result[place] = replace(findings[place], repair=repair)
        if found.whole:
            whole[number] = found.whole
    return result, whole


def _found(
    findings: Sequence[Finding], change: Change, request: CheckRequest
) -> Repaired:
    key = kept.key_of(change, findings, request)
    found = kept.load(key)
    if found is None:
        found = repaired(findings, change.step.after, change.after, request)
        kept.save(key, found)
    return found
