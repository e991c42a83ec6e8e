"""What is said about a finding of each example is short, and makes sense."""

from __future__ import annotations

import re

import pytest
from test_pages import example

from harness.catalogue import pages
from harness.check.causes.timeline import Replay, Timeline
from harness.check.counterexample import MAX_STEPS
from harness.check.diagnosis import Diagnosis, Diagnostician, PatchedSource
from harness.litmus.profile_change import assumptions_of, changed, profile_of
from harness.litmus.trace import events_of, start_of
from harness.litmus.world import World

# Told of a trace in which nothing goes wrong, or by a second trace.
SAID_OTHERWISE = ("bbm-break-defeats-nt", "right-only-on-profile")
RULES = [
    page.rule.id
    for page in pages()
    if page.failing.litmus and page.rule.id not in SAID_OTHERWISE
]


def diagnoses(rule: str) -> list[Diagnosis]:
    """Diagnose the failing example of a rule as a trace without a source."""
    test = example(rule, failing=True)
    (expected,) = test.expectations
    profile = changed(profile_of(test.profile, None), expected.changes, None)
    assumptions = assumptions_of(test.assumptions, expected.changes, None)
    world = World(test)
    replay = Replay(start_of(test, world, profile), profile, assumptions)
    trace = events_of(test, world, test.trace)
    other = test.without_ntlbpa
    counterpart = None if other is None else events_of(test, world, other)
    found = list(replay.violations(Timeline.of(trace)).values())
    source = PatchedSource(lambda _file, _line: False)
    return Diagnostician(source).diagnose(
        replay, trace, "trace", found, lambda: counterpart
    )


@pytest.mark.parametrize("rule", RULES)
def test_a_finding(rule: str) -> None:
    found = diagnoses(rule)
    assert {one.rule for one in found} == {rule}
    assert found[0].trace
    for one in found:
        assert one.repair is not None
        assert one.repair.verified
        assert len(one.trace) <= MAX_STEPS
        words = [one.message, *(step.event for step in one.trace)]
        words += [step.effect for step in one.trace]
        words += [line for diff in one.tlb_diff for line in (*diff.unexpected,)]
        for word in words:
            assert not re.search(r"VMID -1|[{}?]|None|0x-", word), word


def test_a_table_linked_too_early_is_shown_being_cleared() -> None:
    (found, *_) = diagnoses("table-published-before-init")
    shown = [(step.event, step.effect) for step in found.trace]
    assert ("clear table memory", "not ordered before the table is linked") in shown
