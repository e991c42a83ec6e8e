"""Initialisers: which value goes to which bytes and bits of an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import CHAR, ULONG, scalar_of
from harness.frontend.expressions import Expressions
from harness.frontend.folding import add_offset, binary, cast, constant
from harness.frontend.gnulexer import RANGE_CALL
from harness.frontend.literals import string_bytes
from harness.frontend.lowering import Aggregate, NotLowered, Value, Wrapped
from harness.frontend.lvalues import MemoryPlace
from harness.ir.layout import Place as Found
from harness.ir.layout import bits_of, find_member, size_of
from harness.ir.nodes import (
    Binary,
    BitField,
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
from harness.ir.types import Array, CType, Integer, Pointer, Record
from reference_model.coordinates import Coord

__all__ = ["Initialisers", "Leaf"]

_ENTRIES_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class Leaf:
    """One initialised part: a scalar, a bit-field, a whole struct, a string."""

    offset: int
    type: CType
    node: c_ast.Node
    bits: BitField | None = None

    def span(self) -> tuple[int, int]:
        """Return the bits that are initialised: first, and one past the last."""
        if self.bits is not None:
            start = 8 * self.offset + self.bits.offset
            return start, start + self.bits.width
        return 8 * self.offset, 8 * (self.offset + size_of(self.type))


class _Entries:
    """Leaves in order; a later one replaces what it overlaps."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.top = 0  # elements seen of an array of unknown size

    def add(self, leaf: Leaf, replaces: bool) -> None:
        if replaces:
            self.drop(*leaf.span())
        self.leaves.append(leaf)

    def drop(self, start: int, end: int) -> None:
        """Forget what was said about bits from ``start`` to ``end``."""
        self.leaves = [
            old for old in self.leaves if old.span()[1] <= start or old.span()[0] >= end
        ]


class Initialisers(Expressions):
    """Lowers initialisers and compound literals."""

    # ---------------------------------------------------------------- distribution

    def leaves(self, ctype: CType, node: c_ast.Node) -> tuple[list[Leaf], CType]:
        """Distribute an initialiser; return its leaves and the complete type."""
        entries = _Entries()
        self._initialise(Found(0, ctype), node, entries, replaces=False)
        if isinstance(ctype, Array) and ctype.count is None:
            count = entries.top
            if not isinstance(node, c_ast.InitList):
                count = size_of(entries.leaves[0].type)
            ctype = Array(ctype.element, count)
        return entries.leaves, ctype

    def _initialise(
        self, target: Found, node: c_ast.Node, entries: _Entries, replaces: bool
    ) -> None:
        """Initialise ``target`` with one initialiser."""
        if len(entries.leaves) > _ENTRIES_LIMIT:
            raise NotLowered("initialiser this large", self.coord(node))
        if _is_string_for(target.type, node):
            if isinstance(node, c_ast.InitList):
                node = node.exprs[0]
            self._add_string(target, node, entries, replaces)
        elif not isinstance(node, c_ast.InitList):
            leaf = Leaf(target.offset, target.type, node, target.bits)
            entries.add(leaf, replaces)
        elif isinstance(target.type, Array | Record):
            if replaces:
                start = 8 * target.offset
                entries.drop(start, start + 8 * size_of(target.type))
            self._braced(target, node, entries, replaces)
        elif node.exprs:
            self._initialise(target, node.exprs[0], entries, replaces)

    def _add_string(
        self, target: Found, node: c_ast.Node, entries: _Entries, replaces: bool
    ) -> None:
        ctype = target.type
        assert isinstance(ctype, Array) and isinstance(node, c_ast.Constant)
        if ctype.count is None:
            ctype = Array(CHAR, len(string_bytes(node.value)) + 1)
        entries.add(Leaf(target.offset, ctype, node), replaces)

    def _braced(
        self, target: Found, node: c_ast.InitList, entries: _Entries, replaces: bool
    ) -> None:
        items = node.exprs
        index = position = 0
        nested = False
        while index < len(items):
            item = items[index]
            if isinstance(item, c_ast.NamedInitializer):
                positions = self._designated(target, item, entries)
                position, nested = positions[-1] + 1, len(item.name) > 1
                index += 1
                continue
            if nested:
                raise NotLowered(
                    "initialiser after a nested designator", self.coord(item)
                )
            sub = self._subobject(target, position, item)
            position += 1
            index = self._positional(sub, items, index, entries, replaces)
            if isinstance(target.type, Array):
                entries.top = max(entries.top, position)

    def _positional(
        self,
        target: Found,
        items: Sequence[c_ast.Node],
        index: int,
        entries: _Entries,
        replaces: bool,
    ) -> int:
        """Initialise ``target`` from the items at ``index``; return the next."""
        item = items[index]
        if not self._is_elided(target, item):
            self._initialise(target, item, entries, replaces)
            return index + 1
        # The braces of a sub-aggregate are left out: it takes what it needs.
        position = 0
        while index < len(items) and position < _length(target.type):
            if isinstance(items[index], c_ast.NamedInitializer):
                break
            sub = self._subobject(target, position, items[index])
            index = self._positional(sub, items, index, entries, replaces)
            position += 1
        return index

    def _is_elided(self, target: Found, item: c_ast.Node) -> bool:
        ctype = target.type
        if isinstance(item, c_ast.InitList) or not isinstance(ctype, Array | Record):
            return False
        if _is_string_for(ctype, item):
            return False
        return isinstance(ctype, Array) or self.type_of(item) is not ctype

    def _subobject(self, target: Found, position: int, node: c_ast.Node) -> Found:
        """Return the part of ``target`` at ``position`` in declaration order."""
        ctype = target.type
        if isinstance(ctype, Array):
            if ctype.count is not None and position >= ctype.count:
                raise ParseError("too many initialisers", self.coord(node))
            offset = target.offset + position * size_of(ctype.element)
            return Found(offset, ctype.element)
        if not isinstance(ctype, Record) or position >= _length(ctype):
            raise ParseError("too many initialisers", self.coord(node))
        member = ctype.members[position]
        if member.bit_width is not None:
            found = bits_of(ctype, member)
        else:
            found = Found(member.offset, member.type)
        if isinstance(found.type, Array) and found.type.count is None:
            raise NotLowered("initialised flexible array", self.coord(node))
        return found._replace(offset=found.offset + target.offset)

    # ----------------------------------------------------------------- designators

    def _designated(
        self, target: Found, item: c_ast.NamedInitializer, entries: _Entries
    ) -> list[int]:
        """Initialise what designators name; return their top-level positions."""
        first, rest = item.name[0], item.name[1:]
        positions = self._positions(target, first)
        for position in positions:
            sub = self._named_part(target, first, position)
            for designator in rest:
                places = self._positions(sub, designator)
                if len(places) > 1:
                    raise NotLowered("nested range designator", self.coord(item))
                sub = self._named_part(sub, designator, places[0])
            if self._is_elided(sub, item.expr):
                raise NotLowered(
                    "designated initialiser without braces", self.coord(item)
                )
            self._initialise(sub, item.expr, entries, replaces=True)
        if isinstance(target.type, Array):
            entries.top = max(entries.top, positions[-1] + 1)
        return positions

    def _positions(self, target: Found, designator: c_ast.Node) -> list[int]:
        ctype, coord = target.type, self.coord(designator)
        if isinstance(designator, c_ast.ArrayDesignator) and isinstance(ctype, Array):
            low, high = self.range_of(designator.expr)
            limit = _ENTRIES_LIMIT if ctype.count is None else ctype.count
            if not 0 <= low <= high < limit:
                raise ParseError("array index out of range in initialiser", coord)
            if high - low >= _ENTRIES_LIMIT:
                raise NotLowered("initialiser this large", coord)
            return list(range(low, high + 1))
        if isinstance(designator, c_ast.ID) and isinstance(ctype, Record):
            for position, member in enumerate(ctype.members):
                inner = member.type
                if member.name == designator.name or (
                    not member.name
                    and isinstance(inner, Record)
                    and find_member(inner, designator.name)
                ):
                    return [position]
        raise ParseError(f"'{ctype}' has no such part to initialise", coord)

    def _named_part(
        self, target: Found, designator: c_ast.Node, position: int
    ) -> Found:
        if isinstance(designator, c_ast.ID) and isinstance(target.type, Record):
            found = find_member(target.type, designator.name)
            assert found is not None
            if isinstance(found.type, Array) and found.type.count is None:
                raise NotLowered("initialised flexible array", self.coord(designator))
            return found._replace(offset=found.offset + target.offset)
        return self._subobject(target, position, designator)

    def range_of(self, node: c_ast.Node) -> tuple[int, int]:
        """Evaluate ``a`` or ``a ... b``."""
        if isinstance(node, c_ast.FuncCall) and _is_named(node.name, RANGE_CALL):
            low, high = node.args.exprs
            return self.constant_value(low), self.constant_value(high)
        value = self.constant_value(node)
        return value, value

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
        whole: Expr = Const(0, ULONG, coord)
        for leaf in leaves:
            whole = binary("|", self._shifted(leaf), whole, ULONG, coord)
        unit_type = Integer(_UNIT_NAMES[size], size, False)
        place = cast(address, Pointer(unit_type))
        self.emit(Store(place, cast(whole, unit_type), unit_type, coord))

    def _shifted(self, leaf: Leaf) -> Expr:
        """Return the value of a leaf at its bits of the whole object."""
        coord = self.coord(leaf.node)
        value = cast(self.converted(self.value(leaf.node), leaf.type, coord), ULONG)
        start, end = leaf.span()
        mask = constant((1 << end - start) - 1, ULONG, coord)
        shift = constant(start, ULONG, coord)
        return binary("<<", binary("&", value, mask, ULONG, coord), shift, ULONG, coord)

    def _store_leaf(self, address: Expr, leaf: Leaf) -> None:
        coord = self.coord(leaf.node)
        place = add_offset(address, leaf.offset, Pointer(leaf.type), coord)
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
            target = add_offset(place, offset, Pointer(CHAR), coord)
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
        while isinstance(bare, Cast) and size_of(bare.type) == 8:
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
        return cast(address, Pointer(ctype.element))

    def _literal_storage(
        self, ctype: CType, leaves: Sequence[Leaf], coord: Coord
    ) -> Expr:
        if self.function:
            name = self.new_variable("literal", ctype, True, coord)
            address: Expr = FrameAddress(name, Pointer(ctype), coord)
            self.initialise_memory(address, ctype, leaves, coord)
            return address
        name = self.static_name("literal")
        self.add_global(Global(name, ctype, True, coord, self.initials(leaves)))
        return GlobalAddress(name, Pointer(ctype), coord)

    def static_name(self, name: str) -> str:
        """Return a name in the unit for a static object of this function."""
        full = f"{self.function}.{name}"
        number = 1
        while full in self.shared.static_names:
            number += 1
            full = f"{self.function}.{name}.{number}"
        self.shared.static_names.add(full)
        return full


_UNIT_NAMES = {
    1: "unsigned char",
    2: "unsigned short",
    4: "unsigned int",
    8: "unsigned long",
}


def _is_named(node: c_ast.Node, name: str) -> bool:
    return isinstance(node, c_ast.ID) and node.name == name


def _length(ctype: CType) -> int:
    """Return how many parts an aggregate has for its initialiser."""
    if isinstance(ctype, Array):
        return _ENTRIES_LIMIT if ctype.count is None else ctype.count
    assert isinstance(ctype, Record)
    return min(1, len(ctype.members)) if ctype.kind == "union" else len(ctype.members)


def _is_string_for(ctype: CType, node: c_ast.Node) -> bool:
    """Tell a string literal that initialises an array of characters."""
    if isinstance(node, c_ast.InitList) and len(node.exprs) == 1:
        node = node.exprs[0]
    return (
        isinstance(ctype, Array)
        and isinstance(ctype.element, Integer)
        and ctype.element.size == 1
        and isinstance(node, c_ast.Constant)
        and node.type == "string"
    )


def _string_content(leaf: Leaf) -> bytes:
    assert isinstance(leaf.type, Array) and isinstance(leaf.node, c_ast.Constant)
    count = leaf.type.count or 0
    return string_bytes(leaf.node.value)[:count].ljust(count, b"\0")


def _is_address_constant(expr: Expr) -> bool:
    if isinstance(expr, Binary) and expr.op == "+":
        return isinstance(expr.right, Const) and _is_address_constant(expr.left)
    return isinstance(expr, GlobalAddress | FunctionAddress)
