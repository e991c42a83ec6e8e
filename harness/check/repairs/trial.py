"""Try a change: apply it to the patched tree with git, and analyse what comes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.check.analyses import analysed
from harness.check.finding import Finding
from harness.check.merging import findings_of
from harness.check.request import CheckRequest
from harness.check.shards.blocks import joined
from harness.check.tree_analysis import TreeAnalysis, TreeJob, analyse
from harness.errors import HarnessError
from harness.series import View, patched, read_patch
from harness.targets import TARGETS, target_of
from reference_model.cores import PROFILES

__all__ = ["Before", "Trial", "shown"]

_SCENARIOS = 3  # beside that of the trace


class Before:
    """What is known of the patched tree, to compare with."""

    def __init__(self, analysis: TreeAnalysis) -> None:
        self.seen = {(d.mark, d.scenario, d.profile) for d in analysis.diagnoses}
        self.reached = {(r.what, r.file) for r in analysis.reached}
        self.complete = frozenset(analysis.complete)

    def also(self, analysis: TreeAnalysis) -> Before:
        """Return it with what another analysis of the same tree found.

        What a violation is told as may depend on what was explained before.
        """
        other = Before(analysis)
        other.seen |= self.seen
        other.reached |= self.reached
        return other

    def worse(self, after: TreeAnalysis) -> bool:
        """Tell whether something is wrong, or not known, that was not before."""
        return (
            not after.exhausted
            or any((r.what, r.file) not in self.reached for r in after.reached)
            or any(
                (d.mark, d.scenario, d.profile) not in self.seen
                for d in after.diagnoses
            )
        )


def shown(finding: Finding, view: View, request: CheckRequest) -> TreeAnalysis:
    """Analyse a tree in some scenarios and on two profiles of a finding.

    They are that of its trace, and others spread over all.
    """
    target = TARGETS[target_of(PROFILES[finding.profiles[0]]).name]
    same = [p for p in finding.profiles if target_of(PROFILES[p]) is target]
    with tempfile.TemporaryDirectory(prefix="harness-") as work:
        code = target.code(view, Path(work), request.config)
    job = TreeJob(
        view,
        code,
        tuple(dict.fromkeys((same[0], same[-1]))),
        _spread(finding),
        assumptions=request.assumptions,
        config=request.config,
        target=target.name,
        savings=False,
    )
    return joined(analyse(job))


def _spread(finding: Finding) -> tuple[str, ...]:
    every = finding.scenarios
    chosen = (every[len(every) * n // _SCENARIOS] for n in range(_SCENARIOS))
    return tuple(dict.fromkeys((finding.scenario, *chosen, every[-1])))


class Trial:
    """A diff on top of a patched tree."""

    def __init__(self, view: View, diff: str, request: CheckRequest) -> None:
        self._view = view
        self.diff = diff
        # Whether it is fast is not what a repair is tried for.
        self._request = replace(request, savings=False)

    def shown(self, finding: Finding) -> TreeAnalysis | None:
        """Return what is found in the scenarios that show a finding.

        None where they do not run to their ends, or it cannot be analysed.
        """
        try:
            with self._applied() as view:
                after = shown(finding, view, self._request)
        except HarnessError:
            return None
        return after if set(_spread(finding)) <= after.complete else None

    def outcome(self, before: Before) -> list[Finding] | None:
        """Return what is left after it, in all scenarios and on all profiles.

        None where it brings in something, or cannot be analysed.
        """
        try:
            with self._applied() as view:
                after = analysed([view], self._request).of(view)
        except HarnessError:
            return None
        if before.worse(after) or not before.complete <= after.complete:
            return None
        return findings_of(after.diagnoses, self._request.profiles, after.scenarios)

    @contextmanager
    def _applied(self) -> Iterator[View]:
        patch = read_patch(self.diff.encode(), "repair")
        with patched(self._view, patch) as view:
            # It is judged as what the patch under test should have been.
            yield replace(view, patch=self._view.patch)
