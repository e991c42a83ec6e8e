"""Conditions on the final state: registers, faults and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.litmus.instructions import Address
from harness.litmus.tokens import Line, shown
from reference_model.coordinates import Coord

__all__ = ["And", "Atom", "Condition", "Not", "Or", "atoms", "holds", "read_condition"]

DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Atom:
    """``0:r1 = 2``, ``0:r1 = fault(stage 2)`` or ``pa1 = 2``.

    ``pe`` is -1 for memory.  ``value`` is None for a fault; ``stage`` and
    ``level`` narrow a fault down, None for any.
    """

    pe: int
    register: int = -1
    memory: Address | None = None
    value: int | None = None
    stage: int | None = None
    level: int | None = None
    coord: Coord | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Both."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Or:
    """Either."""

    left: Condition
    right: Condition


Condition = Atom | Not | And | Or


def atoms(condition: Condition) -> Iterator[Atom]:
    """Yield what a condition is made of."""
    match condition:
        case Atom():
            yield condition
        case Not(inner):
            yield from atoms(inner)
        case And(left, right) | Or(left, right):
            yield from atoms(left)
            yield from atoms(right)


def holds(condition: Condition, truth: Callable[[Atom], bool]) -> bool:
    """Evaluate a condition, given the truth of each of its atoms."""
    match condition:
        case Atom():
            return truth(condition)
        case Not(inner):
            return not holds(inner, truth)
        case And(left, right):
            return holds(left, truth) and holds(right, truth)
        case Or(left, right):
            return holds(left, truth) or holds(right, truth)


def read_condition(line: Line) -> Condition:
    """Read the rest of a line as a condition."""
    condition = _either(line, 0)
    line.finish()
    return condition


def _either(line: Line, depth: int) -> Condition:
    left = _both(line, depth)
    while line.accept("or") or line.accept("\\/"):
        left = Or(left, _both(line, depth))
    return left


def _both(line: Line, depth: int) -> Condition:
    left = _single(line, depth)
    while line.accept("and") or line.accept("/\\"):
        left = And(left, _single(line, depth))
    return left


def _single(line: Line, depth: int) -> Condition:
    if depth > DEEPEST:
        line.fail(f"condition nested deeper than {DEEPEST}")
    if line.accept("not") or line.accept("~"):
        return Not(_single(line, depth + 1))
    if line.accept("("):
        inner = _either(line, depth + 1)
        line.expect(")")
        return inner
    return _atom(line)


def _atom(line: Line) -> Atom:
    coord = line.coord
    token = line.peek()
    if token.kind == "number":
        pe = line.number("a PE number", 16)
        line.expect(":")
        register = read_register(line)
        line.expect("=")
        if line.accept("fault"):
            stage, level = _fault(line)
            return Atom(pe, register, None, None, stage, level, coord)
        return Atom(pe, register, None, line.number("a value or 'fault'"), coord=coord)
    if token.kind != "name":
        line.fail(f"expected '0:r0 = value' or 'pa1 = value', not {shown(token)}")
    place = Address(line.take().text, _offset(line), coord)
    line.expect("=")
    return Atom(-1, -1, place, line.number("a value"), coord=coord)


def _offset(line: Line) -> int:
    return line.number("an offset") if line.accept("+") else 0


def _fault(line: Line) -> tuple[int | None, int | None]:
    stage: int | None = None
    level: int | None = None
    if line.accept("("):
        while True:
            if line.accept("stage"):
                stage = line.number("a stage", 3)
            elif line.accept("level"):
                level = line.number("a level", 4)
            else:
                line.fail(f"expected 'stage N' or 'level N', not {shown(line.peek())}")
            if not line.accept(","):
                break
        line.expect(")")
    return stage, level


def read_register(line: Line) -> int:
    """Read the name of a general-purpose register, r0 to r30."""
    text = line.peek().text
    digits = text[1:]
    if text[:1] != "r" or not digits.isdecimal():
        line.fail(f"expected a register, r0 to r30, not {shown(line.peek())}")
    if len(digits) > 2 or int(digits) > 30:
        line.fail(f"no register {text}: r0 to r30")
    line.take()
    return int(digits)
