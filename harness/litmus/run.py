"""Runs a litmus test: worlds, programs and traces in, answers out."""

from __future__ import annotations

from dataclasses import replace

from harness.check.causes import causes
from harness.check.rules import RULES
from harness.check.timeline import Replay
from harness.errors import ParseError, Unsupported
from harness.litmus.answer import Answer, Result
from harness.litmus.profile_change import assumptions_of, changed, profile_of
from harness.litmus.test import Expectation, Test
from harness.litmus.trace import events_of, start_of
from harness.litmus.world import World
from reference_model.assumptions import Assumptions
from reference_model.coordinates import Coord
from reference_model.profiles import Profile
from reference_model.unmodelled import Unmodelled

__all__ = ["run"]


def run(test: Test, profile: str | None = None) -> Answer:
    """Answer a test; ``profile`` replaces the one that it names.

    Raises ParseError where the lines of the test contradict each other.
    """
    start = Coord(test.file, 1)
    base = profile_of(profile or test.profile, None if profile else start)
    assumptions = assumptions_of(test.assumptions, test.file)
    world = World(test)
    results = []
    for expected in test.expectations:
        chosen = changed(base, expected.changes, expected.coord)
        try:
            results.append(_result(test, world, expected, chosen, assumptions))
        except (Unmodelled, Unsupported) as unmodelled:
            results.append(Result(expected, inconclusive=str(unmodelled)))
    return Answer(test, tuple(results))


def _result(
    test: Test,
    world: World,
    expected: Expectation,
    profile: Profile,
    assumptions: Assumptions,
) -> Result:
    if test.condition is not None:
        raise Unsupported(None, "'exists' is not explored yet")
    return _traced(test, world, expected, profile, assumptions)


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
    other = test.without_ntlbpa
    counterpart = None if other is None else events_of(test, world, other)
    found = causes(replay, trace, lambda: counterpart)
    execution = tuple(f"{step.pe}: {step.instruction.text}" for step in test.trace)
    return replace(
        Result(expected),
        causes=tuple(found),
        states=len(trace),
        execution=execution,
    )
