"""How many trees are analysed for a series: each once, and never again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.check import analyses, store
from harness.check.pipeline import CheckRequest, check
from harness.check.result import Result, Verdict
from harness.check.shards.parts import given_by, part_of, work_of
from harness.check.shards.shard import Shard
from harness.check.tree_analysis import TreeAnalysis, TreeJob
from harness.series.base import EMBEDDED

pytestmark = pytest.mark.long

P2M = "xen/arch/arm/mmu/p2m.c"
FLAG = "    p2m->need_flush = false;\n"
PATCHES = 3
BOTH = ("P0-v8.0", "a32-v8")  # one for each architecture


def series(statements: list[str], subject: str = "Patch") -> bytes:
    """Return a mailbox; each patch adds a statement after each flush."""
    source = (EMBEDDED / P2M).read_text(encoding="utf-8")
    at = source.splitlines(keepends=True).index(FLAG) + 1
    above = source.splitlines(keepends=True)[at - 3 : at]
    below = source.splitlines(keepends=True)[at : at + 3]
    mails = []
    for number, statement in enumerate(statements, 1):
        last = "".join(f" {line}" for line in below)
        first = "".join(f" {line}" for line in above)
        mails.append(
            "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n"
            f"From: A <a@example.com>\nSubject: [PATCH {number}/{len(statements)}] "
            f"xen/arm: {subject} {number}\n\n---\n"
            f"--- a/{P2M}\n+++ b/{P2M}\n@@ -{at - 2},6 +{at - 2},7 @@\n"
            f"{first}+{statement}\n{last}-- \n2.39.5\n\n"
        )
        below = [f"{statement}\n", *below[:2]]
    return "".join(mails).encode()


STATEMENTS = [f"    isb(); /* {number} */" for number in range(PATCHES)]
SERIES = series(STATEMENTS)


class Counted:
    """Counts what is analysed, in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trees: list[tuple[str, str]] = []
        real = analyses.analyse_readable

        def analyse(job: TreeJob, *more: object) -> TreeAnalysis:
            self.trees.append((job.target, job.code.digest))
            return real(job, *more)  # type: ignore[arg-type]

        monkeypatch.setattr(analyses, "analyse_readable", analyse)

    def request(self, data: bytes, jobs: int = 1) -> CheckRequest:
        """Return what is asked for."""
        return CheckRequest(
            data,
            "series",
            None,
            EMBEDDED,
            profiles=BOTH,
            scenarios=("unmap-4k/own-vttbr/1-pcpu",),
            jobs=jobs,
        )

    def check(self, data: bytes, jobs: int = 1) -> tuple[Result, int]:
        """Check a series; return the result and the number of trees analysed."""
        self.trees.clear()
        result = replace(check(self.request(data, jobs)), stats={})
        assert len(self.trees) == len(set(self.trees))  # none twice
        return result, len(self.trees)


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Return a counter, and start with nothing kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("HARNESS_NO_CACHE", raising=False)
    return Counted(monkeypatch)


ARCHITECTURES = len(BOTH)
WHOLE = (PATCHES + 1) * ARCHITECTURES  # the base once, and the tree of each patch


def test_each_tree_is_analysed_once(counted: Counted) -> None:
    """Also the one that one patch leads to and the next one starts from."""
    result, trees = counted.check(SERIES)
    assert result.verdict is Verdict.CLEAN
    assert len(result.patches) == PATCHES
    assert trees == WHOLE


def test_no_tree_is_analysed_again(counted: Counted) -> None:
    first, _ = counted.check(SERIES)
    assert counted.check(SERIES) == (first, 0)
    # What is only said differently is the same code.
    again, trees = counted.check(series(STATEMENTS, "Other words"))
    assert trees == 0
    assert again.findings == first.findings


@pytest.mark.parametrize("changed", [0, PATCHES - 1])
def test_a_new_version_is_analysed_from_its_first_change_on(
    changed: int, counted: Counted
) -> None:
    counted.check(SERIES)
    statements = [*STATEMENTS]
    statements[changed] = "    isb(); isb();"
    _, trees = counted.check(series(statements))
    assert trees == (PATCHES - changed) * ARCHITECTURES


def test_the_first_patches_of_a_series_are_known_already(counted: Counted) -> None:
    counted.check(SERIES)
    result, trees = counted.check(series(STATEMENTS[:2]))
    assert (len(result.patches), trees) == (2, 0)


def test_the_number_of_processes_does_not_show(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")
    one, all_here = counted.check(SERIES)
    three, here = counted.check(SERIES, jobs=3)
    assert one == three
    assert here < all_here == WHOLE


def test_several_machines_analyse_each_tree_once_between_them(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base as well, of which each part has its blocks."""
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")
    whole, _ = counted.check(SERIES)
    request = counted.request(SERIES)
    parts = [part_of(request, Shard(number, 3)).part for number in (1, 2, 3)]
    named = [(f"part {n}", part) for n, part in enumerate(parts, 1) if part]
    blocks = [
        (key, number)
        for name, part in named
        for key, number, _ in work_of(part, name).blocks
    ]
    assert len(blocks) == len(set(blocks))
    assert len({key for key, _ in blocks}) == WHOLE
    # Whoever merges them analyses nothing.
    given, done = given_by(named)
    counted.trees.clear()
    merged = check(replace(given.request(request), done=done))
    assert counted.trees == []
    assert replace(merged, stats={}) == whole


def test_a_long_series_is_kept_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the oldest go first where there is too much."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keys = [store.key_of(number) for number in range(200)]
    for number, key in enumerate(keys):
        store.save(key, TreeAnalysis(executions=number))
        os.utime(tmp_path / "harness" / key, (number, number))
    assert [store.load(key) for key in keys] == [
        TreeAnalysis(executions=number) for number in range(200)
    ]
    size = (tmp_path / "harness" / keys[0]).stat().st_size
    monkeypatch.setattr(store, "_KEPT", 10 * size)
    for number, key in enumerate(keys):
        os.utime(tmp_path / "harness" / key, (number, number))
    store.save(store.key_of("one more"), TreeAnalysis())
    left = [number for number, key in enumerate(keys) if store.load(key) is not None]
    assert left == list(range(191, 200))
