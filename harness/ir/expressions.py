"""Expressions of the intermediate representation; they only read."""

from __future__ import annotations

from dataclasses import dataclass

from harness.ir.types import CType
from reference_model.coordinates import Coord

__all__ = [
    "ARGUMENT_SLOT",
    "Binary",
    "BitField",
    "Cast",
    "CheckedIndex",
    "Const",
    "Expr",
    "FrameAddress",
    "FunctionAddress",
    "GlobalAddress",
    "Load",
    "LoadBits",
    "Local",
    "Logical",
    "Select",
    "Unary",
    "UnsupportedExpr",
    "VariableArgumentsAddress",
]

ARGUMENT_SLOT = 16  # bytes


@dataclass(frozen=True, slots=True)
class Const:
    """An integer constant, already in the range of ``type``."""

    value: int
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class Local:
    """The value of a local."""

    name: str
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class FrameAddress:
    """The address of a variable of this function that lives in memory."""

    name: str
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class GlobalAddress:
    """The address of a file-scope or static variable, or a string literal."""

    name: str
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class FunctionAddress:
    """The address of a function."""

    name: str
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class Load:
    """The scalar of type ``type`` at ``address``, ``packed`` if at any."""

    address: Expr
    type: CType
    coord: Coord
    volatile: bool = False
    packed: bool = False


@dataclass(frozen=True, slots=True)
class BitField:
    """Where a bit-field lies in its storage unit of ``unit_size`` bytes.

    The unit is a word of 1, 2, 4 or 8 bytes, except in some packed records.
    """

    unit_size: int
    offset: int
    width: int


@dataclass(frozen=True, slots=True)
class LoadBits:
    """A bit-field of the storage unit at ``address``."""

    address: Expr
    bits: BitField
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class Unary:
    """``op`` is "-", "~" or "!" (which yields int 0 or 1)."""

    op: str
    operand: Expr
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, shift, bitwise or comparison operator.

    Pointer arithmetic is lowered to integers: ``p + i`` becomes ``+`` with a
    scaled right operand and the pointer's type; ``p - q`` becomes "-" of two
    pointers, which yields bytes, then "/" by the element size.  Comparisons have
    type int.
    """

    op: str  # + - * / % << >> & | ^ == != < <= > >=
    left: Expr
    right: Expr
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class Logical:
    """``&&`` or ``||`` whose right operand has no side effect."""

    op: str
    left: Expr
    right: Expr
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class Select:
    """``condition ? then : otherwise`` without side effects in the arms."""

    condition: Expr
    then: Expr
    otherwise: Expr
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class Cast:
    """Conversion of a scalar to ``type``."""

    operand: Expr
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class VariableArgumentsAddress:
    """The address of the first variable argument of this call.

    Each lies in a slot of ``ARGUMENT_SLOT`` bytes; a struct's has its address.
    """

    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class CheckedIndex:
    """An index of an array of ``count`` elements, in bounds or undefined.

    The place behind the last element may be pointed at (``beyond``).
    """

    index: Expr
    count: int
    beyond: bool
    type: CType
    coord: Coord


@dataclass(frozen=True, slots=True)
class UnsupportedExpr:
    """An expression that lowering does not model; ``Unsupported`` if reached."""

    what: str
    type: CType
    coord: Coord


Expr = (
    Const
    | Local
    | FrameAddress
    | GlobalAddress
    | FunctionAddress
    | Load
    | LoadBits
    | Unary
    | Binary
    | Logical
    | Select
    | Cast
    | VariableArgumentsAddress
    | CheckedIndex
    | UnsupportedExpr
)
