"""Initialisers: which value goes to which bytes and bits of an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import CHAR
from harness.frontend.expressions import Expressions
from harness.frontend.gnulexer import RANGE_CALL
from harness.frontend.literals import string_bytes
from harness.frontend.lowering import NotLowered
from harness.ir.layout import Place as Found
from harness.ir.layout import bits_of, find_member, size_of
from harness.ir.nodes import (
    BitField,
)
from harness.ir.types import Array, CType, Integer, Record

__all__ = ["Distribution", "Leaf"]

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


class Distribution(Expressions):
    """Distributes an initialiser over the parts of an object."""

    def leaves(self, ctype: CType, node: c_ast.Node) -> tuple[list[Leaf], CType]:
        """Distribute an initialiser; return its leaves and the complete type."""
        entries = _Entries()
        self._initialise(Found(0, ctype), node, entries, replaces=False)
        if isinstance(ctype, Array) and ctype.count is None:
            count = entries.top
            if not isinstance(node, c_ast.InitList):
                if not _is_string_for(ctype, node):
                    what = "array of unknown size from an expression"
                    raise NotLowered(what, self.coord(node))
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
        try:
            length = len(string_bytes(node.value))
        except ValueError as problem:
            raise ParseError(str(problem), self.coord(node)) from None
        if ctype.count is None:
            ctype = Array(CHAR, length + 1)
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
