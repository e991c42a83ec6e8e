"""Integer types of AArch64 (LP64), promotions and the usual conversions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.ir.layout import size_of
from harness.ir.types import CType, Integer, Pointer, Record, Void

__all__ = [
    "BOOL",
    "CHAR",
    "INT",
    "INTEGERS",
    "LONG",
    "POINTER_WIDE",
    "UCHAR",
    "UINT",
    "ULONG",
    "VOID",
    "basic_type",
    "bit_field_type",
    "common_type",
    "enum_type",
    "in_range",
    "precision",
    "promoted",
    "scalar_of",
]

VOID = Void()
BOOL = Integer("_Bool", 1, False)
CHAR = Integer("char", 1, False)  # plain char is unsigned on AArch64
UCHAR = Integer("unsigned char", 1, False)
INT = Integer("int", 4, True)
UINT = Integer("unsigned int", 4, False)
LONG = Integer("long", 8, True)
ULONG = Integer("unsigned long", 8, False)

# size_t and ptrdiff_t
POINTER_WIDE = ULONG

INTEGERS: dict[str, Integer] = {
    t.name: t
    for t in (
        BOOL,
        CHAR,
        Integer("signed char", 1, True),
        UCHAR,
        Integer("short", 2, True),
        Integer("unsigned short", 2, False),
        INT,
        UINT,
        LONG,
        ULONG,
        Integer("long long", 8, True),
        Integer("unsigned long long", 8, False),
        Integer("__int128", 16, True),
        Integer("unsigned __int128", 16, False),
    )
}

# Conversion rank of promoted types; an unsigned type has that of its signed one.
_RANK = {"int": 1, "long": 2, "long long": 3, "__int128": 4}


def basic_type(names: Sequence[str]) -> CType | None:
    """Return the type that a list of type specifiers such as ``long int`` means."""
    count = Counter(names)
    if count == {"void": 1}:
        return VOID
    signed, unsigned = count.pop("signed", 0), count.pop("unsigned", 0)
    longs = count.pop("long", 0)
    base = " ".join(sorted(count))
    if base == "char" and not longs:
        return INTEGERS[
            "unsigned char" if unsigned else "signed char" if signed else "char"
        ]
    if base in ("", "int"):
        base = ("int", "long", "long long")[longs] if longs < 3 else "?"
    elif base in ("short", "int short"):
        base = "short"
    elif base == "_Bool":
        return BOOL
    return INTEGERS.get("unsigned " + base if unsigned else base)


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
    if ctype.name in INTEGERS:
        return ctype
    names = {4: "int", 8: "long", 16: "__int128"}
    name = names[ctype.size]
    return INTEGERS[name if ctype.signed else f"unsigned {name}"]


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
    return INTEGERS.get(f"unsigned {signed.name}", unsigned)


def _rank(ctype: Integer) -> int:
    return _RANK.get(ctype.name.removeprefix("unsigned "), 0)


def scalar_of(ctype: CType) -> Integer | Pointer | None:
    """Return the scalar that a value of this type is, if it is one.

    A struct whose only member is a scalar is that scalar.
    """
    if isinstance(ctype, Integer | Pointer):
        return ctype
    if not isinstance(ctype, Record) or ctype.kind != "struct":
        return None
    if len(ctype.members) != 1 or ctype.size is None:
        return None
    member = ctype.members[0]
    if member.bit_width is not None or member.offset:
        return None
    scalar = scalar_of(member.type)
    return scalar if scalar is not None and size_of(scalar) == ctype.size else None
