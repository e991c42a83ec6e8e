"""Which functions a run could reach, and what of them is not run as it stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from harness.execution.builtin import BUILTINS
from harness.execution.flow import walk
from harness.ir.nodes import Call, FunctionDef, Unit
from reference_model.coordinates import Coord

__all__ = ["reachable", "touched_override", "unmodelled"]


def reachable(unit: Unit, entry_points: Iterable[str]) -> set[str]:
    """Return the functions that direct calls from the entry points lead to."""
    found: set[str] = set()
    waiting = list(entry_points)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        function = unit.functions.get(name)
        if function is not None:
            waiting += _callees(function)
    return found


def _callees(function: FunctionDef) -> list[str]:
    return [
        part.function
        for part in walk(function.body)
        if isinstance(part, Call) and isinstance(part.function, str)
    ]


def unmodelled(
    unit: Unit, entry_points: Iterable[str], models: Collection[str]
) -> list[str]:
    """List functions that could be called and have neither body nor model."""
    return sorted(
        name
        for name in reachable(unit, entry_points)
        if name not in unit.functions and name not in models and name not in BUILTINS
    )


def touched_override(
    unit: Unit, overridden: Iterable[str], touched: Callable[[str, int], bool]
) -> tuple[str, Coord] | None:
    """Find a function whose model stands in for a body that the patch changes."""
    for name in sorted(overridden):
        function = unit.functions.get(name)
        if function is None:
            continue
        lines = {
            (part.coord.file, part.coord.line)
            for part in (function, *walk(function.body))
        }
        for file, line in sorted(lines):
            if touched(file, line):
                return name, Coord(file, line)
    return None
