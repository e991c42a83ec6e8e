"""Compatibility of types, for ``__builtin_types_compatible_p``."""

from __future__ import annotations

from harness.ir.types import Array, CType, Function, Integer, Pointer, Record

__all__ = ["compatible"]

_INT = ("int", "unsigned int")
_LONG = ("long", "unsigned long")
# Small ones are packed: GCC then takes the character or short of that size.
_ENUM_TYPES = {1: (), 2: (), 4: _INT, 8: _LONG, 16: ()}


def compatible(left: CType, right: CType) -> bool:
    """Tell whether two unqualified types are compatible."""
    if isinstance(left, Pointer) and isinstance(right, Pointer):
        return (
            left.const == right.const
            and left.volatile == right.volatile
            and compatible(left.target, right.target)
        )
    if isinstance(left, Array) and isinstance(right, Array):
        counts = {left.count, right.count} - {None}
        return len(counts) < 2 and compatible(left.element, right.element)
    if isinstance(left, Function) and isinstance(right, Function):
        return (
            left.variadic == right.variadic
            and len(left.parameters) == len(right.parameters)
            and compatible(left.result, right.result)
            and all(map(compatible, left.parameters, right.parameters))
        )
    if isinstance(left, Integer) and isinstance(right, Integer):
        return left == right or _is_enum_of(left, right) or _is_enum_of(right, left)
    if isinstance(left, Record) or isinstance(right, Record):
        return left is right
    return left == right


def _is_enum_of(enum: Integer, other: Integer) -> bool:
    """Tell whether ``other`` is the integer type that ``enum`` is compatible with."""
    return (
        enum.name.startswith("enum ")
        and other.name in _ENUM_TYPES[enum.size]
        and (enum.size, enum.signed) == (other.size, other.signed)
    )
