"""The blocks of an analysis: how they are put together does not matter."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

import pytest

from harness.check.coverage.coverage import Coverage
from harness.check.pipeline import CheckRequest, check
from harness.check.shards.blocks import EVERY_BLOCK, complete, joined
from harness.check.tree_analysis import Reached, TreeAnalysis
from harness.cost.counts import Counts
from harness.report.examples import example
from harness.report.json_report import report
from harness.series.base import EMBEDDED

NAMES = tuple(f"s{number}" for number in EVERY_BLOCK)


def _block(number: int, *, exhausted: bool = True) -> TreeAnalysis:
    name = NAMES[-1 - number]  # not in the order of the blocks
    return TreeAnalysis(
        reached=[Reached("asm", "f.c", number, name, "P0-v8.0")],
        costs={(name, "P0-v8.0"): Counts(dsb=number)},
        scenarios=NAMES,
        complete={name},
        executions=number,
        events=10 * number,
        exhausted=exhausted,
        coverage=Coverage(
            tuple(f"f (f.c:{n})" for n in EVERY_BLOCK if n != number),
            executed=(f"f (f.c:{number})",),
        ),
    )


def test_blocks_are_joined_in_the_order_of_the_scenarios() -> None:
    blocks = {number: _block(number) for number in EVERY_BLOCK}
    whole = joined(blocks)
    assert complete(blocks)
    assert [r.scenario for r in whole.reached] == list(NAMES)
    assert whole.complete == set(NAMES)
    assert whole.executions == sum(EVERY_BLOCK)
    assert whole.events == 10 * sum(EVERY_BLOCK)
    assert whole.exhausted
    # What any of them ran is run.
    assert whole.coverage.unexecuted == ()


def test_who_was_first_does_not_matter() -> None:
    blocks = [(number, _block(number)) for number in EVERY_BLOCK]
    for order in list(permutations(blocks[:4]))[::5]:
        assert joined(dict([*order, *blocks[4:]])) == joined(dict(blocks))


def test_what_comes_after_a_bound_does_not_count() -> None:
    """One worker stops at the bound; another had no reason to."""
    blocks = {number: _block(number) for number in EVERY_BLOCK}
    blocks[2] = replace(blocks[2], exhausted=False)
    blocks[5] = replace(blocks[5], exhausted=False)
    first = {number: blocks[number] for number in (0, 1, 2)}
    assert complete(first)
    assert joined(blocks) == joined(first)
    assert not joined(first).exhausted
    assert joined(first).executions == 3


def test_a_block_that_is_missing_is_missed() -> None:
    blocks = {number: _block(number) for number in EVERY_BLOCK}
    blocks[5] = replace(blocks[5], exhausted=False)
    del blocks[3]
    assert not complete(blocks)
    assert not complete({})


def test_what_cannot_be_read_is_told_once() -> None:
    refused = TreeAnalysis(reached=[Reached("the code", "f.c", 1, "build", "a32-v8")])
    assert joined(dict.fromkeys(EVERY_BLOCK, refused)) == refused


@pytest.mark.parametrize("jobs", [2, 5])
def test_the_number_of_processes_does_not_matter(
    jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")
    data, name = example("bad_s1_step_local")
    request = CheckRequest(
        data,
        name,
        EMBEDDED,
        EMBEDDED,
        profiles=("P0-v8.0", "P2-v8.4"),
        scenarios=("unmap-4k", "unmap-2m", "restrict-4k", "vcpu-switch-back"),
    )
    alone, several = (
        report(replace(check(replace(request, jobs=n)), stats={})) for n in (1, jobs)
    )
    assert json.dumps(alone) == json.dumps(several)
