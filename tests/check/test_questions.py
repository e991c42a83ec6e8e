"""What reviewers ask of a flush, answered from runs and replays of the base."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from harness.check.answer import Answer
from harness.check.pipeline import check
from harness.check.request import CheckRequest
from harness.check.result import Result
from harness.report.answers import answers
from harness.series.base import EMBEDDED

PATCHES = Path(__file__).resolve().parents[2] / "patches"
SCENARIOS = ("unmap-2m/own-vttbr/2-pcpus", "unmap-table/own-vttbr/2-pcpus")


@cache
def checked(name: str, scenarios: tuple[str, ...] = SCENARIOS) -> Result:
    patch = (PATCHES / f"{name}.patch").read_bytes()
    return check(
        CheckRequest(
            patch,
            name,
            EMBEDDED,
            EMBEDDED,
            profiles=("P0-v8.0", "P1-repeat"),
            scenarios=scenarios,
            jobs=1,
        )
    )


def answer(name: str, question: str) -> Answer:
    (found,) = [each for each in checked(name).answers if each.id == question]
    return found


def test_one_operation_for_a_block_and_one_for_each_page_of_a_table() -> None:
    found = answer("good_ipa_page_by_page", "block-one-tlbi")
    assert "a 2M block: 1 instead of 512" in found.text
    assert dict(found.figures)["unmap-2m-enough"] == 1
    assert dict(found.figures)["unmap-2m-sent"] == 512
    assert "replay" in found.source


def test_what_a_replay_refutes_is_not_said_to_be_enough() -> None:
    """One operation for a table is what the patch executes."""
    found = answer("bad_one_ipa_for_table", "block-one-tlbi")
    assert "a table" not in found.text


def test_the_workaround_once_is_enough() -> None:
    found = answer("good_ipa_page_by_page", "repeat-tlbi-once")
    assert found.text.startswith("yes: up to 513 repeats in one flush")
    assert dict(found.figures) == {"repeats": 513, "enough": 1}
    once = answer("good_ipa_flush", "repeat-tlbi-once")
    assert once.text == "it is: no flush pays for more than one repeat"


def test_barriers_in_a_loop_are_not_needed() -> None:
    found = answer("good_ipa_page_by_page", "loop-barrier")
    assert found.text.startswith("no: without them (")
    none = answer("good_ipa_flush", "loop-barrier")
    assert none.text == "there is none in a loop of TLBIs"


def test_what_is_narrower_and_right_is_safe_by_a_rule() -> None:
    found = answer("good_ipa_flush", "narrowed-flush")
    assert "stage-2 entries of other IPAs stay" in found.text
    assert "safe, no run goes wrong (R_TVTYQ" in found.text


@pytest.mark.parametrize(
    ("name", "left", "rule"),
    [
        ("bad_s1_step_local", "other IPAs stay", "stale-s12-after-local-vmalle1"),
        ("bad_no_s1_step", "all of stage 1, stay", "missing-s1-inval-after-ipas2"),
        ("bad_unmap_no_flush", "nothing is dropped", "missing-tlbi-after-unmap"),
        ("bad_flush_local", "entries of other pCPUs stay", "tlbi-not-broadcast"),
    ],
)
def test_what_is_narrower_and_wrong_is_not_safe(
    name: str, left: str, rule: str
) -> None:
    text = answer(name, "narrowed-flush").text
    assert left in text
    assert "not safe: " in text
    assert rule in text


def test_what_did_not_run_is_named() -> None:
    """The scenarios asked for leave changed places out."""
    text = answer("good_ipa_flush", "narrowed-flush").text
    missing = checked("good_ipa_flush").not_executed
    assert bool(missing) == ("that did not run" in text)


def test_a_patch_without_tlb_maintenance_is_not_asked() -> None:
    result = checked("good_rename")
    assert result.answers == ()
    assert not answers(result)


def test_the_answers_do_not_depend_on_the_order_of_the_runs() -> None:
    there = checked("good_ipa_page_by_page").answers
    back = checked("good_ipa_page_by_page", SCENARIOS[::-1]).answers
    assert there == back


def test_barriers_of_a_workaround_are_told_apart() -> None:
    """One scenario for each size, so that they can be compared."""
    sizes = ("unmap-4k/own-vttbr/1-pcpu", "unmap-2m/own-vttbr/1-pcpu")
    found = {
        a.question: a.answer for a in answers(checked("good_ipa_page_by_page", sizes))
    }
    text = found["Barriers inside or outside the loop over the pages?"]
    assert text.startswith("outside: ")
    assert "511 more inside it on " in text
    assert "repeat-TLBI erratum" in text
