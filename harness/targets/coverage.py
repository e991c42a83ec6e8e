"""Which lines of the functions that a patch changes were executed, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from harness.execution.program import Program
from harness.ir.nodes import (
    Asm,
    Block,
    Break,
    Call,
    Continue,
    FunctionDef,
    Goto,
    If,
    Label,
    Return,
    Statement,
)
from harness.ir.walk import walk
from reference_model.coordinates import Coord

__all__ = ["Executed", "Touched", "Way", "functions_with"]

Touched = Callable[[str, int], bool]

_UNREACHABLE = "__builtin_unreachable"
_LEAVING = (Break, Continue, Goto, Return)


class Way(NamedTuple):
    """One of the ways that the conditions of a line can go, by its number."""

    number: int
    of: int  # as many; another number where other code was made of the line
    function: str
    file: str
    line: int


class Executed:
    """Watches the functions with lines to look at, and only those."""

    def __init__(
        self,
        program: Program,
        touched: Touched,
        only_run: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        self._program = program
        self._only_run = only_run  # whose conditions do not matter
        functions = functions_with(program, touched)
        program.watch(functions)
        self._lines = {
            name: _touched_lines(
                program.lines(name) | _left_out(program.unit.functions[name]), touched
            )
            for name in sorted(functions)
        }

    def missing(self) -> tuple[tuple[str, str, int], ...]:
        """List (function, file, line) of such lines that never ran."""
        return self._places(ran=False)

    def executed(self) -> tuple[tuple[str, str, int], ...]:
        """List (function, file, line) of such lines that ran."""
        return self._places(ran=True)

    def ways(self, *, taken: bool) -> tuple[Way, ...]:
        """List ways that conditions of such lines go or never go."""
        run = self._program.lines_run()
        found: list[Way] = []
        for function, lines in self._lines.items():
            outcomes = self._program.outcomes(function)
            every = Counter((coord.file, coord.line) for coord in outcomes.values())
            numbers: Counter[tuple[str, int]] = Counter()
            failing = _asserted(self._program.unit.functions[function])
            for way, coord in outcomes.items():
                line = coord.file, coord.line
                numbers[line] += 1
                if line not in lines or line in self._only_run or coord in failing:
                    continue
                if ((function, way) in run) is taken:
                    found.append(Way(numbers[line], every[line], function, *line))
        return tuple(found)

    def _places(self, *, ran: bool) -> tuple[tuple[str, str, int], ...]:
        run = self._program.lines_run()
        # A line may hold several statements, as the use of a macro does: it ran
        # if all of them did.
        missing = {
            (name, coord.file, coord.line)
            for name in self._lines
            for coord in self._needed(name)
            if (name, coord) not in run
        }
        return tuple(
            (function, *line)
            for function, lines in self._lines.items()
            for line in lines
            if ((function, *line) not in missing) is ran
        )

    def _needed(self, name: str) -> frozenset[Coord]:
        """Return the places in a function that have to run."""
        function = self._program.unit.functions[name]
        places = self._program.lines(name) - self._program.outcomes(name).keys()
        return (places | _left_out(function)) - _failing(function)


def functions_with(program: Program, touched: Touched) -> frozenset[str]:
    """Return the names of the functions with such lines."""
    every = program.unit.functions.items()
    return frozenset(name for name, each in every if _is_touched(each, touched))


def _is_touched(function: FunctionDef, touched: Touched) -> bool:
    inside = (part.coord for part in walk(function.body))
    places = (function.coord, *inside, *function.dropped)
    return any(touched(coord.file, coord.line) for coord in places)


def _left_out(function: FunctionDef) -> frozenset[Coord]:
    """Return the places of what a constant condition turns off."""
    return frozenset(function.dropped)


def _asserted(function: FunctionDef) -> frozenset[Coord]:
    """Return the places of conditions that have to go one way."""
    return frozenset(
        part.coord
        for part in walk(function.body)
        if isinstance(part, If) and (_fails(part.then) or _fails(part.otherwise))
    )


def _failing(function: FunctionDef) -> frozenset[Coord]:
    """Return the places that only a failed assertion, BUG() or WARN() reaches."""
    places: set[Coord] = set()
    for part in walk(function.body):
        if isinstance(part, If):
            for arm in (part.then, part.otherwise):
                if _fails(arm):
                    places.update(inner.coord for inner in walk(arm))
    return frozenset(places)


def _fails(arm: Block) -> bool:
    """Tell whether going there always ends in a failure, or does no more than warn."""
    return _stops(arm) or _warns(arm)


def _stops(arm: Block) -> bool:
    """Tell whether nothing leaves an arm before what must not be reached."""
    if any(isinstance(part, Label) for part in walk(arm)):
        return False
    for statement in _straight(arm):
        if isinstance(statement, Call) and statement.function == _UNREACHABLE:
            return True
        if any(isinstance(part, _LEAVING) for part in walk(statement)):
            return False
    return False


def _warns(arm: Block) -> bool:
    """Tell whether an arm holds a WARN() and nothing else."""
    inside = tuple(_straight(arm))
    return bool(inside) and all(
        isinstance(each, Asm) and ".bug_frames." in each.template for each in inside
    )


def _straight(arm: Block) -> Iterator[Statement]:
    for statement in arm.statements:
        if isinstance(statement, Block):
            yield from _straight(statement)
        else:
            yield statement


def _touched_lines(
    places: Iterable[Coord], touched: Touched
) -> tuple[tuple[str, int], ...]:
    lines = {(coord.file, coord.line) for coord in places}
    return tuple(sorted(line for line in lines if touched(*line)))
