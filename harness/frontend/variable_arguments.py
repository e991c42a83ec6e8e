"""Variable arguments: ``va_start``, ``va_arg``, ``va_copy``, ``va_end``.

The arguments lie in memory of the called function, one in each slot, and a
``va_list`` holds the address of the next one in its first member.
"""

from __future__ import annotations

from collections.abc import Sequence

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import CHAR, VOID, scalar_of
from harness.frontend.checked_arithmetic import CheckedArithmetic
from harness.frontend.folding import add_offset, cast
from harness.frontend.lowering import Aggregate, Value, Wrapped
from harness.frontend.lvalues import MemoryPlace
from harness.ir.layout import size_of
from harness.ir.nodes import (
    ARGUMENT_SLOT,
    Const,
    Expr,
    Load,
    Store,
    VariableArgumentsAddress,
    ZeroMemory,
)
from harness.ir.types import Record
from reference_model.coordinates import Coord

__all__ = ["VariableArguments"]


class VariableArguments(CheckedArithmetic):
    """Lowers what reads variable arguments."""

    def _list(self, node: c_ast.Node, coord: Coord) -> Expr:
        """Return the address of a ``va_list``."""
        place = self.pinned(self.place(node))
        if not isinstance(place, MemoryPlace) or not isinstance(place.type, Record):
            raise ParseError("not a va_list", coord)
        return place.address

    def start_arguments(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        """Lower ``va_start``."""
        place = self.place(nodes[0])
        address = self._list(nodes[0], coord)
        self.emit(ZeroMemory(address, size_of(place.type), coord))
        cursor = self.pointer(CHAR)
        start = VariableArgumentsAddress(cursor, coord)
        self.emit(Store(cast(address, self.pointer(cursor)), start, cursor, coord))
        return Const(0, VOID, coord)

    def end_arguments(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        """Lower ``va_end``."""
        self._list(nodes[0], coord)
        return Const(0, VOID, coord)

    def copy_arguments(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        """Lower ``va_copy``."""
        self.store(self.place(nodes[0]), self.value(nodes[1]), coord)
        return Const(0, VOID, coord)

    def next_argument(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        """Lower ``va_arg``; a struct's slot has its address."""
        bytes_ = self.pointer(CHAR)
        address = cast(self._list(nodes[0], coord), self.pointer(bytes_))
        ctype = self.type_name(nodes[1])
        cursor = self.temporary(Load(address, bytes_, coord))
        after = add_offset(cursor, ARGUMENT_SLOT, bytes_, coord)
        self.emit(Store(address, after, bytes_, coord))
        scalar = scalar_of(ctype)
        if scalar is not None:
            slot = cast(cursor, self.pointer(scalar))
            value = self.temporary(Load(slot, scalar, coord))
            return Wrapped(value, ctype) if isinstance(ctype, Record) else value
        if not isinstance(ctype, Record):
            raise ParseError(f"variable argument of type '{ctype}'", coord)
        pointer = self.pointer(ctype)
        slot = cast(cursor, self.pointer(pointer))
        return Aggregate(self.temporary(Load(slot, pointer, coord)), ctype)
