"""The right sequences are clean; each of them with one step less is not.

Or it is proven harmless: ``weakening_verdicts`` says by which rule.
"""

from __future__ import annotations

import re

import pytest
from correct_sequences import SEQUENCES
from flush_verdicts import Harmless
from sequence_steps import PROFILES, Sequence
from weakening_verdicts import companions, listed, verdict
from weakenings import Weakening, weakenings

from harness.check.causes.causes import causes
from harness.check.causes.timeline import Replay
from reference_model.assumptions import Assumptions
from reference_model.machine import Machine

# A size change needs a handler of TLB conflict aborts, or a machine without.
ASSUMPTIONS = Assumptions(bbml2_noabort=True)
_NAMED = {sequence.name: sequence for sequence in SEQUENCES}


def _weakened(sequence: Sequence, profile: str) -> list[Weakening]:
    machine = PROFILES[profile]
    return list(weakenings(sequence.steps(machine), machine, sequence.ipa))


def _reported(sequence: Sequence, profile: str, weakening: Weakening) -> set[str]:
    replay = Replay(sequence.start, PROFILES[profile], ASSUMPTIONS)
    trace = (*sequence.before, *weakening.events, *sequence.after)
    return {cause.rule for cause in causes(replay, trace)}


@pytest.mark.parametrize("name", _NAMED)
def test_clean(name: str) -> None:
    sequence = _NAMED[name]
    for profile in sequence.profiles:
        machine = Machine(PROFILES[profile], sequence.start, ASSUMPTIONS)
        steps = [step.event for step in sequence.steps(PROFILES[profile])]
        assert machine.run([*sequence.before, *steps, *sequence.after]) == [], profile


@pytest.mark.parametrize("name", _NAMED)
def test_one_step_less(name: str) -> None:
    sequence = _NAMED[name]
    wrong = []
    for profile in sequence.weakened:
        for weakening in _weakened(sequence, profile):
            wanted, _, _ = verdict(name, profile, weakening.name)
            found = _reported(sequence, profile, weakening)
            if isinstance(wanted, Harmless):
                right = not found
            else:
                expected = set(wanted.split("|"))
                allowed = expected | companions(name, profile, weakening.name)
                right = bool(found & expected) and found <= allowed
            if not right:
                wrong.append((profile, weakening.name, sorted(found), wanted))
    assert not wrong, "\n".join(map(str, wrong))


def test_every_verdict_is_used() -> None:
    used = {
        verdict(sequence.name, profile, weakening.name)[1:]
        for sequence in SEQUENCES
        for profile in sequence.weakened
        for weakening in _weakened(sequence, profile)
    }
    assert [entry for entry in listed() if entry not in used] == []


def test_every_harmless_weakening_cites_a_rule() -> None:
    rule = re.compile(r"\b(?:[RI]_[A-Z]{5}|F\d+\.\d+|M\d)\b")
    for sequence in SEQUENCES:
        for profile in sequence.weakened:
            for weakening in _weakened(sequence, profile):
                found, _, _ = verdict(sequence.name, profile, weakening.name)
                assert isinstance(found, str) or rule.search(found.because)
