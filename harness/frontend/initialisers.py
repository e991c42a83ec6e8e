"""Initialisers of objects in memory, of static objects, compound literals."""

from __future__ import annotations

from collections.abc import Sequence

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import CHAR, scalar_of
from harness.frontend.folding import add_offset, binary, cast, constant
from harness.frontend.initialiser_leaves import Distribution, Leaf
from harness.frontend.literals import string_bytes
from harness.frontend.lowering import Aggregate, NotLowered, Value, Wrapped
from harness.frontend.lvalues import MemoryPlace
from harness.ir.layout import size_of
from harness.ir.nodes import (
    Binary,
    Cast,
    Const,
    Expr,
    FrameAddress,
    FunctionAddress,
    Global,
    GlobalAddress,
    Initial,
    Store,
    StoreBits,
    UnsupportedExpr,
    ZeroMemory,
)
from harness.ir.types import Array, CType, Integer, Record
from reference_model.coordinates import Coord

__all__ = ["Initialisers"]

_UNIT_NAMES = {
    1: "unsigned char",
    2: "unsigned short",
    4: "unsigned int",
    8: "unsigned long",
}


class Initialisers(Distribution):
    """Lowers initialisers and compound literals."""

    # ----------------------------------------------------------- automatic objects

    def initialise_memory(
        self, address: Expr, ctype: CType, leaves: Sequence[Leaf], coord: Coord
    ) -> None:
        """Emit the stores that initialise an object in memory."""
        size = size_of(ctype)
        if size in _UNIT_NAMES and any(leaf.bits is not None for leaf in leaves):
            self._store_whole(address, size, leaves, coord)
            return
        covered = sum(size_of(leaf.type) for leaf in leaves if leaf.bits is None)
        if covered < size:
            self.emit(ZeroMemory(address, size, coord))
        for leaf in leaves:
            self._store_leaf(address, leaf)

    def _store_whole(
        self, address: Expr, size: int, leaves: Sequence[Leaf], coord: Coord
    ) -> None:
        """Initialise an object no larger than a register with one store."""
        whole: Expr = Const(0, self.uwide, coord)
        for leaf in leaves:
            whole = binary("|", self._shifted(leaf), whole, self.uwide, coord)
        unit_type = Integer(_UNIT_NAMES[size], size, False)
        place = cast(address, self.pointer(unit_type))
        self.emit(Store(place, cast(whole, unit_type), unit_type, coord))

    def _shifted(self, leaf: Leaf) -> Expr:
        """Return the value of a leaf at its bits of the whole object."""
        coord = self.coord(leaf.node)
        wide = self.uwide
        value = cast(self.converted(self.value(leaf.node), leaf.type, coord), wide)
        start, end = leaf.span()
        mask = constant((1 << end - start) - 1, wide, coord)
        shift = constant(start, wide, coord)
        return binary("<<", binary("&", value, mask, wide, coord), shift, wide, coord)

    def _store_leaf(self, address: Expr, leaf: Leaf) -> None:
        coord = self.coord(leaf.node)
        place = add_offset(address, leaf.offset, self.pointer(leaf.type), coord)
        if leaf.bits is not None:
            value = self.converted(self.value(leaf.node), leaf.type, coord)
            self.emit(StoreBits(place, leaf.bits, value, coord))
        elif isinstance(leaf.type, Array):
            self._store_string(place, leaf)
        else:
            self.store(MemoryPlace(place, leaf.type), self.value(leaf.node), coord)

    def _store_string(self, place: Expr, leaf: Leaf) -> None:
        coord = self.coord(leaf.node)
        for offset, byte in enumerate(_string_content(leaf)):
            target = add_offset(place, offset, self.pointer(CHAR), coord)
            self.emit(Store(target, Const(byte, CHAR, coord), CHAR, coord))

    # -------------------------------------------------------------- static objects

    def initials(self, leaves: Sequence[Leaf]) -> tuple[Initial, ...]:
        """Return the initial content of a static object."""
        result: list[Initial] = []
        for leaf in leaves:
            coord = self.coord(leaf.node)
            if isinstance(leaf.type, Array):
                result += [
                    Initial(leaf.offset + at, CHAR, Const(byte, CHAR, coord))
                    for at, byte in enumerate(_string_content(leaf))
                ]
                continue
            scalar = scalar_of(leaf.type)
            if scalar is None:
                raise NotLowered(f"static '{leaf.type}' from a value", coord)
            value = self._static_value(leaf, coord)
            result.append(Initial(leaf.offset, scalar, value, leaf.bits))
        return tuple(result)

    def _static_value(self, leaf: Leaf, coord: Coord) -> Expr:
        try:
            with self.unevaluated():
                value = self.converted(self.value(leaf.node), leaf.type, coord)
        except NotLowered as problem:
            return UnsupportedExpr(problem.what, leaf.type, problem.coord)
        bare = value
        while isinstance(bare, Cast) and size_of(bare.type) >= self.model.pointer_size:
            bare = bare.operand
        if _is_address_constant(bare) or isinstance(bare, Const):
            return bare
        raise ParseError("initialiser is not constant", coord)

    # ----------------------------------------------------------- compound literals

    def compound_literal(self, node: c_ast.CompoundLiteral) -> Value:
        """Lower a compound literal to a value."""
        coord = self.coord(node)
        declared = self.declared(node.type)
        leaves, ctype = self.leaves(declared.type, node.init)
        scalar = scalar_of(ctype)
        if scalar is not None:
            expr: Expr = constant(0, scalar, coord)
            if leaves:
                expr = self.converted(
                    self.value(leaves[-1].node), leaves[-1].type, coord
                )
            return Wrapped(expr, ctype) if isinstance(ctype, Record) else expr
        address = self._literal_storage(ctype, leaves, coord)
        if isinstance(ctype, Record):
            return Aggregate(address, ctype, fresh=True)
        assert isinstance(ctype, Array)
        return cast(address, self.pointer(ctype.element))

    def _literal_storage(
        self, ctype: CType, leaves: Sequence[Leaf], coord: Coord
    ) -> Expr:
        if self.function:
            name = self.new_variable("literal", ctype, True, coord)
            address: Expr = FrameAddress(name, self.pointer(ctype), coord)
            self.initialise_memory(address, ctype, leaves, coord)
            return address
        name = self.static_name("literal")
        self.add_global(Global(name, ctype, True, coord, self.initials(leaves)))
        return GlobalAddress(name, self.pointer(ctype), coord)

    def static_name(self, name: str) -> str:
        """Return a name in the unit for a static object of this function."""
        full = f"{self.function}.{name}"
        number = 1
        while full in self.shared.static_names:
            number += 1
            full = f"{self.function}.{name}.{number}"
        self.shared.static_names.add(full)
        return full


def _string_content(leaf: Leaf) -> bytes:
    assert isinstance(leaf.type, Array) and isinstance(leaf.node, c_ast.Constant)
    count = leaf.type.count or 0
    return string_bytes(leaf.node.value)[:count].ljust(count, b"\0")


def _is_address_constant(expr: Expr) -> bool:
    if isinstance(expr, Binary) and expr.op == "+":
        return isinstance(expr.right, Const) and _is_address_constant(expr.left)
    return isinstance(expr, GlobalAddress | FunctionAddress)
