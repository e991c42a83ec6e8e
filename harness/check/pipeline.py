"""From a request to a result: base and patched tree, compared."""

from __future__ import annotations

import time
from dataclasses import replace

from harness.assumptions import changed, rested_on
from harness.check.analyses import analysed
from harness.check.attribution import Compared, attributed
from harness.check.changes import Change, changes_of, not_executed, nothing_ran
from harness.check.excerpts import with_excerpts, with_hunks
from harness.check.finding import Finding
from harness.check.intake import opened, stepped
from harness.check.merging import findings_of
from harness.check.performance.questions import answered
from harness.check.performance.savings import perf_findings
from harness.check.repairs.patches import with_diffs
from harness.check.replays.tokens import with_tokens
from harness.check.request import CheckRequest, Form
from harness.check.result import (
    Bounds,
    Letter,
    PatchSummary,
    Result,
    ScenarioCost,
    UnsupportedItem,
)
from harness.check.suppressions.suppression import with_suppressions
from harness.check.tree_analysis import Reached, TreeAnalysis
from harness.series import Base, Patch, apply
from harness.series.identity import identity
from harness.targets import PES, Code

__all__ = ["CheckRequest", "Form", "audit", "check", "summary"]


def check(request: CheckRequest) -> Result:
    """Check patches: run the tree before and after each, and compare.

    Raises HarnessError where patch, tree or request cannot be used.
    """
    started = time.monotonic()
    request.refuse_unknown_profiles()
    with opened(request) as intake, stepped(intake) as steps:
        changes = changes_of(steps, request)
        missing = not_executed(changes, request)
        every = attributed(_compared(change, request) for change in changes)
        findings = with_suppressions(every, {s.number: s.after for s in steps})
        whole: dict[int, str] = {}
        if request.repairs:
            findings, whole = with_diffs(findings, changes, request)
    last = changes[-1]
    result = _result("check", intake.base, request, findings, last.after, last.code)
    base = changes[0].before
    analyses = {id(a): a for c in changes for a in (c.before, c.after)}
    return replace(
        result,
        patches=tuple(
            replace(summary(patch), repair=whole.get(number, ""))
            for number, patch in enumerate(intake.patches, 1)
        ),
        bounds=_bounds([*analyses.values()], last.after, request),
        unsupported=_unsupported([change.after for change in changes], base),
        cost=_cost(last.after, base, request.profiles),
        not_executed=missing,
        nothing_ran=bool(missing) and nothing_ran(changes),
        notes=(*intake.notes, *result.notes),
        alternatives=intake.alternatives,
        answers=answered(base, last.after, findings, len(missing)),
        stats=_stats(started),
    )


def audit(request: CheckRequest) -> Result:
    """Check a tree as it is."""
    started = time.monotonic()
    request.refuse_unknown_profiles()
    with opened(request, audit=True) as intake, apply(intake.base.tree) as view:
        found = analysed([view], request, planned=True)
        analysis = found.of(view)
        every = with_excerpts(_findings(analysis, request), view)
        findings = with_suppressions(every, {0: view})
        code = found.code(view)
        result = _result("audit", intake.base, request, findings, analysis, code)
        return replace(result, stats=_stats(started))


def _result(
    command: str,
    base: Base,
    request: CheckRequest,
    findings: list[Finding],
    last: TreeAnalysis,
    code: Code,
) -> Result:
    """Return what a check and an audit say alike; the tree is the last one."""
    return Result(
        command=command,
        base=f"{base.name} ({base.how})" if base.how else base.name,
        tree_version=base.tree.version,
        patches=(),
        profiles=request.profiles,
        bounds=_bounds([last], last, request),
        findings=tuple(with_tokens(findings)),
        unsupported=_unsupported([last], None),
        cost=_cost(last, None, request.profiles),
        assumptions=rested_on(
            request.assumptions, (name for f in findings for name in f.assumptions)
        ),
        only_under=changed(request.assumptions),
        unhandled=last.unhandled,
        base_commit=base.commit,
        configuration=code.configuration,
        notes=base.notes,
    )


def _stats(started: float) -> dict[str, float]:
    return {"seconds": round(time.monotonic() - started, 1)}


def _findings(
    analysis: TreeAnalysis, request: CheckRequest, base: TreeAnalysis | None = None
) -> list[Finding]:
    names = request.profiles, analysis.scenarios
    return [
        *findings_of(analysis.diagnoses, *names),
        *perf_findings(analysis.savings, *names, base.savings if base else None),
    ]


def _compared(change: Change, request: CheckRequest) -> Compared:
    step = change.step
    return Compared(
        step.number,
        with_excerpts(_findings(change.before, request), step.before),
        with_hunks(
            with_excerpts(_findings(change.after, request, change.before), step.after),
            change.patch,
        ),
        change.after.complete,
        step.first,
        step.last,
    )


def summary(patch: Patch) -> PatchSummary:
    """Return what a report says about a patch."""
    recovery = patch.recovery
    return PatchSummary(
        patch.name,
        patch.subject,
        tuple(part.path for part in patch.files),
        patch.notes,
        None if recovery is None else recovery.verified,
        () if recovery is None else recovery.uncertain,
        patch.commit,
        Letter(
            patch.author,
            patch.date,
            patch.message_id,
            patch.references,
            patch.recipients,
            patch.heading,
        ),
        identity(patch),
    )


def _bounds(
    analyses: list[TreeAnalysis], last: TreeAnalysis, request: CheckRequest
) -> Bounds:
    return Bounds(
        scenarios=len(last.scenarios),
        profiles=len(request.profiles),
        pcpus=PES,
        executions=sum(a.executions for a in analyses),
        events=sum(a.events for a in analyses),
        exhausted=all(a.exhausted for a in analyses),
    )


def _unsupported(
    patched: list[TreeAnalysis], base: TreeAnalysis | None
) -> tuple[UnsupportedItem, ...]:
    """List what was reached with the last patch, or only with one before it."""
    in_base = {(r.what, r.file) for r in base.reached} if base else set()
    groups: dict[tuple[str, str, int], list[Reached]] = {}
    seen: set[tuple[str, str]] = set()
    for analysis in reversed(patched):
        told = frozenset(seen)
        for reached in analysis.reached:
            if (reached.what, reached.file) not in told:
                seen.add((reached.what, reached.file))
                key = (reached.what, reached.file, reached.line)
                groups.setdefault(key, []).append(reached)
    return tuple(
        UnsupportedItem(
            what,
            file,
            line,
            tuple(dict.fromkeys(r.scenario for r in group)),
            tuple(dict.fromkeys(r.profile for r in group)),
            (what, file) in in_base,
        )
        for (what, file, line), group in groups.items()
    )


def _cost(
    patched: TreeAnalysis, base: TreeAnalysis | None, profiles: tuple[str, ...]
) -> tuple[ScenarioCost, ...]:
    rows: list[ScenarioCost] = []
    for scenario in patched.scenarios:
        groups: dict[object, list[str]] = {}
        for profile in profiles:
            new = patched.costs.get((scenario, profile))
            old = base.costs.get((scenario, profile)) if base else None
            groups.setdefault((old, new), []).append(profile)
        for names in groups.values():
            old = base.costs.get((scenario, names[0])) if base else None
            new = patched.costs.get((scenario, names[0]))
            rows.append(ScenarioCost(scenario, tuple(names), old, new))
    return tuple(rows)
