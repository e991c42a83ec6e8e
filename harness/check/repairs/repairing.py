"""Turn the trace repairs of findings into diffs that were tried."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.check.finding import Finding, Severity
from harness.check.mending import Mending
from harness.check.repairs.patched_code import PatchedCode
from harness.check.repairs.proposals import proposals
from harness.check.repairs.texts import Change, clash, diff_of
from harness.check.repairs.trial import Before, Trial, shown
from harness.check.request import CheckRequest
from harness.check.tree_analysis import TreeAnalysis
from harness.errors import HarnessError
from harness.series import View
from harness.targets import TARGETS, target_of
from reference_model.cores import PROFILES

__all__ = ["Repaired", "repaired"]

_TRIED = 16  # proposals of one finding, on the profile and in the scenario of its trace
_CONFIRMED = 3  # of them, everywhere

_Changes = frozenset[Change]


@dataclass(slots=True)
class Repaired:
    """Diffs by finding, and one that mends all errors together."""

    diffs: dict[int, str] = field(default_factory=dict)  # by place in the list
    whole: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    changes: _Changes
    diff: str
    left: frozenset[tuple[str, ...]]  # marks of what is still found with it


def repaired(
    findings: Sequence[Finding],
    view: View,
    analysis: TreeAnalysis,
    request: CheckRequest,
) -> Repaired:
    """Look for diffs that mend the findings of one patched tree, one by one.

    What a diff for an earlier finding mends as well needs none of its own.
    """
    return _Repairing(findings, view, analysis, request).run()


class _Repairing:
    """The search on one tree."""

    def __init__(
        self,
        findings: Sequence[Finding],
        view: View,
        analysis: TreeAnalysis,
        request: CheckRequest,
    ) -> None:
        self._findings = findings
        self._view = view
        self._before = Before(analysis)
        self._request = request
        self._codes: dict[str, PatchedCode | None] = {}
        self._found: list[_Found] = []
        self._outcomes: dict[str, frozenset[tuple[str, ...]] | None] = {}

    def run(self) -> Repaired:
        """Search for all findings that a trace repair is known for."""
        result = Repaired()
        for number, finding in enumerate(self._findings):
            if finding.repair is None or not finding.repair.verified:
                continue
            found = self._shared(finding) or self._own(finding)
            if found is not None:
                result.diffs[number] = found.diff
        result.whole = self._whole(result)
        return result

    def _shared(self, finding: Finding) -> _Found | None:
        for found in self._found:
            if not finding.marks & found.left:
                return found
        return None

    def _own(self, finding: Finding) -> _Found | None:
        code = self._code(finding)
        if code is None:
            return None
        confirmed = 0
        try:
            before = self._before.also(shown(finding, self._view, self._request))
        except HarnessError:
            return None
        for changes in proposals(code, _mendings(finding))[:_TRIED]:
            diff = diff_of(code.texts(changes), changes)
            if not diff:
                continue
            self._tell(finding)
            trial = Trial(self._view, diff, self._request)
            if not trial.promising(finding, before):
                continue
            left = self._outcome(diff)
            if left is not None and not finding.marks & left:
                found = _Found(changes, diff, left)
                self._found.append(found)
                return found
            confirmed += 1
            if confirmed == _CONFIRMED:
                break
        return None

    def _outcome(self, diff: str) -> frozenset[tuple[str, ...]] | None:
        if diff not in self._outcomes:
            after = Trial(self._view, diff, self._request).outcome(self._before)
            self._outcomes[diff] = (
                None
                if after is None
                else frozenset(mark for finding in after for mark in finding.marks)
            )
        return self._outcomes[diff]

    def _whole(self, result: Repaired) -> str:
        """Return one diff after which no new error is left, if they fit together."""
        errors = [
            number
            for number, finding in enumerate(self._findings)
            if finding.severity is Severity.ERROR
        ]
        if not errors or any(number not in result.diffs for number in errors):
            return ""
        wanted = {result.diffs[number] for number in errors}
        parts = self._needed([f for f in self._found if f.diff in wanted], errors)
        changes = frozenset(c for found in parts for c in found.changes)
        code = next(c for c in self._codes.values() if c is not None)
        if clash(changes):
            return ""
        diff = diff_of(code.texts(changes), changes)
        left = self._outcome(diff)
        marks = {m for number in errors for m in self._findings[number].marks}
        return diff if left is not None and not marks & left else ""

    def _needed(self, parts: list[_Found], errors: list[int]) -> list[_Found]:
        """Leave out, the earliest first, what others do as well."""
        for part in list(parts):
            fewer = [other for other in parts if other is not part]
            if fewer and all(
                any(not self._findings[number].marks & other.left for other in fewer)
                for number in errors
            ):
                parts = fewer
        return parts

    def _code(self, finding: Finding) -> PatchedCode | None:
        target = TARGETS[target_of(PROFILES[finding.profiles[0]]).name]
        if target.name not in self._codes:
            self._codes[target.name] = None
            try:
                with tempfile.TemporaryDirectory(prefix="harness-") as work:
                    loaded = target.load(self._view, Path(work), self._request.config)
                self._codes[target.name] = PatchedCode(self._view, loaded.unit)
            except HarnessError:
                pass  # what cannot be read cannot be edited either
        return self._codes[target.name]

    def _tell(self, finding: Finding) -> None:
        if self._request.progress is not None:
            self._request.progress(f"repair of {finding.rule}")


def _mendings(finding: Finding) -> tuple[Mending, ...]:
    """Return what the repair of a finding changes in its trace."""
    return finding.shown.mendings if finding.shown is not None else ()
