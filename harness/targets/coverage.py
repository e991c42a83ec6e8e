"""Which lines of the functions that a patch changes were executed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.execution.flow import walk
from harness.execution.program import Program
from harness.ir.nodes import Asm, Call, FunctionDef, If, Statement
from reference_model.coordinates import Coord

__all__ = ["Executed", "Touched", "functions_with"]

Touched = Callable[[str, int], bool]


class Executed:
    """Watches the functions with lines to look at, and only those."""

    def __init__(self, program: Program, touched: Touched) -> None:
        self._program = program
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
        places = self._program.lines(name) | _left_out(function)
        return places - _failing(function)


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


def _failing(function: FunctionDef) -> frozenset[Coord]:
    """Return the places that only a failed assertion, BUG() or WARN() reaches."""
    places: set[Coord] = set()
    for part in walk(function.body):
        if isinstance(part, If):
            for arm in (part.then, part.otherwise):
                inside = tuple(walk(arm))
                if any(map(_reports, inside)):
                    places.update(inner.coord for inner in inside)
    return frozenset(places)


def _reports(statement: Statement) -> bool:
    match statement:
        case Call():
            return statement.function == "__builtin_unreachable"
        case Asm():
            return ".bug_frames." in statement.template
        case _:
            return False


def _touched_lines(
    places: Iterable[Coord], touched: Touched
) -> tuple[tuple[str, int], ...]:
    lines = {(coord.file, coord.line) for coord in places}
    return tuple(sorted(line for line in lines if touched(*line)))
