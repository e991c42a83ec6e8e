"""The logs that casemate ships give its verdict, and a comparable reason.

The files in casemate/ hold the same sequences, written for these tests.  With
HARNESS_CASEMATE naming a checkout of casemate, or one beside the repository,
its own logs run as well.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from casemate_log import Outcome

from harness.check.replays.replayed import ReplayRequest, replay

REPOSITORY = Path(__file__).resolve().parents[2]
LOGS = Path(__file__).parent / "casemate"
GIVEN = os.environ.get("HARNESS_CASEMATE")
SHIPPED = Path(GIVEN or REPOSITORY.parent / "casemate") / "examples" / "expected"

# What casemate says, and what it is here.
BAD = {
    "bad_EL2_ASID": "discipline-reserved-asid",
    "bad_bbm_by_wrong_VMID": "discipline-table-unclean",
    "bad_bbm_missing_tlbi": "discipline-table-unclean",
    "bad_free_page_without_clean": "table-freed-before-tlbi",
    "bad_no_assoc_lock": "discipline-root-without-lock",
    "bad_no_bbm": "discipline-table-replaced",
    "bad_no_bbm_stage1": "discipline-table-replaced",
    "bad_overlap_ASID": "discipline-id-in-use",
    "bad_overlap_VMID": "discipline-id-in-use",
    "bad_race": "discipline-write-without-lock",
    "bad_reuse_page": "discipline-page-in-use",
    "bad_switch_wrong_vmid": "discipline-root-has-id",
    "bad_unlocked_write": "discipline-write-without-lock",
    "simple": "discipline-uninitialised-write",
}
GOOD = (
    "good_bbm",
    "good_bbm_by_VMID",
    "good_bbm_stage1",
    "good_free_page",
    "good_free_tree",
    "good_release_table",
    "good_switch",
    "good_write",
    "good_write_child",
)
EVERY = (*BAD, *GOOD)


def _run(path: Path) -> Outcome:
    return Outcome(replay(ReplayRequest((path,), "casemate")))


def _check(path: Path, name: str) -> None:
    found = _run(path)
    if name in BAD:
        assert found.verdict == "unsafe"
        assert found.rules == {BAD[name]}
    else:
        assert found.verdict == "clean"
        assert not found.rules


def test_there_is_a_file_for_each_log() -> None:
    assert sorted(path.stem for path in LOGS.glob("*.log")) == sorted(EVERY)
    assert len(EVERY) == 23


@pytest.mark.parametrize("name", EVERY)
def test_verdict(name: str) -> None:
    _check(LOGS / f"{name}.log", name)


@pytest.mark.parametrize("name", EVERY)
def test_verdict_of_the_log_as_shipped(name: str) -> None:
    path = SHIPPED / f"{name}.log"
    if not path.is_file():
        pytest.skip("no checkout of casemate (HARNESS_CASEMATE)")
    _check(path, name)
    if name in BAD and name != "simple":
        assert _run(path).replayed.claim


def test_a_wrong_step_is_where_casemate_says() -> None:
    """Every bad log ends with the record that casemate stops at."""
    for name in BAD:
        if name == "simple":
            continue
        path = LOGS / f"{name}.log"
        last = len(path.read_text("utf-8").splitlines())
        found = _run(path).replayed
        places = [breach.number + 1 for breach in found.breaches]
        places += [step.line for f in found.findings for step in f.trace[-1:]]
        assert places == [last], name
