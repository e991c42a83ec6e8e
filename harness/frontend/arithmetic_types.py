"""Integer types of a data model, promotions and the usual conversions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from harness.ir.data_model import DataModel
from harness.ir.layout import scalar_of
from harness.ir.types import CType, Integer, Void

__all__ = [
    "BOOL",
    "CHAR",
    "INT",
    "UCHAR",
    "UINT",
    "VOID",
    "basic_type",
    "bit_field_type",
    "common_type",
    "enum_type",
    "in_range",
    "integers",
    "precision",
    "promoted",
    "scalar_of",
]

VOID = Void()
BOOL = Integer("_Bool", 1, False)
CHAR = Integer("char", 1, False)  # plain char is unsigned on Arm
UCHAR = Integer("unsigned char", 1, False)
INT = Integer("int", 4, True)
UINT = Integer("unsigned int", 4, False)

# Conversion rank of promoted types; an unsigned type has that of its signed one.
_RANK = {"int": 1, "long": 2, "long long": 3, "__int128": 4}


@cache
def integers(model: DataModel) -> Mapping[str, Integer]:
    """Return the integer types by name; there is no __int128 in ILP32."""
    types = [
        BOOL,
        CHAR,
        Integer("signed char", 1, True),
        UCHAR,
        Integer("short", 2, True),
        Integer("unsigned short", 2, False),
        INT,
        UINT,
        Integer("long", model.long_size, True),
        Integer("unsigned long", model.long_size, False),
        Integer("long long", 8, True),
        Integer("unsigned long long", 8, False),
    ]
    if model.pointer_size == 8:
        types.append(Integer("__int128", 16, True))
        types.append(Integer("unsigned __int128", 16, False))
    return MappingProxyType({ctype.name: ctype for ctype in types})


def basic_type(names: Sequence[str], model: DataModel) -> CType | None:
    """Return the type that a list of type specifiers such as ``long int`` means."""
    count = Counter(names)
    if count == {"void": 1}:
        return VOID
    signed, unsigned = count.pop("signed", 0), count.pop("unsigned", 0)
    longs = count.pop("long", 0)
    base = " ".join(sorted(count))
    known = integers(model)
    if base == "char" and not longs:
        return known[
            "unsigned char" if unsigned else "signed char" if signed else "char"
        ]
    if base in ("", "int"):
        base = ("int", "long", "long long")[longs] if longs < 3 else "?"
    elif base in ("short", "int short"):
        base = "short"
    elif base == "_Bool":
        return BOOL
    return known.get("unsigned " + base if unsigned else base)


def precision(ctype: Integer) -> int:
    """Return the width in bits; less than the size for a wide bit-field."""
    _, colon, width = ctype.name.rpartition(":")
    return int(width) if colon else 8 * ctype.size


def in_range(value: int, ctype: Integer) -> bool:
    """Tell whether ``value`` is in the range of ``ctype``."""
    bits = precision(ctype)
    if ctype.signed:
        return -(1 << bits - 1) <= value < 1 << bits - 1
    return 0 <= value < 1 << bits


def enum_type(tag: str, values: Sequence[int], packed: bool) -> Integer:
    """Return the type that GCC gives an enumeration of these values."""
    low, high = min(values, default=0), max(values, default=0)
    for size in (1, 2, 4, 8) if packed else (4, 8):
        bits = 8 * size
        if low >= 0 and high < 1 << bits:
            return Integer(f"enum {tag}", size, False)
        if low >= -(1 << bits - 1) and high < 1 << bits - 1:
            return Integer(f"enum {tag}", size, True)
    return Integer(f"enum {tag}", 16, low < 0)


def bit_field_type(declared: Integer, width: int) -> Integer:
    """Return the type that a bit-field has in an expression, as GCC has it.

    What fits an int is promoted; a wider one keeps its exact width, so that
    arithmetic on it wraps there.
    """
    if declared.is_bool or width < 32 or (width == 32 and declared.signed):
        return INT
    if width == 32:
        return UINT
    if width == 8 * declared.size:
        return promoted(declared)
    return Integer(f"{promoted(declared).name}:{width}", declared.size, declared.signed)


def promoted(ctype: Integer) -> Integer:
    """Apply the integer promotions."""
    if ctype.name in _RANK or ":" in ctype.name:
        return ctype
    if ctype.size < 4:
        return INT
    if ctype.name.removeprefix("unsigned ") in _RANK:
        return ctype
    # An enumeration; what GCC calls the type of 8 bytes makes no difference.
    name = {4: "int", 8: "long", 16: "__int128"}[ctype.size]
    return Integer(
        name if ctype.signed else f"unsigned {name}", ctype.size, ctype.signed
    )


def common_type(left: Integer, right: Integer) -> Integer:
    """Apply the usual arithmetic conversions to two promoted types."""
    if left == right:
        return left
    keys = [(precision(t), _rank(t)) for t in (left, right)]
    if left.signed == right.signed:
        return left if keys[0] >= keys[1] else right
    unsigned, signed = (left, right) if right.signed else (right, left)
    if (precision(unsigned), _rank(unsigned)) >= (precision(signed), _rank(signed)):
        return unsigned
    if precision(signed) > precision(unsigned):
        return signed
    return Integer(f"unsigned {signed.name}", signed.size, False)


def _rank(ctype: Integer) -> int:
    return _RANK.get(ctype.name.removeprefix("unsigned "), 0)
