"""What each step of a counterexample leaves behind."""

from __future__ import annotations

import pytest

from harness.check.finding import Finding
from harness.check.pipeline import CheckRequest, check
from harness.report.examples import example
from harness.series.base import EMBEDDED


def _finding(name: str, scenario: str) -> Finding:
    patch, file = example(name)
    request = CheckRequest(
        patch,
        file,
        None,
        EMBEDDED,
        profiles=("P0-v8.0",),
        scenarios=(scenario,),
        jobs=1,
    )
    return check(request).findings[0]


@pytest.fixture(scope="module")
def local_flush() -> Finding:
    """Return a finding: an entry survives on another pCPU."""
    return _finding("bad_flush_local", "unmap-4k/own-vttbr/2-pcpus")


def _texts(finding: Finding, name: str) -> list[str]:
    return [
        state.text
        for step in finding.trace
        for state in step.states
        if name in state.name
    ]


def test_every_step_says_what_tables_and_tlbs_hold(local_flush: Finding) -> None:
    names = {tuple(state.name for state in step.states) for step in local_flush.trace}
    assert names == {("tables, IPA 0x40203000", "TLB pCPU0", "TLB pCPU1")}


def test_the_tables_change_with_the_store(local_flush: Finding) -> None:
    store = next(n for n, s in enumerate(local_flush.trace) if "store" in s.event)
    texts = _texts(local_flush, "tables")
    assert set(texts[:store]) == {"4K PA 0x41000000 rwx"}
    assert set(texts[store:]) == {"invalid"}


def test_entries_become_stale_and_go_where_the_flush_reaches(
    local_flush: Finding,
) -> None:
    here, there = _texts(local_flush, "pCPU0"), _texts(local_flush, "pCPU1")
    assert here[0] == there[0] == "S2, S12, S12W: 4K PA 0x41000000 rwx"
    assert here[-1] == "nothing for it"
    assert there[-1] == "S2, S12, S12W: 4K PA 0x41000000 rwx (stale)"


def test_the_last_states_agree_with_the_difference(local_flush: Finding) -> None:
    last = {state.name: state for state in local_flush.trace[-1].states}
    for diff in local_flush.tlb_diff:
        assert last[f"TLB pCPU{diff.pe}"].stale == bool(diff.unexpected)


def test_entries_of_another_vcpu_are_told_by_its_stage_1() -> None:
    finding = _finding("bad_vcpu_switch_no_flush", "vcpu-switch-same-domain")
    texts = _texts(finding, "pCPU0")
    assert "(not the one loaded)" not in texts[0]
    assert "(not the one loaded)" in texts[-1]
