"""Expressions: from the syntax tree to values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import (
    INT,
    VOID,
    in_range,
)
from harness.frontend.choices import Choices
from harness.frontend.compatible import compatible
from harness.frontend.folding import (
    cast,
    constant,
    negation,
    without_widening,
)
from harness.frontend.literals import character_value, integer_value
from harness.frontend.lowering import Aggregate, NotLowered, Value, Wrapped
from harness.frontend.lvalues import BitsPlace, LocalPlace, MemoryPlace, Place
from harness.ir.layout import align_of, size_of
from harness.ir.nodes import (
    Const,
    Expr,
)
from harness.ir.types import Array, CType, Function, Integer, Pointer, Record, Void
from reference_model.coordinates import Coord

__all__ = ["Expressions"]

# Suffix (sorted) to the types that a decimal constant may have, in order; an
# octal, hexadecimal or binary one may also have the unsigned ones between.
_SUFFIXES = {
    "": ("int", "long", "long long"),
    "l": ("long", "long long"),
    "ll": ("long long",),
    "u": ("unsigned int", "unsigned long", "unsigned long long"),
    "lu": ("unsigned long", "unsigned long long"),
    "llu": ("unsigned long long",),
}

_CHAIN_LIMIT = 200  # what runs the IR goes down expressions recursively


class Expressions(Choices):
    """Lowers expressions."""

    @abstractmethod
    def call(self, node: c_ast.FuncCall, used: bool) -> Value:
        """Lower a function call."""

    # ----------------------------------------------------------------- dispatching

    def value(self, node: c_ast.Node) -> Value:
        """Lower an expression to a value, emitting its side effects."""
        lower: Callable[[Any], Value] | None = getattr(
            self, f"_value_{type(node).__name__}", None
        )
        if lower is None:
            raise NotLowered(f"expression '{type(node).__name__}'", self.coord(node))
        return lower(node)

    def scalar(self, node: c_ast.Node) -> Expr:
        """Lower an expression that must be a scalar."""
        value = self.value(node)
        if isinstance(value, Wrapped | Aggregate):
            raise ParseError(f"'{value.type}' is not a scalar", self.coord(node))
        return value

    def condition(self, node: c_ast.Node) -> Expr:
        """Lower a controlling expression; nonzero means true."""
        value = self.scalar(node)
        if isinstance(value.type, Void):
            raise ParseError("void value used as a condition", self.coord(node))
        return without_widening(value)

    def type_of(self, node: c_ast.Node) -> CType:
        """Return the type of an expression without evaluating it."""
        with self.unevaluated():
            if _denotes_place(node) and not self._is_enumerator(node):
                place = self.place(node)
                if not isinstance(place, BitsPlace):
                    return place.type
                value = self.load(place, self.coord(node))
            else:
                value = self.value(node)
        return value.type

    def _is_enumerator(self, node: c_ast.Node) -> bool:
        return isinstance(node, c_ast.ID) and isinstance(self.lookup(node.name), Const)

    def discard(self, node: c_ast.Node) -> None:
        """Lower an expression for its side effects only."""
        if isinstance(node, c_ast.Assignment):
            self._assign(node)
        elif isinstance(node, c_ast.UnaryOp) and node.op in ("p++", "p--", "++", "--"):
            self._step(node, used=False)
        elif isinstance(node, c_ast.FuncCall):
            self.call(node, used=False)
        elif isinstance(node, c_ast.ExprList):
            for item in node.exprs:
                self.discard(item)
        elif isinstance(node, c_ast.TernaryOp):
            self._discard_choice(node)
        elif isinstance(node, c_ast.Cast):
            self.discard(node.expr)
        elif isinstance(node, c_ast.Compound):
            self.statement(node)
        elif isinstance(node, c_ast.BinaryOp) and node.op in ("&&", "||"):
            self._discard_logical(node)
        else:
            self.value(node)

    # -------------------------------------------------------------------- literals

    def _value_Constant(self, node: c_ast.Constant) -> Value:  # noqa: N802
        coord = self.coord(node)
        kind = node.type
        if kind == "string":
            return self.load(self.place(node), coord)
        try:
            if kind == "char":
                return constant(character_value(node.value), INT, coord)
            if kind.endswith("int"):
                return self._integer(node.value, coord)
        except ValueError as problem:
            raise ParseError(f"constant '{node.value}': {problem}", coord) from None
        raise NotLowered(f"constant of type '{kind}'", coord)

    def _integer(self, literal: str, coord: Coord) -> Const:
        value, suffix = integer_value(literal)
        decimal = literal[0] != "0"
        for name in _SUFFIXES["".join(sorted(suffix))]:
            for candidate in (name,) if decimal else (name, f"unsigned {name}"):
                ctype = self.integers.get(candidate)
                if ctype is not None and in_range(value, ctype):
                    return Const(value, ctype, coord)
        raise ParseError(f"constant '{literal}' is too large", coord)

    def _value_ID(self, node: c_ast.ID) -> Value:  # noqa: N802
        symbol = self.lookup(node.name)
        if isinstance(symbol, Const):
            return Const(symbol.value, symbol.type, self.coord(node))
        return self.load(self.place(node), self.coord(node))

    def _value_StructRef(self, node: c_ast.StructRef) -> Value:  # noqa: N802
        coord = self.coord(node.field)
        if node.type == "." and not _denotes_place(node.name):
            base = self.value(node.name)
            if isinstance(base, Wrapped):
                return self._unwrapped(base, node.field.name, coord)
            if isinstance(base, Aggregate):
                place = MemoryPlace(base.address, base.type)
                return self.load(self.member(place, node.field.name, coord), coord)
        return self.load(self.place(node), coord)

    def _unwrapped(self, base: Wrapped, name: str, coord: Coord) -> Value:
        place = self.member(LocalPlace("", base.type), name, coord)
        if isinstance(place.type, Record):
            return Wrapped(base.expr, place.type)
        return base.expr

    def _value_ArrayRef(self, node: c_ast.ArrayRef) -> Value:  # noqa: N802
        return self.load(self.place(node), self.coord(node))

    def _value_CompoundLiteral(self, node: c_ast.CompoundLiteral) -> Value:  # noqa: N802
        return self.compound_literal(node)

    # ----------------------------------------------------------------------- unary

    def _value_UnaryOp(self, node: c_ast.UnaryOp) -> Value:  # noqa: N802
        coord, op = self.coord(node), node.op
        if op == "sizeof":
            return Const(self._size(node.expr, coord), self.size_type, coord)
        if op == "_Alignof":
            return Const(self.natural_alignment(node.expr), self.size_type, coord)
        if op == "&":
            return self._address(node, coord)
        if op == "*":
            return self.load(self.place(node), coord)
        if op in ("++", "--", "p++", "p--"):
            return self._stepped(node)
        if op == "!":
            return negation(self.condition(node.expr), coord)
        return self.negate(op, self.scalar(node.expr), coord)

    def _address(self, node: c_ast.UnaryOp, coord: Coord) -> Expr:
        if isinstance(node.expr, c_ast.UnaryOp) and node.expr.op == "*":
            return self.scalar(node.expr.expr)
        return self.address_of(self.place_beyond(node.expr), coord)

    def _size(self, node: c_ast.Node, coord: Coord) -> int:
        ctype = self._operand_type(node)
        if isinstance(ctype, Void | Function):
            return 1
        if isinstance(ctype, Record) and ctype.size is None:
            raise ParseError(f"size of incomplete '{ctype}'", coord)
        if isinstance(ctype, Array) and ctype.count is None:
            raise ParseError("size of an array of unknown size", coord)
        return size_of(ctype)

    def _operand_type(self, node: c_ast.Node) -> CType:
        if isinstance(node, c_ast.Typename):
            return self.type_name(node)
        return self.type_of(node)

    def natural_alignment(self, node: c_ast.Typename) -> int:
        """Return ``_Alignof`` a type name."""
        declared = self.declared(node)
        return declared.align or align_of(declared.type)

    # ------------------------------------------------------- increment, assignment

    def _step(self, node: c_ast.UnaryOp, used: bool) -> tuple[Place, Expr]:
        """Lower ``++`` or ``--``; return the place and the old value."""
        coord = self.coord(node)
        place = self.pinned(self.place(node.expr))
        old = self.represented(self.load(place, coord), coord)
        if node.op.startswith("p") and used:
            old = self.temporary(old)
        one = Const(1, INT, coord)
        new = self.operate(node.op[-1], old, one, coord)
        self.store(place, new, coord)
        return place, old

    def _stepped(self, node: c_ast.UnaryOp) -> Value:
        place, old = self._step(node, used=True)
        if node.op.startswith("p"):
            return old
        return self.load(place, self.coord(node))

    def _assign(self, node: c_ast.Assignment) -> Place:
        """Lower an assignment; return where it went."""
        coord = self.coord(node)
        if node.op != "=":
            right = self.scalar(node.rvalue)
            place = self.pinned(self.place(node.lvalue))
            left = self.represented(self.load(place, coord), coord)
            self.store(place, self.operate(node.op[:-1], left, right, coord), coord)
            return place
        place = self.place(node.lvalue)
        self.store(place, self.value(node.rvalue), coord)
        return place

    def _value_Assignment(self, node: c_ast.Assignment) -> Value:  # noqa: N802
        coord = self.coord(node)
        place = self.pinned(self.place(node.lvalue))
        value = self.value(node.rvalue)
        if node.op != "=":
            left = self.represented(self.load(place, coord), coord)
            right = self.represented(value, coord)
            value = self.operate(node.op[:-1], left, right, coord)
        if isinstance(place, MemoryPlace) and not isinstance(value, Aggregate):
            # The value is what was stored, not what memory holds afterwards.
            expr = self.converted(value, place.type, coord)
            kept = expr if isinstance(expr, Const) else self.temporary(expr)
            ctype = place.type
            value = Wrapped(kept, ctype) if isinstance(ctype, Record) else kept
            self.store(place, value, coord)
            return value
        self.store(place, value, coord)
        return self.load(place, coord)

    # ---------------------------------------------------------------------- binary

    def _value_BinaryOp(self, node: c_ast.BinaryOp) -> Value:  # noqa: N802
        if node.op in ("&&", "||"):
            return self._logical(node)
        # A long chain a + b + c … leans to the left: go down it in a loop.
        chain = [node]
        while isinstance(chain[-1].left, c_ast.BinaryOp):
            if chain[-1].left.op in ("&&", "||"):
                break
            chain.append(chain[-1].left)
        if len(chain) > _CHAIN_LIMIT:
            raise NotLowered("expression this long", self.coord(node))
        left = self.scalar(chain[-1].left)
        for item in reversed(chain):
            right = self.scalar(item.right)
            left = self.operate(item.op, left, right, self.coord(item))
        return left

    # ------------------------------------------------------------------------ rest

    def _value_Cast(self, node: c_ast.Cast) -> Value:  # noqa: N802
        coord = self.coord(node)
        ctype = self.type_name(node.to_type)
        if isinstance(ctype, Void):
            self.discard(node.expr)
            return Const(0, VOID, coord)
        value = self.value(node.expr)
        if isinstance(ctype, Record):
            if value.type is ctype:
                return value
            raise NotLowered(f"cast to '{ctype}'", coord)
        if isinstance(value.type, Void):
            raise ParseError("void value used", coord)
        if not isinstance(ctype, Integer | Pointer):
            raise NotLowered(f"cast to '{ctype}'", coord)
        return cast(self.represented(value, coord), ctype)

    def _value_ExprList(self, node: c_ast.ExprList) -> Value:  # noqa: N802
        for item in node.exprs[:-1]:
            self.discard(item)
        return self.value(node.exprs[-1])

    def _value_FuncCall(self, node: c_ast.FuncCall) -> Value:  # noqa: N802
        return self.call(node, used=True)

    def _value_Compound(self, node: c_ast.Compound) -> Value:  # noqa: N802
        """Lower a statement expression; its value is that of its last item."""
        items = node.block_items or []
        with self.scope():
            for item in items[:-1]:
                self.statement(item)
            if not items:
                return Const(0, VOID, self.coord(node))
            last = items[-1]
            if hasattr(self, f"_value_{type(last).__name__}"):
                return self.value(last)
            self.statement(last)
        return Const(0, VOID, self.coord(node))

    def _selecting_type(self, node: c_ast.Node) -> CType:
        """Return the type that a generic selection goes by."""
        with self.unevaluated():
            if _denotes_place(node) and not self._is_enumerator(node):
                place = self.place(node)
                if isinstance(place, BitsPlace) and isinstance(place.type, Integer):
                    if _selects_nothing(place.type, place.bits.width):
                        return VOID
                    return place.type
            return self.value(node).type

    def _value_GenericSelection(self, node: c_ast.GenericSelection) -> Value:  # noqa: N802
        wanted = self._selecting_type(node.expr)
        default: c_ast.Node | None = None
        for association in node.associations:
            if association.type is None:
                default = association.expr
            elif compatible(self.type_name(association.type), wanted):
                return self.value(association.expr)
        if default is None:
            what = f"no association of _Generic for type '{wanted}'"
            raise ParseError(what, self.coord(node))
        return self.value(default)


def _selects_nothing(ctype: Integer, width: int) -> bool:
    """Tell a bit-field that is narrower than its type, a type of its own to GCC."""
    return width < (1 if ctype.is_bool else 8 * ctype.size)


def _denotes_place(node: c_ast.Node) -> bool:
    """Tell whether the expression is an lvalue by its form."""
    if isinstance(node, c_ast.StructRef):
        return node.type == "->" or _denotes_place(node.name)
    if isinstance(node, c_ast.UnaryOp):
        return bool(node.op == "*")
    if isinstance(node, c_ast.Constant):
        return bool(node.type == "string")
    return isinstance(node, c_ast.ID | c_ast.ArrayRef)
