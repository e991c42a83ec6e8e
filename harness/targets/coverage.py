"""Which lines of the functions that a patch touches were executed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from harness.execution.program import Program
from harness.execution.statement import walk
from harness.ir.nodes import FunctionDef, Unit

__all__ = ["Executed"]

Touched = Callable[[str, int], bool]


class Executed:
    """Watches the functions with touched lines, and only those."""

    def __init__(self, unit: Unit, program: Program, touched: Touched) -> None:
        self._program = program
        self._lines = {
            name: lines
            for name, function in sorted(unit.functions.items())
            if (lines := _touched_lines(function, touched))
        }
        self._reached: dict[str, set[tuple[str, int]]] = {}
        self._seen: dict[str, set[int]] = {}  # per file name of compiled code

    @property
    def functions(self) -> frozenset[str]:
        """Return the functions with a touched line."""
        return frozenset(self._lines)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note the lines executed meanwhile."""
        if not self._lines:
            yield
            return
        before = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            yield
        finally:
            sys.settrace(before)

    def missing(self) -> tuple[tuple[str, str, int], ...]:
        """List (function, file, line) of touched lines that never ran.

        Of a function that was never entered only the first one is listed.
        """
        self._gather()
        found: list[tuple[str, str, int]] = []
        for function, lines in self._lines.items():
            ran = self._reached.get(function)
            if ran is None:
                found.append((function, *lines[0]))
            else:
                found += [(function, *line) for line in lines if line not in ran]
        return tuple(found)

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ANN401, ARG002 - signature of a trace function
        name = frame.f_code.co_filename
        if not name.startswith("<C function "):
            return None
        compiled = self._program.of_file(name)
        if compiled is None or compiled.function.name not in self._lines:
            return None
        seen = self._seen.setdefault(name, set())
        seen.add(frame.f_lineno)

        def on_line(inner: FrameType, event: str, argument: Any) -> Any:  # noqa: ANN401, ARG001 - signature of a trace function
            seen.add(inner.f_lineno)
            return on_line

        return on_line

    def _gather(self) -> None:
        for name, numbers in self._seen.items():
            compiled = self._program.of_file(name)
            assert compiled is not None
            ran = self._reached.setdefault(compiled.function.name, set())
            for number in numbers:
                coord = compiled.coord(number)
                ran.add((coord.file, coord.line))


def _touched_lines(
    function: FunctionDef, touched: Touched
) -> tuple[tuple[str, int], ...]:
    """List the touched lines that statements of a function come from."""
    lines = {(part.coord.file, part.coord.line) for part in walk(function.body)}
    return tuple(sorted(line for line in lines if touched(*line)))
