"""Which functions a run could reach, and what of them has no body."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from harness.execution.builtin import BUILTINS
from harness.ir.nodes import Call, FunctionDef, Unit
from harness.ir.walk import walk

__all__ = ["reachable", "unmodelled"]


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
