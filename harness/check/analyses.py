"""Analyse several trees on all CPUs, and each code only once."""

from __future__ import annotations

import os
import tempfile
from collections import ChainMap
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from multiprocessing import get_context
from pathlib import Path

from harness.check import store
from harness.check.architectures import code_of_all, merged, refused
from harness.check.coverage.effects import Lines, affected, both
from harness.check.coverage.macros import Macro, macros_of
from harness.check.request import CheckRequest
from harness.check.shards.blocks import joined
from harness.check.tree_analysis import Progress, TreeAnalysis, TreeJob
from harness.check.tree_analysis import analyse as analyse_readable
from harness.errors import HarnessError, ProcessError, ReportError, UsageError
from harness.series import View
from harness.targets import TARGET, TARGETS, Code, target_of
from reference_model.cores import PROFILES

__all__ = ["OTHER_CODE", "Analysed", "Plan", "analysed", "planned_for", "run"]

OTHER_CODE = (
    "the parts were made of other code: merge them with the same patch, tree, "
    "configuration and compiler"
)

_NO_CODE = Code("", frozenset(), "")
_KILLED = (
    "a process that analysed a part of this was killed, perhaps for want of memory: "
    "try again with '--jobs 1'"
)


@dataclass(frozen=True, slots=True)
class Analysed:
    """The analyses of trees, by what they depend on.

    ``keys``, ``codes`` and ``effects`` are given for the ``id`` of a view; it
    has a key for each architecture.
    """

    keys: dict[int, tuple[str, ...]]
    codes: dict[int, Code]
    effects: dict[int, Lines]
    analyses: dict[str, TreeAnalysis]

    def of(self, view: View) -> TreeAnalysis:
        """Return the analysis of a tree."""
        return merged([self.analyses[key] for key in self.keys[id(view)]])

    def get(self, view: View) -> TreeAnalysis | None:
        """Return the analysis of a tree, None if it was not asked for."""
        return self.of(view) if id(view) in self.keys else None

    def code(self, view: View) -> Code:
        """Return what the tree comes to."""
        return self.codes[id(view)]

    def affected(self, view: View) -> Lines:
        """Return the lines that the tree's last patch changes but does not touch."""
        return self.effects[id(view)]


def analysed(
    views: Iterable[View], request: CheckRequest, *, planned: bool = False
) -> Analysed:
    """Analyse trees; those that come to the same code, for one of them.

    ``planned`` are those that parts of the check have analysed, if there are any.
    """
    plan = planned_for(views, request)
    distinct, analyses = plan.distinct, dict(plan.failed)
    if planned and request.done is not None:
        if tuple(distinct) != request.done.plan:
            raise ReportError(OTHER_CODE)
        analyses |= request.done.analyses
    else:
        analyses |= {key: store.load(key) for key in distinct}
    left = [key for key in distinct if analyses[key] is None]
    ran = [joined(each) for each in run([distinct[key] for key in left], request)]
    for key, analysis in zip(left, ran, strict=True):
        store.save(key, analysis)
    every = {**analyses, **dict(zip(left, ran, strict=True))}
    found = {key: analysis for key, analysis in every.items() if analysis is not None}
    plan.refuse_empty(found, request)
    jobs = plan.jobs
    numbers = dict.fromkeys(number for number, _ in jobs)
    targets = dict.fromkeys(target for _, target in jobs)
    return Analysed(
        {n: tuple(jobs[n, target].key for target in targets) for n in numbers},
        {n: code_of_all([jobs[n, target].code for target in targets]) for n in numbers},
        {n: both([jobs[n, target].affected for target in targets]) for n in numbers},
        found,
    )


_Jobs = dict[tuple[int, str], TreeJob]


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to analyse, by the ``id`` of a view and by the target.

    ``distinct`` are the jobs that are not alike, by their keys; ``failed`` is
    what is known of those that come to nothing.
    """

    jobs: _Jobs
    distinct: dict[str, TreeJob]
    failed: dict[str, TreeAnalysis | None]

    def code(self, view: View) -> Code:
        """Return what a tree comes to."""
        return code_of_all([j.code for (n, _), j in self.jobs.items() if n == id(view)])

    def refuse_empty(
        self, found: Mapping[str, TreeAnalysis], request: CheckRequest
    ) -> None:
        """Check that each tree could run something of what was named."""
        done = {place: found[job.key] for place, job in self.jobs.items()}
        some = {n for (n, _), each in done.items() if each.scenarios or each.reached}
        alone = len({number for number, _ in self.jobs}) == 1
        for (number, _), job in self.jobs.items():
            judged = job.view.patch is not None or alone
            if judged and request.scenarios and number not in some:
                raise UsageError(
                    "the tree can run none of the scenarios named: "
                    "'harness scenarios --tree' lists those that it can"
                )


def planned_for(views: Iterable[View], request: CheckRequest) -> Plan:
    """Preprocess trees, and find out which of them have to be analysed."""
    jobs, failed = _jobs(views, request)
    distinct = {job.key: job for job in jobs.values() if job.code.digest}
    return Plan(jobs, distinct, failed)


def _jobs(
    views: Iterable[View], request: CheckRequest
) -> tuple[_Jobs, dict[str, TreeAnalysis | None]]:
    """Preprocess each tree for each target, once if only what is looked at differs.

    The jobs of one target follow each other, so that each CPU gets some of all.
    Returned with them is the analysis of those that come to nothing.
    """
    codes = _Codes(request)
    jobs: _Jobs = {}
    failed: dict[str, TreeAnalysis | None] = {}
    every = list(views)
    for target, profiles in _by_target(request).items():
        for view in every:
            code = codes.of(view, target)
            job = TreeJob(
                replace(view, before=None),
                # Rows are much, and have served their purpose.
                _NO_CODE if isinstance(code, HarnessError) else replace(code, rows={}),
                profiles,
                request.scenarios,
                assumptions=request.assumptions,
                config=request.config,
                target=target,
                affected=codes.affected(view, target),
                macros=codes.macros(view, target),
                savings=request.savings,
            )
            jobs[id(view), target] = job
            if isinstance(code, HarnessError):
                failed[job.key] = refused(job, code)
    return jobs, failed


def _by_target(request: CheckRequest) -> dict[str, tuple[str, ...]]:
    """Return the profiles that each target is analysed for, the main one first."""
    found: dict[str, tuple[str, ...]] = {}
    for target in TARGETS.values():
        names = (n for n in request.profiles if target_of(PROFILES[n]) is target)
        if profiles := tuple(names):
            found[target.name] = profiles
    return found


class _Codes:
    """What trees come to for each target: made once."""

    def __init__(self, request: CheckRequest) -> None:
        self._request = request
        self._made: dict[tuple[Path, str], Code | HarnessError] = {}

    def of(self, view: View, target: str) -> Code | HarnessError:
        """Return the code of a tree, or why there is none for that target."""
        place = (view.root, target)
        if place not in self._made:
            self._made[place] = _code(view, target, self._request)
        return self._made[place]

    def affected(self, view: View, target: str) -> Lines:
        """Return the lines that the last patch changes without touching them."""
        if view.before is None:
            return {}
        before, after = self.of(view.before, target), self.of(view, target)
        if isinstance(before, HarnessError) or isinstance(after, HarnessError):
            return {}
        return affected(view, before.rows, after.rows)

    def macros(self, view: View, target: str) -> tuple[Macro, ...]:
        """Return the macros that the last patch defines."""
        code = self.of(view, target)
        if view.patch is None or isinstance(code, HarnessError):
            return ()
        return macros_of(view, code.rows, self.affected(view, target))


def _code(view: View, target: str, request: CheckRequest) -> Code | HarnessError:
    """Preprocess a tree; return the error if only another target may go on."""
    with tempfile.TemporaryDirectory(prefix="harness-") as work:
        try:
            return TARGETS[target].code(view, Path(work), request.config)
        except HarnessError as error:
            if TARGETS[target] is not TARGET:
                return error
            if view.patch is not None and view.patch.total:
                which = f" (with patch {view.patch.number}/{view.patch.total})"
                raise type(error)(error.message + which, error.coord) from error
            raise


def run(jobs: list[TreeJob], request: CheckRequest) -> list[dict[int, TreeAnalysis]]:
    """Run the blocks of jobs, in so many shares that every CPU has work."""
    workers = request.jobs or os.cpu_count() or 1
    wanted = ceil(workers / len(jobs)) if jobs else 1
    shares = [min(wanted, len(job.blocks)) for job in jobs]
    parts = [
        replace(job, blocks=job.blocks[share::count])
        for job, count in zip(jobs, shares, strict=True)
        for share in range(count)
    ]
    done = iter(_run_parts(parts, min(workers, len(parts)), request))
    return [dict(ChainMap(*islice(done, count))) for count in shares]


def _run_parts(
    parts: list[TreeJob], workers: int, request: CheckRequest
) -> list[dict[int, TreeAnalysis]]:
    if workers < 2:
        return [analyse(part, request.progress) for part in parts]
    with ProcessPoolExecutor(workers - 1, get_context("spawn")) as pool:
        elsewhere = {
            number: pool.submit(analyse, part)
            for number, part in enumerate(parts)
            if number % workers
        }
        # The others run here, where progress can be shown.
        here = {
            number: analyse(part, request.progress)
            for number, part in enumerate(parts)
            if not number % workers
        }
        try:
            others = {number: part.result() for number, part in elsewhere.items()}
        except BrokenProcessPool as error:
            raise ProcessError(_KILLED) from error
    return [(here | others)[number] for number in range(len(parts))]


def analyse(job: TreeJob, progress: Progress | None = None) -> dict[int, TreeAnalysis]:
    """Analyse blocks of a tree for one target.

    Raises HarnessError where it cannot be read or parsed for the main one.
    """
    try:
        return analyse_readable(job, progress)
    except HarnessError as error:
        if TARGETS[job.target] is TARGET:
            raise
        return dict.fromkeys(job.blocks, refused(job, error))
