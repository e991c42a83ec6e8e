"""Build IR expressions, folding constants on the way.

What would be undefined (signed overflow, a shift by too much, division by
zero) is not folded: it stays for the execution to find.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from harness.frontend.arithmetic_types import INT, precision
from harness.ir.nodes import (
    Binary,
    Cast,
    Const,
    Expr,
    FrameAddress,
    FunctionAddress,
    GlobalAddress,
    LoadBits,
    Logical,
    Select,
    Unary,
)
from harness.ir.types import CType, Integer, Pointer
from reference_model.coordinates import Coord

__all__ = [
    "COMPARISONS",
    "add_offset",
    "binary",
    "cast",
    "comparison",
    "constant",
    "is_zero",
    "logical",
    "negation",
    "select",
    "truth",
    "unary",
    "without_widening",
    "wrap",
]

_WRAPPING: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}

COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def wrap(value: int, ctype: CType) -> int:
    """Convert an integer to the range of ``ctype``."""
    if not isinstance(ctype, Integer):
        size = ctype.size if isinstance(ctype, Pointer) else 8
        return value & ((1 << 8 * size) - 1)
    if ctype.is_bool:
        return int(value != 0)
    bits = precision(ctype)
    value &= (1 << bits) - 1
    return value - (1 << bits) if ctype.signed and value >> (bits - 1) else value


def constant(value: int, ctype: CType, coord: Coord) -> Const:
    """Make a constant, converting the value to the type."""
    return Const(wrap(value, ctype), ctype, coord)


def is_zero(expr: Expr) -> bool:
    """Tell a constant zero."""
    return isinstance(expr, Const) and expr.value == 0


def cast(expr: Expr, ctype: CType) -> Expr:
    """Convert ``expr`` to ``ctype``."""
    if expr.type is ctype or expr.type == ctype:
        return expr
    if isinstance(expr, Const):
        return constant(expr.value, ctype, expr.coord)
    if isinstance(expr, Cast) and isinstance(ctype, Pointer):
        inner = expr.operand
        if isinstance(expr.type, Pointer) and isinstance(inner.type, Pointer):
            return cast(inner, ctype)
    converted = Cast(expr, ctype, expr.coord)
    if isinstance(ctype, Integer) and not _fits(expr, ctype):
        return _narrowed(converted, ctype)
    return converted


def _fits(expr: Expr, ctype: Integer) -> bool:
    """Tell whether every value of ``expr`` is in the range of ``ctype``."""
    if precision(ctype) == 8 * ctype.size:
        return True  # the conversion itself sees to it
    source = expr.type
    if isinstance(expr, LoadBits) and isinstance(source, Integer):
        return expr.bits.width <= precision(ctype) and source.signed == ctype.signed
    if not isinstance(source, Integer) or (source.signed and not ctype.signed):
        return False
    return precision(source) < precision(ctype) or source == ctype


def unary(op: str, operand: Expr, ctype: Integer, coord: Coord) -> Expr:
    """Make ``-`` or ``~`` of an operand that has the result's type."""
    if isinstance(operand, Const):
        value = -operand.value if op == "-" else ~operand.value
        if not ctype.signed or wrap(value, ctype) == value:
            return constant(value, ctype, coord)
    expr = Unary(op, operand, ctype, coord)
    return expr if ctype.signed else _narrowed(expr, ctype)


def binary(op: str, left: Expr, right: Expr, ctype: Integer, coord: Coord) -> Expr:
    """Make an arithmetic operator of operands that have the result's type.

    The right operand of a shift has its own type.
    """
    if isinstance(left, Const) and isinstance(right, Const):
        value = _fold(op, left.value, right.value, ctype)
        if value is not None:
            return Const(value, ctype, coord)
    if isinstance(right, Const) and right.value == 0 and op in ("+", "-", "|", "<<"):
        return left
    expr = Binary(op, left, right, ctype, coord)
    # Signed overflow stays for the execution to find.
    wraps = op in ("+", "-", "*", "<<") and not ctype.signed
    return _narrowed(expr, ctype) if wraps else expr


def _narrowed(expr: Expr, ctype: Integer) -> Expr:
    """Let a value of the type of a wide bit-field wrap at the field's width."""
    spare = 8 * ctype.size - precision(ctype)
    if spare == 0:
        return expr
    if not ctype.signed:
        mask = Const((1 << precision(ctype)) - 1, ctype, expr.coord)
        return Binary("&", expr, mask, ctype, expr.coord)
    # Up to the top without a sign, then down with it.
    name = ctype.name.partition(":")[0]
    unsigned = Integer(f"unsigned {name}", ctype.size, False)
    signed = Integer(name, ctype.size, True)
    distance = Const(spare, INT, expr.coord)
    up = Binary("<<", Cast(expr, unsigned, expr.coord), distance, unsigned, expr.coord)
    down = Binary(">>", Cast(up, signed, expr.coord), distance, signed, expr.coord)
    return Cast(down, ctype, expr.coord)


def _fold(op: str, left: int, right: int, ctype: Integer) -> int | None:
    bits = precision(ctype)
    if op in _WRAPPING:
        value = _WRAPPING[op](left, right)
    elif op in ("<<", ">>"):
        if not 0 <= right < bits or (op == "<<" and left < 0):
            return None
        value = left << right if op == "<<" else left >> right
        if op == "<<" and ctype.signed and value >> bits == 0:
            value = wrap(value, ctype)  # into the sign bit, as GCC defines it
    elif right == 0:
        return None
    else:
        quotient = abs(left) // abs(right)
        if (left < 0) != (right < 0):
            quotient = -quotient
        value = quotient if op == "/" else left - quotient * right
    wrapped = wrap(value, ctype)
    return None if ctype.signed and wrapped != value else wrapped


def comparison(op: str, left: Expr, right: Expr, coord: Coord) -> Expr:
    """Compare two operands of one type."""
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(int(COMPARISONS[op](left.value, right.value)), INT, coord)
    known = _address_against_null(op, left, right)
    if known is not None:
        return Const(known, INT, coord)
    return Binary(op, left, right, INT, coord)


def _address_against_null(op: str, left: Expr, right: Expr) -> int | None:
    """No object or function lies at NULL."""
    if op not in ("==", "!="):
        return None
    objects = FrameAddress | GlobalAddress | FunctionAddress
    if (isinstance(left, objects) and is_zero(right)) or (
        isinstance(right, objects) and is_zero(left)
    ):
        return int(op == "!=")
    return None


def truth(expr: Expr) -> Expr:
    """Turn a scalar into int 0 or 1."""
    if isinstance(expr, Const):
        return Const(int(expr.value != 0), INT, expr.coord)
    if is_truth(expr):
        return cast(expr, INT)
    bare = without_widening(expr)
    if bare is not expr:
        return truth(bare)
    zero = Const(0, expr.type, expr.coord)
    return comparison("!=", expr, zero, expr.coord)


def without_widening(expr: Expr) -> Expr:
    """Drop conversions that change nothing about being zero."""
    while isinstance(expr, Cast) and isinstance(expr.type, Integer):
        inner = expr.operand.type
        if expr.type.is_bool or not isinstance(inner, Integer):
            break
        if precision(inner) > precision(expr.type):
            break
        expr = expr.operand
    return expr


def is_truth(expr: Expr) -> bool:
    """Tell whether the value can only be 0 or 1."""
    if isinstance(expr, Binary):
        return expr.op in COMPARISONS
    if isinstance(expr, Unary):
        return expr.op == "!"
    return isinstance(expr, Logical) or (
        isinstance(expr.type, Integer) and expr.type.is_bool
    )


def negation(expr: Expr, coord: Coord) -> Expr:
    """Make ``!expr``."""
    if isinstance(expr, Const):
        return Const(int(expr.value == 0), INT, coord)
    if isinstance(expr, Unary) and expr.op == "!":
        return truth(expr.operand)
    return Unary("!", expr, INT, coord)


def logical(op: str, left: Expr, right: Expr, coord: Coord) -> Expr:
    """Make ``&&`` or ``||`` of two operands without side effects."""
    decisive = op == "||"
    if isinstance(left, Const):
        if bool(left.value) == decisive:
            return Const(int(decisive), INT, coord)
        return truth(right)
    if isinstance(right, Const) and bool(right.value) != decisive:
        return truth(left)
    return Logical(op, left, right, INT, coord)


def select(
    condition: Expr, then: Expr, otherwise: Expr, ctype: CType, coord: Coord
) -> Expr:
    """Make ``?:`` of operands without side effects."""
    if isinstance(condition, Const):
        return cast(then if condition.value else otherwise, ctype)
    return Select(condition, cast(then, ctype), cast(otherwise, ctype), ctype, coord)


def add_offset(address: Expr, offset: int, ctype: CType, coord: Coord) -> Expr:
    """Add a number of bytes to an address; the result has type ``ctype``."""
    if isinstance(address, Const):
        return constant(address.value + offset, ctype, coord)
    if isinstance(address, Cast) and isinstance(address.operand.type, Pointer):
        return add_offset(address.operand, offset, ctype, coord)
    if isinstance(address, Binary) and address.op == "+":
        right = address.right
        if isinstance(right, Const) and isinstance(address.type, Pointer):
            return add_offset(address.left, right.value + offset, ctype, coord)
    if offset == 0:
        return cast(address, ctype)
    size = address.type.size if isinstance(address.type, Pointer) else 8
    step = Const(offset, Integer("long", size, True), coord)
    return Binary("+", address, step, ctype, coord)
