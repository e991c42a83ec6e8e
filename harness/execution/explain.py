"""Say what an exception in generated code means for the C under test."""

from __future__ import annotations

from types import TracebackType
from typing import NoReturn

from harness.errors import BoundError, Unsupported
from harness.execution.fault import Fault
from harness.execution.program import Compiled, Program
from harness.execution.steps import Exhausted
from reference_model.coordinates import Coord, Frame

__all__ = ["NOWHERE", "explain"]

NOWHERE = Coord("", 0, 0)


def explain(program: Program, problem: BaseException, function: str) -> NoReturn:
    """Raise what the caller expects, with place and stack."""
    places = _places(program, problem.__traceback__)
    coord = places[-1][1] if places else None
    calls: list[Frame] = []
    before = NOWHERE
    for compiled, here, _ in places:
        calls.append(Frame(compiled.function.name, before))
        before = here
    stack = tuple(reversed(calls))
    if isinstance(problem, Exhausted):
        raise _endless(problem, places, function) from None
    if isinstance(problem, RecursionError):
        msg = "calls nest deeper than the interpreter can follow"
        raise BoundError(msg, coord) from None
    if isinstance(problem, Fault):
        problem.coord = problem.coord or coord
        problem.stack = problem.stack or stack
        raise problem
    if isinstance(problem, Unsupported):
        if problem.coord is None and coord is not None:
            raise Unsupported(coord, problem.what) from None
        raise problem
    if not places or not _in_generated(problem, program):
        raise problem
    if isinstance(problem, ZeroDivisionError):
        what = "division by zero"
        raise Fault("division-by-zero", what, coord, stack) from None
    name = str(problem).split("'")[1].removeprefix("v_")
    what = f"read of uninitialised variable '{name}'"
    raise Fault("uninitialised-read", what, coord, stack) from None


def _places(
    program: Program, trace: TracebackType | None
) -> list[tuple[Compiled, Coord, int]]:
    """List the generated frames of a traceback, outermost first."""
    found = []
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        compiled = program.of_file(file)
        if compiled is not None:
            line = trace.tb_lineno
            found.append((compiled, compiled.coord(line), line))
        trace = trace.tb_next
    return found


def _endless(
    problem: Exhausted,
    places: list[tuple[Compiled, Coord, int]],
    function: str,
) -> BoundError:
    for compiled, _, line in reversed(places):
        loop = compiled.loop(line)
        if loop is not None:
            what = f"loop at {loop} does not end within {problem.what}"
            return BoundError(what, loop)
    coord = places[-1][1] if places else None
    what = f"'{function}' does not end within {problem.what}"
    return BoundError(what, coord)


def _in_generated(problem: BaseException, program: Program) -> bool:
    """Tell whether generated code itself raised."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    return program.of_file(trace.tb_frame.f_code.co_filename) is not None
