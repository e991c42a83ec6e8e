"""Conditions on the final state: registers, faults and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from harness.litmus.instructions import Address, Cell, Content, Entry, Place, Stage
from harness.litmus.tokens import Line, shown
from reference_model.coordinates import Coord

__all__ = ["And", "Atom", "Condition", "Not", "Or", "atoms", "holds", "read_condition"]

DEEPEST = 16


KINDS = ("translation", "permission", "access")
_CONTENTS = tuple(content.value for content in Content)
_STAGES = tuple(stage.value for stage in Stage)


@dataclass(frozen=True, slots=True)
class Atom:
    """``0:r1 = 2``, ``0:r1 = fault(stage 2)``, ``fault(0:L1)`` or ``pa1 = 2``.

    ``pe`` is -1 for memory: a ``memory`` address or a ``cell``.  A fault has
    neither ``value`` nor ``entry``; ``stage``, ``level`` and ``kind`` narrow it
    down, None or "" for any.  ``label`` is that of the instruction that faults.
    """

    pe: int
    register: int = -1
    memory: Address | None = None
    value: int | None = None
    stage: int | None = None
    level: int | None = None
    cell: Cell | None = None
    entry: Entry | None = None
    label: str = ""
    kind: str = ""
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


class Places(Protocol):
    """Reads descriptors, and where they are."""

    def entry(self, line: Line) -> Entry:
        """Read the value of a descriptor."""

    def place(self, line: Line) -> Place:
        """Read an address or a descriptor cell."""


def read_condition(line: Line, places: Places) -> Condition:
    """Read the rest of a line as a condition."""
    condition = _Reader(line, places).either(0)
    line.finish()
    return condition


class _Reader:
    def __init__(self, line: Line, places: Places) -> None:
        self._line = line
        self._places = places

    def either(self, depth: int) -> Condition:
        left = self._both(depth)
        while self._line.accept("or") or self._line.accept("\\/"):
            left = Or(left, self._both(depth))
        return left

    def _both(self, depth: int) -> Condition:
        left = self._single(depth)
        while self._line.accept("and") or self._line.accept("/\\"):
            left = And(left, self._single(depth))
        return left

    def _single(self, depth: int) -> Condition:
        line = self._line
        if depth > DEEPEST:
            line.fail(f"condition nested deeper than {DEEPEST}")
        if line.accept("not") or line.accept("~"):
            return Not(self._single(depth + 1))
        if line.accept("("):
            inner = self.either(depth + 1)
            line.expect(")")
            return inner
        coord = line.coord
        token = line.peek()
        if token.kind == "number":
            return self._register(coord)
        if line.accept("fault"):
            return self._labelled(coord)
        if token.text in _STAGES:
            return self._cell(coord)
        if token.kind != "name":
            line.fail(f"expected '0:r0 = value' or 'pa1 = value', not {shown(token)}")
        offset = 0
        name = line.take().text
        if line.accept("+"):
            offset = line.number("an offset")
        line.expect("=")
        place = Address(name, offset, coord)
        return Atom(-1, -1, place, line.number("a value"), coord=coord)

    def _register(self, coord: Coord) -> Atom:
        line = self._line
        pe = line.number("a PE number", 16)
        line.expect(":")
        register = read_register(line)
        line.expect("=")
        if line.accept("fault"):
            narrow = _Narrow()
            if line.accept("("):
                narrow.read(line)
                line.expect(")")
            return narrow.atom(pe, register, "", coord)
        if line.peek().text in _CONTENTS:
            return Atom(pe, register, entry=self._places.entry(line), coord=coord)
        value = line.number("a value, a descriptor or 'fault'")
        return Atom(pe, register, None, value, coord=coord)

    def _labelled(self, coord: Coord) -> Atom:
        """Read what stands after ``fault`` in ``fault(1:L0, permission)``."""
        line = self._line
        line.expect("(")
        pe = line.number("a PE number", 16)
        line.expect(":")
        label = line.name("the label of an instruction")
        narrow = _Narrow()
        if line.accept(","):
            narrow.read(line)
        line.expect(")")
        return narrow.atom(pe, -1, label, coord)

    def _cell(self, coord: Coord) -> Atom:
        line = self._line
        place = self._places.place(line)
        assert isinstance(place, Cell)
        line.expect("=")
        if line.peek().text in _CONTENTS:
            entry = self._places.entry(line)
            return Atom(-1, cell=place, entry=entry, coord=coord)
        return Atom(-1, cell=place, value=line.number("a descriptor"), coord=coord)


class _Narrow:
    """What else is said about a fault."""

    def __init__(self) -> None:
        self._stage: int | None = None
        self._level: int | None = None
        self._kind = ""

    def read(self, line: Line) -> None:
        while True:
            if line.accept("stage"):
                self._stage = line.number("a stage", 3)
            elif line.accept("level"):
                self._level = line.number("a level", 4)
            elif line.peek().text in KINDS:
                self._kind = line.take().text
            else:
                line.fail(
                    "expected 'stage N', 'level N' or one of "
                    f"{', '.join(KINDS)}, not {shown(line.peek())}"
                )
            if not line.accept(","):
                break

    def atom(self, pe: int, register: int, label: str, coord: Coord) -> Atom:
        return Atom(
            pe,
            register,
            stage=self._stage,
            level=self._level,
            label=label,
            kind=self._kind,
            coord=coord,
        )


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
