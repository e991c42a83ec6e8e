"""The reductions leave out no outcome and add none."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from random_programs import programs

from reference_model.exploration.program import Bounds, Program
from reference_model.exploration.search import explore
from reference_model.unexhausted import Unexhausted

SMALL = Bounds(states=4000)


def _compare(program: Program) -> None:
    try:
        slow = explore(program, SMALL, reduced=False)
    except Unexhausted:
        assume(False)
    fast = explore(program, SMALL)
    assert fast.all == slow.all
    assert fast.states <= slow.states


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_two_pes_have_the_same_outcomes(program: Program) -> None:
    _compare(program)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(pes=3))
def test_three_pes_have_the_same_outcomes(program: Program) -> None:
    _compare(program)
