"""From a request to a result: base and patched tree, compared."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from harness.assumptions import changed, rested_on
from harness.check.finding import Finding
from harness.check.merging import compared, findings_of
from harness.check.result import (
    Bounds,
    PatchSummary,
    Result,
    ScenarioCost,
    UnsupportedItem,
)
from harness.check.tree_analysis import (
    Reached,
    TreeAnalysis,
    TreeJob,
    analyse,
    joined,
)
from harness.errors import UsageError
from harness.series import Patch, Tree, choose_base, read_patch
from harness.series.base import EMBEDDED
from harness.targets import PES
from reference_model.assumptions import Assumptions
from reference_model.cores import PROFILES
from reference_model.profiles import ARCHITECTURE_PROFILES

__all__ = ["CheckRequest", "audit", "check"]


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What the user asked for; ``scenarios`` None means all of them.

    ``profiles`` are full names: a core with unknown values has several.
    """

    patch: bytes | None
    patch_name: str
    tree: Path | None
    cwd: Path
    profiles: tuple[str, ...] = tuple(ARCHITECTURE_PROFILES)
    scenarios: tuple[str, ...] | None = None
    jobs: int | None = None
    progress: Callable[[str], None] | None = None
    embedded: Path = field(default=EMBEDDED)
    assumptions: Assumptions = field(default_factory=Assumptions)


def check(request: CheckRequest) -> Result:
    """Check a patch: run base and patched tree and compare.

    Raises HarnessError where patch, tree or request cannot be used.
    """
    if request.patch is None:
        raise UsageError("no patch given: name a file, or - for standard input")
    patch = read_patch(request.patch, request.patch_name)
    return _result("check", request, patch)


def audit(request: CheckRequest) -> Result:
    """Check a tree as it is."""
    return _result("audit", request, None)


def _result(command: str, request: CheckRequest, patch: Patch | None) -> Result:
    started = time.monotonic()
    for name in request.profiles:
        if name not in PROFILES:
            raise UsageError(f"no profile '{name}': 'harness profiles' lists them")
    tree = choose_base(request.tree, request.cwd, patch, request.embedded)
    patched, base = _analysed(tree, patch, request)
    findings = _findings(patched, request)
    if base is not None:
        findings = compared(_findings(base, request), findings, patched.complete)
    return Result(
        command=command,
        base=_base_name(tree, request),
        tree_version=tree.version,
        patches=(_summary(patch),) if patch is not None else (),
        profiles=request.profiles,
        bounds=_bounds(patched, base, request),
        findings=tuple(findings),
        unsupported=_unsupported(patched, base),
        cost=_cost(patched, base, request.profiles),
        assumptions=rested_on(
            request.assumptions, (name for f in findings for name in f.assumptions)
        ),
        not_executed=patched.coverage.missing,
        only_under=changed(request.assumptions),
        unhandled=patched.unhandled,
        stats={"seconds": round(time.monotonic() - started, 1)},
    )


def _findings(analysis: TreeAnalysis, request: CheckRequest) -> list[Finding]:
    return findings_of(analysis.diagnoses, request.profiles, analysis.scenarios)


def _analysed(
    tree: Tree, patch: Patch | None, request: CheckRequest
) -> tuple[TreeAnalysis, TreeAnalysis | None]:
    """Analyse the patched tree and, if there is a patch, the base."""
    workers = request.jobs or os.cpu_count() or 1
    patches = [patch] if patch is None else [patch, None]
    jobs = [
        TreeJob(
            tree,
            which,
            request.profiles,
            request.scenarios,
            share,
            workers,
            request.assumptions,
        )
        for which in patches
        for share in range(workers)
    ]
    parts = _run(jobs, workers, request)
    analyses = [joined(parts[n : n + workers]) for n in range(0, len(parts), workers)]
    return analyses[0], analyses[1] if patch is not None else None


def _run(
    jobs: list[TreeJob], workers: int, request: CheckRequest
) -> list[TreeAnalysis]:
    if workers == 1:
        return [analyse(job, request.progress) for job in jobs]
    # Every first share runs here, where progress can be shown.
    with ProcessPoolExecutor(workers - 1, get_context("spawn")) as pool:
        elsewhere = {
            number: pool.submit(analyse, job)
            for number, job in enumerate(jobs)
            if job.share
        }
        here = {
            number: analyse(job, request.progress)
            for number, job in enumerate(jobs)
            if not job.share
        }
        return [
            here[number] if number in here else elsewhere[number].result()
            for number in range(len(jobs))
        ]


def _base_name(tree: Tree, request: CheckRequest) -> str:
    if request.tree is not None:
        return f"{request.tree} (--tree)"
    if tree.top == request.embedded.resolve():
        return "embedded base"
    return f"{tree.top} (working directory)"


def _summary(patch: Patch) -> PatchSummary:
    names = [part.new or part.old or "" for part in patch.files]
    return PatchSummary(patch.name, patch.subject or "", tuple(names))


def _bounds(
    patched: TreeAnalysis, base: TreeAnalysis | None, request: CheckRequest
) -> Bounds:
    analyses = [a for a in (patched, base) if a is not None]
    return Bounds(
        scenarios=len(patched.scenarios),
        profiles=len(request.profiles),
        pcpus=PES,
        executions=sum(a.executions for a in analyses),
        events=sum(a.events for a in analyses),
        exhausted=patched.exhausted,
    )


def _unsupported(
    patched: TreeAnalysis, base: TreeAnalysis | None
) -> tuple[UnsupportedItem, ...]:
    in_base = {(r.what, r.file) for r in base.reached} if base else set()
    groups: dict[tuple[str, str, int], list[Reached]] = {}
    for reached in patched.reached:
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
