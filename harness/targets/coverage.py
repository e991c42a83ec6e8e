"""Which lines of the functions that a patch touches were executed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.execution.flow import walk
from harness.execution.program import Program
from harness.ir.nodes import FunctionDef
from reference_model.coordinates import Coord

__all__ = ["Executed"]

Touched = Callable[[str, int], bool]


class Executed:
    """Watches the functions with touched lines, and only those.

    ``functions`` are their names.
    """

    def __init__(self, program: Program, touched: Touched) -> None:
        self._program = program
        self.functions = frozenset(
            name
            for name, function in program.unit.functions.items()
            if _is_touched(function, touched)
        )
        program.watch(self.functions)
        self._lines = {
            name: _touched_lines(program.lines(name), touched)
            for name in sorted(self.functions)
        }

    def missing(self) -> tuple[tuple[str, str, int], ...]:
        """List (function, file, line) of touched lines that never ran."""
        return self._places(ran=False)

    def executed(self) -> tuple[tuple[str, str, int], ...]:
        """List (function, file, line) of touched lines that ran."""
        return self._places(ran=True)

    def _places(self, *, ran: bool) -> tuple[tuple[str, str, int], ...]:
        known = {(f, c.file, c.line) for f, c in self._program.lines_run()}
        return tuple(
            (function, *line)
            for function, lines in self._lines.items()
            for line in lines
            if ((function, *line) in known) is ran
        )


def _is_touched(function: FunctionDef, touched: Touched) -> bool:
    places = (function.coord, *(part.coord for part in walk(function.body)))
    return any(touched(coord.file, coord.line) for coord in places)


def _touched_lines(
    places: Iterable[Coord], touched: Touched
) -> tuple[tuple[str, int], ...]:
    lines = {(coord.file, coord.line) for coord in places}
    return tuple(sorted(line for line in lines if touched(*line)))
