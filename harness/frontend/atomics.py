"""GCC's ``__sync_*`` and ``__atomic_*`` functions.

Each becomes the A64 instructions that GCC makes of it without LSE (Xen builds
with ``-mno-outline-atomics``), so that barriers and release stores are events
like those of any asm statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import BOOL, INT, UINT, VOID, scalar_of
from harness.frontend.folding import cast, comparison, negation
from harness.frontend.initialisers import Initialisers
from harness.frontend.lowering import NotLowered, Value
from harness.frontend.lvalues import MemoryPlace
from harness.ir.data_model import LP64
from harness.ir.layout import size_of
from harness.ir.nodes import (
    Asm,
    AsmInput,
    AsmOutput,
    Block,
    Const,
    Expr,
    If,
    Local,
    Store,
)
from harness.ir.types import Integer, Pointer
from reference_model.coordinates import Coord

__all__ = ["Atomics"]

_Nodes = Sequence[c_ast.Node]
_Special = Callable[[_Nodes, Coord], Value]

_FETCH = re.compile(r"__(sync|atomic)_fetch_and_(\w+)|__atomic_fetch_(\w+)")
_THEN_FETCH = re.compile(r"__sync_(\w+)_and_fetch|__atomic_(\w+)_fetch")
_OPERATORS = {
    "add": "add",
    "sub": "sub",
    "and": "and",
    "or": "orr",
    "xor": "eor",
    "nand": "and",
}
_SUFFIX = {1: "b", 2: "h", 4: "", 8: ""}
_RELAXED, _ACQUIRE, _RELEASE, _SEQUENTIAL = 0, 2, 3, 5


@dataclass(frozen=True, slots=True)
class _Cell:
    """What an atomic function works on."""

    place: MemoryPlace
    type: Integer | Pointer
    coord: Coord

    @property
    def suffix(self) -> str:
        return _SUFFIX[size_of(self.type)]

    @property
    def letter(self) -> str:
        return "x" if size_of(self.type) == 8 else "w"


class Atomics(Initialisers):
    """Lowers atomic functions."""

    def atomic_function(self, name: str) -> _Special | None:
        """Return what lowers an atomic function, or None."""
        if not name.startswith(("__sync_", "__atomic_")):
            return None
        known = {
            "__sync_synchronize": self._full_fence,
            "__sync_bool_compare_and_swap": self._sync_swapped,
            "__sync_val_compare_and_swap": self._sync_value,
            "__sync_lock_test_and_set": self._sync_exchange,
            "__sync_lock_release": self._sync_release,
            "__atomic_load_n": self._atomic_load,
            "__atomic_store_n": self._atomic_store,
            "__atomic_exchange_n": self._atomic_exchange,
            "__atomic_compare_exchange_n": self._atomic_compare,
            "__atomic_thread_fence": self._thread_fence,
            "__atomic_signal_fence": self._signal_fence,
        }.get(name)
        return known or self._operation(name)

    def _operation(self, name: str) -> _Special | None:
        for pattern, after in ((_FETCH, False), (_THEN_FETCH, True)):
            match = pattern.fullmatch(name)
            word = match and next(g for g in match.groups()[::-1] if g)
            if word in _OPERATORS:
                return self._modification(word, name.startswith("__sync"), after)
        return None

    def _modification(self, word: str, sync: bool, after: bool) -> _Special:
        def lower(nodes: _Nodes, coord: Coord) -> Value:
            cell = self._cell(nodes, coord)
            order = _SEQUENTIAL if sync else self._order(nodes, 2)
            return self._modify(cell, word, nodes[1], order, sync, after)

        return lower

    def _cell(self, nodes: _Nodes, coord: Coord) -> _Cell:
        if self.model is not LP64:
            raise NotLowered("atomic built-in function on 32-bit Arm", coord)
        if not nodes:
            raise ParseError("atomic function without an operand", coord)
        pointer = self.scalar(nodes[0])
        place = self.pinned(self.dereferenced(pointer, coord))
        assert isinstance(place, MemoryPlace)
        scalar = scalar_of(place.type)
        if scalar is None or size_of(scalar) not in _SUFFIX:
            raise NotLowered(f"atomic access to '{place.type}'", coord)
        return _Cell(place, scalar, coord)

    def _order(self, nodes: _Nodes, number: int) -> int:
        """Return the memory order in an argument; sequential if not constant."""
        if number >= len(nodes):
            raise ParseError("atomic function without a memory order", None)
        order = self.maybe_constant(nodes[number])
        return _SEQUENTIAL if order is None else order

    # ---------------------------------------------------------------- instructions

    def _instructions(
        self, text: str, cell: _Cell, old: bool, values: Sequence[Expr]
    ) -> Expr:
        """Emit instructions: %0 to %2 are registers, %3 is the cell, then values."""
        coord = cell.coord
        names = [
            self.new_variable("t", ctype, False, coord)
            for ctype in (cell.type, cell.type, UINT)
        ]
        types = (cell.type, cell.type, UINT)
        outputs = [
            AsmOutput("", "=&r", ctype, local=name)
            for name, ctype in zip(names, types, strict=True)
        ]
        address = cast(cell.place.address, self.pointer(cell.type))
        memory = AsmOutput("", "+Q", cell.type, address=address)
        inputs = tuple(AsmInput("", "r", value) for value in values)
        # Every output is set, whatever path the instructions take.
        text = "mov %w2, #0\n mov %R1, %Rzr\n " + text
        text = text.replace("%Rzr", f"{cell.letter}zr")
        text = text.replace("%R", f"%{cell.letter}")
        asm = Asm(text, (*outputs, memory), inputs, ("memory", "cc"), coord)
        self.emit(asm)
        return Local(names[0 if old else 1], cell.type, coord)

    def _fence(self, option: str, coord: Coord) -> None:
        self.emit(Asm(f"dmb {option}", (), (), ("memory",), coord))

    def _plain(self, value: Expr, cell: _Cell) -> Expr:
        """Return the bits that a register has for a value of the cell."""
        size = size_of(cell.type)
        whole = Integer("cell", size, False)
        return cast(
            cast(cast(value, cell.type), whole), self.uwide if size == 8 else UINT
        )

    def _modify(
        self,
        cell: _Cell,
        word: str,
        operand: c_ast.Node,
        order: int,
        sync: bool,
        after: bool,
    ) -> Value:
        value = self._plain(self.scalar(operand), cell)
        lines = [f"{_OPERATORS[word]} %R1, %R0, %R4"]
        if word == "nand":
            lines.append("mvn %R1, %R1")
        text = self._retried(cell, lines, order, sync)
        result = self._instructions(text, cell, not after, (value,))
        if sync:
            self._fence("ish", cell.coord)
        return result

    @staticmethod
    def _retried(cell: _Cell, lines: Sequence[str], order: int, sync: bool) -> str:
        acquire = "a" if order not in (_RELAXED, _RELEASE) and not sync else ""
        release = "l" if order >= _RELEASE else ""
        body = [
            f"1: ld{acquire}xr{cell.suffix} %R0, %3",
            *lines,
            f"st{release}xr{cell.suffix} %w2, %R1, %3",
            "cbnz %w2, 1b",
        ]
        return "\n ".join(body)

    def _exchange(
        self, cell: _Cell, value: Expr, order: int, fence: bool = False
    ) -> Expr:
        text = self._retried(cell, ["mov %R1, %R4"], order, False)
        result = self._instructions(text, cell, True, (self._plain(value, cell),))
        if fence:
            self._fence("ish", cell.coord)
        return result

    def _compare_and_swap(
        self, cell: _Cell, old: Expr, new: Expr, order: int, sync: bool
    ) -> Expr:
        lines = ["cmp %R0, %R4", "b.ne 2f", "mov %R1, %R5"]
        text = self._retried(cell, lines, order, sync) + "\n 2:"
        values = (self._plain(old, cell), self._plain(new, cell))
        result = self._instructions(text, cell, True, values)
        if sync:
            self._fence("ish", cell.coord)
        return result

    # ------------------------------------------------------------------- functions

    def _full_fence(self, _: _Nodes, coord: Coord) -> Value:
        self._fence("ish", coord)
        return Const(0, VOID, coord)

    def _thread_fence(self, nodes: _Nodes, coord: Coord) -> Value:
        order = self._order(nodes, 0)
        if order != _RELAXED:
            self._fence("ishld" if order in (1, _ACQUIRE) else "ish", coord)
        return Const(0, VOID, coord)

    def _signal_fence(self, _: _Nodes, coord: Coord) -> Value:
        return Const(0, VOID, coord)

    def _sync_value(self, nodes: _Nodes, coord: Coord) -> Value:
        cell = self._cell(nodes, coord)
        old, new = self.scalar(nodes[1]), self.scalar(nodes[2])
        return self._compare_and_swap(cell, old, new, _SEQUENTIAL, True)

    def _sync_swapped(self, nodes: _Nodes, coord: Coord) -> Value:
        cell = self._cell(nodes, coord)
        old, new = self.temporary(self.scalar(nodes[1])), self.scalar(nodes[2])
        found = self._compare_and_swap(cell, old, new, _SEQUENTIAL, True)
        return cast(comparison("==", found, cast(old, cell.type), coord), BOOL)

    def _sync_exchange(self, nodes: _Nodes, coord: Coord) -> Value:
        cell = self._cell(nodes, coord)
        return self._exchange(cell, self.scalar(nodes[1]), _ACQUIRE)

    def _sync_release(self, nodes: _Nodes, coord: Coord) -> Value:
        cell = self._cell(nodes, coord)
        self._write(cell, Const(0, INT, coord), _RELEASE)
        return Const(0, VOID, coord)

    def _atomic_load(self, nodes: _Nodes, coord: Coord) -> Value:
        cell = self._cell(nodes, coord)
        acquire = "a" if self._order(nodes, 1) != _RELAXED else ""
        return self._instructions(f"ld{acquire}r{cell.suffix} %R0, %3", cell, True, ())

    def _write(self, cell: _Cell, value: Expr, order: int) -> None:
        if order == _RELAXED:
            expr = cast(value, cell.type)
            self.emit(Store(cell.place.address, expr, cell.type, cell.coord, True))
            return
        text = f"mov %R0, %R4\n stlr{cell.suffix} %R0, %3"
        self._instructions(text, cell, True, (self._plain(value, cell),))

    def _atomic_store(self, nodes: _Nodes, coord: Coord) -> Value:
        cell = self._cell(nodes, coord)
        self._write(cell, self.scalar(nodes[1]), self._order(nodes, 2))
        return Const(0, VOID, coord)

    def _atomic_exchange(self, nodes: _Nodes, coord: Coord) -> Value:
        cell = self._cell(nodes, coord)
        return self._exchange(cell, self.scalar(nodes[1]), self._order(nodes, 2))

    def _atomic_compare(self, nodes: _Nodes, coord: Coord) -> Value:
        cell = self._cell(nodes, coord)
        expected = self.pinned(self.dereferenced(self.scalar(nodes[1]), coord))
        known = self.temporary(self.represented(self.load(expected, coord), coord))
        new = self.scalar(nodes[2])
        order = max(self._order(nodes, 4), self._order(nodes, 5))
        found = self._compare_and_swap(cell, known, new, order, False)
        same = self.temporary(comparison("==", found, cast(known, cell.type), coord))
        with self.captured([]) as differs:
            self.store(expected, found, coord)
        test = negation(same, coord)
        self.emit(If(test, self.block(differs, coord), Block((), coord), coord))
        return cast(same, BOOL)
