"""Operators on lowered operands: conversions, pointers, comparisons."""

from __future__ import annotations

from harness.errors import ParseError
from harness.frontend.arithmetic_types import (
    VOID,
    common_type,
    promoted,
)
from harness.frontend.folding import (
    COMPARISONS,
    add_offset,
    binary,
    cast,
    comparison,
    is_zero,
    unary,
)
from harness.frontend.lowering import Aggregate, NotLowered, Value, Wrapped
from harness.frontend.lvalues import LValues
from harness.ir.layout import size_of
from harness.ir.nodes import Binary, Const, Expr
from harness.ir.types import CType, Function, Integer, Pointer, Record, Void
from reference_model.coordinates import Coord

__all__ = ["Operators"]


class Operators(LValues):
    """Applies operators as C does."""

    def promote(self, expr: Expr, coord: Coord) -> Expr:
        """Apply the integer promotions to an operand."""
        if not isinstance(expr.type, Integer):
            raise ParseError(f"operand of type '{expr.type}' is no integer", coord)
        return cast(expr, promoted(expr.type))

    def operate(self, op: str, left: Expr, right: Expr, coord: Coord) -> Expr:
        """Apply a binary operator other than ``&&`` and ``||``."""
        if op in COMPARISONS:
            return self.compare(op, left, right, coord)
        if isinstance(left.type, Pointer) or isinstance(right.type, Pointer):
            return self._pointer_arithmetic(op, left, right, coord)
        left, right = self.promote(left, coord), self.promote(right, coord)
        assert isinstance(left.type, Integer) and isinstance(right.type, Integer)
        if op in ("<<", ">>"):
            return binary(op, left, right, left.type, coord)
        common = common_type(left.type, right.type)
        return binary(op, cast(left, common), cast(right, common), common, coord)

    def compare(self, op: str, left: Expr, right: Expr, coord: Coord) -> Expr:
        """Apply a comparison."""
        if isinstance(left.type, Pointer) or isinstance(right.type, Pointer):
            pointer = left.type if isinstance(left.type, Pointer) else right.type
            return comparison(op, cast(left, pointer), cast(right, pointer), coord)
        left, right = self.promote(left, coord), self.promote(right, coord)
        assert isinstance(left.type, Integer) and isinstance(right.type, Integer)
        common = common_type(left.type, right.type)
        return comparison(op, cast(left, common), cast(right, common), coord)

    def negate(self, op: str, operand: Expr, coord: Coord) -> Expr:
        """Apply ``-``, ``+`` or ``~``."""
        operand = self.promote(operand, coord)
        assert isinstance(operand.type, Integer)
        return operand if op == "+" else unary(op, operand, operand.type, coord)

    # ---------------------------------------------------------------------- pointers

    def _pointer_arithmetic(
        self, op: str, left: Expr, right: Expr, coord: Coord
    ) -> Expr:
        if op == "+" and isinstance(right.type, Pointer):
            left, right = right, left
        if op == "-" and isinstance(right.type, Pointer):
            return self._distance(left, right, coord)
        if op not in ("+", "-") or not isinstance(right.type, Integer):
            raise ParseError(f"operator '{op}' on pointers", coord)
        return self.index(left, right, coord, op)

    def index(self, pointer: Expr, index: Expr, coord: Coord, op: str = "+") -> Expr:
        """Add ``index`` elements to a pointer, or subtract them."""
        ctype = pointer.type
        if not isinstance(ctype, Pointer) or not isinstance(index.type, Integer):
            raise ParseError("subscript of what is no array", coord)
        size = self.element_size(ctype.target, coord)
        index = self.promote(index, coord)
        if isinstance(index, Const):
            offset = index.value * size
            return add_offset(pointer, -offset if op == "-" else offset, ctype, coord)
        return Binary(op, pointer, self.scaled(index, size, coord), ctype, coord)

    def element_size(self, ctype: CType, coord: Coord) -> int:
        """Return the step of a pointer to ``ctype``; GCC takes 1 for void."""
        if isinstance(ctype, Void | Function):
            return 1
        if isinstance(ctype, Record) and ctype.size is None:
            raise ParseError(f"arithmetic on incomplete '{ctype}'", coord)
        return size_of(ctype)

    def _distance(self, left: Expr, right: Expr, coord: Coord) -> Expr:
        if not isinstance(left.type, Pointer):
            raise ParseError("integer minus pointer", coord)
        size = self.element_size(left.type.target, coord)
        if isinstance(left, Const) or isinstance(right, Const):
            left, right = cast(left, self.size_type), cast(right, self.size_type)
            difference = binary("-", left, right, self.size_type, coord)
            signed = cast(difference, self.ptrdiff)
        else:
            signed = Binary("-", left, right, self.ptrdiff, coord)
        if size <= 1:
            return signed
        return binary(
            "/", signed, Const(size, self.ptrdiff, coord), self.ptrdiff, coord
        )

    # ----------------------------------------------------------------------- choosing

    def arms_type(self, then: Value, otherwise: Value, coord: Coord) -> CType:
        """Return the type of ``c ? then : otherwise``."""
        left, right = then.type, otherwise.type
        if isinstance(left, Void) or isinstance(right, Void):
            return VOID
        if isinstance(left, Integer) and isinstance(right, Integer):
            return common_type(promoted(left), promoted(right))
        if isinstance(left, Pointer) or isinstance(right, Pointer):
            return self._pointer_arms(then, otherwise)
        if left is right:
            return left
        raise ParseError(f"arms of types '{left}' and '{right}'", coord)

    @staticmethod
    def _pointer_arms(then: Value, otherwise: Value) -> CType:
        left, right = then.type, otherwise.type
        if not isinstance(left, Pointer) or _is_null(then, right):
            return right
        if not isinstance(right, Pointer) or _is_null(otherwise, left):
            return left
        return right if isinstance(left.target, Void) else left

    def represented(self, value: Value, coord: Coord) -> Expr:
        """Return the scalar expression of a value that is one."""
        if isinstance(value, Wrapped):
            return value.expr
        if isinstance(value, Aggregate):
            raise NotLowered(f"value of type '{value.type}' as a scalar", coord)
        return value


def _is_null(value: Value, other: CType) -> bool:
    """Tell a null pointer constant next to a pointer that is not one."""
    if isinstance(value, Wrapped | Aggregate) or not is_zero(value):
        return False
    ctype = value.type
    if not isinstance(ctype, Pointer):
        return True
    return isinstance(ctype.target, Void) and isinstance(other, Pointer)
