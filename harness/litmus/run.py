"""Runs a litmus test: worlds, programs and traces in, answers out."""

from __future__ import annotations

from dataclasses import replace

from harness.assumptions import changed as changed_assumptions
from harness.check.causes.causes import causes
from harness.check.causes.timeline import Replay
from harness.check.rules import RULES
from harness.errors import ParseError, Unsupported
from harness.litmus.answer import Answer, Result
from harness.litmus.profile_change import assumptions_of, changed, profile_of
from harness.litmus.program import program_of
from harness.litmus.test import Expectation, Test, Verdict
from harness.litmus.trace import events_of, start_of
from harness.litmus.truth import ends_as_asked
from harness.litmus.world import World
from reference_model.assumptions import Assumptions
from reference_model.coordinates import Coord
from reference_model.exploration.program import Bounds, Outcome
from reference_model.exploration.search import explore
from reference_model.profiles import Profile
from reference_model.unexhausted import Unexhausted
from reference_model.unmodelled import Unmodelled

__all__ = ["run"]


MOST_STATES = 200_000
# The assumptions that the exploration knows.
_EXPLORED = ("drain-ptw", "ets-level", "out-of-context-no-fill")


def run(test: Test, profile: str | None = None, states: int = MOST_STATES) -> Answer:
    """Answer a test; ``profile`` replaces the one that it names.

    ``states`` bounds what is looked at to answer ``exists``.

    Raises ParseError where the lines of the test contradict each other.
    """
    start = Coord(test.file, 1)
    base = profile_of(profile or test.profile, None if profile else start)
    world = World(test)
    results = []
    for expected in test.expectations:
        chosen = changed(base, expected.changes, expected.coord)
        assumptions = assumptions_of(test.assumptions, expected.changes, expected.coord)
        try:
            results.append(_result(test, world, expected, chosen, assumptions, states))
        except (Unmodelled, Unsupported, Unexhausted) as unknown:
            results.append(Result(expected, inconclusive=str(unknown)))
    return Answer(test, tuple(results))


def _result(
    test: Test,
    world: World,
    expected: Expectation,
    profile: Profile,
    assumptions: Assumptions,
    states: int,
) -> Result:
    if test.condition is not None:
        return _explored(test, world, expected, profile, assumptions, states)
    return _traced(test, world, expected, profile, assumptions)


def _explored(
    test: Test,
    world: World,
    expected: Expectation,
    profile: Profile,
    assumptions: Assumptions,
    states: int,
) -> Result:
    """Exhaust the executions of the PEs' programs."""
    for setting in changed_assumptions(assumptions):
        if setting.partition("=")[0] not in _EXPLORED:
            raise Unsupported(None, f"assumption {setting} in an exploration")
    outcomes = explore(program_of(test, world, profile), Bounds(states), assumptions)
    if not outcomes.all:
        raise Unsupported(None, "no execution comes to an end: what is waited for?")

    def asked(outcome: Outcome) -> bool:
        return ends_as_asked(test, world, outcome)

    if not outcomes.reachable(asked):
        return Result(expected, Verdict.FORBIDDEN, states=outcomes.states)
    verdict = Verdict.ALWAYS if outcomes.always(asked) else Verdict.SOMETIMES
    steps = outcomes.shortest(asked) or ()
    execution = tuple(f"{step.label}: {step.what}" for step in steps)
    return Result(expected, verdict, (), outcomes.states, execution)


def _traced(
    test: Test,
    world: World,
    expected: Expectation,
    profile: Profile,
    assumptions: Assumptions,
) -> Result:
    for rule in sorted(expected.rules):
        if rule not in RULES:
            raise ParseError(f"no rule '{rule}'", expected.coord)
    replay = Replay(start_of(test, world, profile), profile, assumptions)
    trace = events_of(test, world, test.trace)
    others = [
        None if steps is None else events_of(test, world, steps)
        for steps in (test.without_ntlbpa, test.without_errata)
    ]
    found = causes(replay, trace, lambda: others[0], others[1])
    execution = tuple(f"{step.pe}: {step.instruction.text}" for step in test.trace)
    return replace(
        Result(expected),
        causes=tuple(found),
        states=len(trace),
        execution=execution,
    )
