"""Analyse several trees on all CPUs, and each code only once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from math import ceil
from multiprocessing import get_context
from pathlib import Path

from harness.check import store
from harness.check.request import CheckRequest
from harness.check.tree_analysis import TreeAnalysis, TreeJob, analyse, joined
from harness.errors import HarnessError
from harness.series import View
from harness.targets import TARGET, Code

__all__ = ["Analysed", "analysed"]


@dataclass(frozen=True, slots=True)
class Analysed:
    """The analyses of trees, by what they depend on.

    ``keys`` and ``codes`` are given for the ``id`` of a view.
    """

    keys: dict[int, str]
    codes: dict[int, Code]
    analyses: dict[str, TreeAnalysis]

    def of(self, view: View) -> TreeAnalysis:
        """Return the analysis of a tree."""
        return self.analyses[self.keys[id(view)]]

    def get(self, view: View) -> TreeAnalysis | None:
        """Return the analysis of a tree, None if it was not asked for."""
        return self.of(view) if id(view) in self.keys else None

    def code(self, view: View) -> Code:
        """Return what the tree comes to."""
        return self.codes[id(view)]


def analysed(views: Iterable[View], request: CheckRequest) -> Analysed:
    """Analyse trees; those that come to the same code, for one of them."""
    jobs = _jobs(views, request)
    keys = {number: job.key for number, job in jobs.items()}
    distinct = {keys[number]: job for number, job in jobs.items()}
    analyses = {key: store.load(key) for key in distinct}
    left = [key for key, kept in analyses.items() if kept is None]
    ran = _run([distinct[key] for key in left], request)
    for key, analysis in zip(left, ran, strict=True):
        store.save(key, analysis)
    every = {**analyses, **dict(zip(left, ran, strict=True))}
    return Analysed(
        keys,
        {number: job.code for number, job in jobs.items()},
        {key: analysis for key, analysis in every.items() if analysis is not None},
    )


def _jobs(views: Iterable[View], request: CheckRequest) -> dict[int, TreeJob]:
    """Preprocess each tree, once if only what is looked at differs."""
    codes: dict[Path, Code] = {}
    jobs = {}
    for view in views:
        if view.root not in codes:
            codes[view.root] = _code(view, request)
        jobs[id(view)] = TreeJob(
            view,
            codes[view.root],
            request.profiles,
            request.scenarios,
            assumptions=request.assumptions,
            config=request.config,
        )
    return jobs


def _code(view: View, request: CheckRequest) -> Code:
    with tempfile.TemporaryDirectory(prefix="harness-") as work:
        try:
            return TARGET.code(view, Path(work), request.config)
        except HarnessError as error:
            if view.patch is not None and view.patch.total:
                which = f" (with patch {view.patch.number}/{view.patch.total})"
                raise type(error)(error.message + which, error.coord) from error
            raise


def _run(jobs: list[TreeJob], request: CheckRequest) -> list[TreeAnalysis]:
    """Run the jobs, each in so many shares that every CPU has work."""
    workers = request.jobs or os.cpu_count() or 1
    shares = ceil(workers / len(jobs)) if jobs else 1
    parts = [
        replace(job, share=share, shares=shares)
        for job in jobs
        for share in range(shares)
    ]
    done = _run_parts(parts, min(workers, len(parts)), request)
    return [joined(done[n : n + shares]) for n in range(0, len(parts), shares)]


def _run_parts(
    parts: list[TreeJob], workers: int, request: CheckRequest
) -> list[TreeAnalysis]:
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
        return [
            here[number] if number in here else elsewhere[number].result()
            for number in range(len(parts))
        ]
