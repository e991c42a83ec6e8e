"""Say which patch of a series brings in a finding, and which one mends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.check.finding import Finding, Status
from harness.check.merging import compared

__all__ = ["Compared", "attributed"]


@dataclass(frozen=True, slots=True)
class Compared:
    """The findings without and with one patch.

    ``complete`` are the scenarios that ran to their ends with it; ``first``
    and ``last`` tell where a stack of patches begins and ends.
    """

    number: int
    before: list[Finding]
    after: list[Finding]
    complete: set[str]
    first: bool = True
    last: bool = True


def attributed(steps: Iterable[Compared]) -> list[Finding]:
    """Return the findings of all patches: what each brings in or mends.

    What is wrong on the base and still is at the end is unchanged.  What one
    patch brings in and a later one mends stays new: the tree is wrong between
    them.
    """
    result: list[Finding] = []
    brought: dict[int, Finding] = {}  # of this stack, by place in the result
    for step in steps:
        if step.first:
            brought = {}
        for finding in compared(step.before, step.after, step.complete):
            like = [n for n, new in brought.items() if new.marks & finding.marks]
            if finding.status is Status.NEW:
                brought[len(result)] = finding
                result.append(replace(finding, patch=step.number))
            elif finding.status is Status.FIXED:
                for place in like:
                    del brought[place]
                    result[place] = replace(result[place], fixed_by=step.number)
                if not like:
                    result.append(replace(finding, patch=step.number))
            elif step.last and not like and not _told(finding, result):
                result.append(finding)
    return result


def _told(finding: Finding, result: list[Finding]) -> bool:
    """Tell whether a finding is among the unchanged ones of another stack."""
    return any(
        other.status is Status.UNCHANGED and other.fingerprint == finding.fingerprint
        for other in result
    )
