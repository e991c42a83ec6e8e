"""What was tried on one patched tree: each thing once, and not too many."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.check.finding import Finding
from harness.check.mending import Mending
from harness.check.repairs.patched_code import PatchedCode
from harness.check.repairs.proposals import proposals
from harness.check.repairs.texts import Change, diff_of
from harness.check.repairs.trial import Before, Trial, shown
from harness.check.request import CheckRequest
from harness.check.tree_analysis import TreeAnalysis
from harness.errors import HarnessError
from harness.series import View
from harness.targets import TARGETS, target_of
from reference_model.cores import PROFILES

__all__ = ["Part", "Tries"]

_PROPOSED = 16  # for one finding
_TRIED = 48  # in the scenarios that show a finding, for all findings
_CONFIRMED = 6  # everywhere

_Marks = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """Changes of the source, and the diff that they come to."""

    changes: frozenset[Change]
    diff: str


class Tries:
    """Changes of one tree that were applied and analysed."""

    def __init__(
        self, view: View, analysis: TreeAnalysis, request: CheckRequest
    ) -> None:
        self._view = view
        self._before = Before(analysis)
        self._request = request
        self._codes: dict[str, PatchedCode | None] = {}
        self._parts: dict[str, list[Part]] = {}
        self._shown: dict[str, Before | None] = {}
        self._promising: dict[tuple[str, str], bool] = {}
        self._left: dict[str, _Marks | None] = {}

    def parts(self, finding: Finding) -> Sequence[Part]:
        """Return what may mend a finding, the most likely first."""
        key = finding.fingerprint
        if key not in self._parts:
            code = self._code(finding)
            found = proposals(code, _mendings(finding)) if code else []
            parts = [self.part(changes) for changes in found[:_PROPOSED]]
            self._parts[key] = [part for part in parts if part.diff]
        return self._parts[key]

    def part(self, changes: frozenset[Change]) -> Part:
        """Return changes with their diff."""
        code = next(code for code in self._codes.values() if code is not None)
        return Part(changes, diff_of(code.texts(changes), changes))

    def promising(self, finding: Finding, part: Part) -> bool:
        """Tell whether a finding is gone with it where its trace comes from."""
        key = finding.fingerprint, part.diff
        if key not in self._promising:
            if len(self._promising) == _TRIED:
                return False
            if self._request.progress is not None:
                self._request.progress(f"repair of {finding.rule}")
            self._promising[key] = self._try(finding, part)
        return self._promising[key]

    def _try(self, finding: Finding, part: Part) -> bool:
        after = Trial(self._view, part.diff, self._request).shown(finding)
        if after is None or finding.marks & {d.mark for d in after.diagnoses}:
            return False
        if not self._before.worse(after):
            return True
        before = self._before_of(finding)
        return before is not None and not before.worse(after)

    def _before_of(self, finding: Finding) -> Before | None:
        """Return what is known with what the same scenarios alone find."""
        key = finding.fingerprint
        if key not in self._shown:
            try:
                alone = shown(finding, self._view, self._request)
                self._shown[key] = self._before.also(alone)
            except HarnessError:
                self._shown[key] = None
        return self._shown[key]

    def left(self, part: Part) -> _Marks | None:
        """Return the marks of what is found with it, everywhere.

        None where it brings in something, or cannot be analysed.
        """
        if part.diff not in self._left:
            if len(self._left) == _CONFIRMED:
                return None
            trial = Trial(self._view, part.diff, self._request)
            after = trial.outcome(self._before)
            marks = {m for finding in after or () for m in finding.marks}
            self._left[part.diff] = None if after is None else frozenset(marks)
        return self._left[part.diff]

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


def _mendings(finding: Finding) -> tuple[Mending, ...]:
    """Return what the repair of a finding changes in its trace."""
    return finding.shown.mendings if finding.shown is not None else ()
