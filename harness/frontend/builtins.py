"""GCC's built-in functions, as far as the C in question uses them."""

from __future__ import annotations

from collections.abc import Callable

from harness.frontend.arithmetic_types import INT, INTEGERS, UINT, ULONG, VOID
from harness.ir.types import Function, Integer, Pointer

__all__ = ["BIT_FUNCTIONS", "LIBRARY_FUNCTIONS", "NORETURN_FUNCTIONS"]

_ULLONG = INTEGERS["unsigned long long"]
_BYTES = Pointer(VOID)
_CONST_BYTES = Pointer(VOID, const=True)
_TEXT = Pointer(INTEGERS["char"], const=True)


def _count_leading(bits: int) -> Callable[[int], int | None]:
    return lambda value: bits - value.bit_length() if value else None


def _count_trailing(value: int) -> int | None:
    return (value & -value).bit_length() - 1 if value else None


def _find_first(value: int) -> int:
    return (value & -value).bit_length()


def _swap(size: int) -> Callable[[int], int]:
    return lambda value: int.from_bytes(value.to_bytes(size, "little"), "big")


def _family(
    name: str, fold: dict[int, Callable[[int], int | None]]
) -> dict[str, tuple[Function, Callable[[int], int | None]]]:
    """Return ``name`` for unsigned int, unsigned long and unsigned long long."""
    kinds = (("", UINT, 32), ("l", ULONG, 64), ("ll", _ULLONG, 64))
    return {
        f"__builtin_{name}{suffix}": (Function(INT, (ctype,)), fold[bits])
        for suffix, ctype, bits in kinds
    }


def _swaps() -> dict[str, tuple[Function, Callable[[int], int | None]]]:
    result: dict[str, tuple[Function, Callable[[int], int | None]]] = {}
    for bits, ctype in ((16, INTEGERS["unsigned short"]), (32, UINT), (64, ULONG)):
        signature = Function(ctype, (ctype,))
        result[f"__builtin_bswap{bits}"] = (signature, _swap(bits // 8))
    return result


# Functions of one operand without side effects: signature, and the value for a
# constant operand (None where it is undefined).
BIT_FUNCTIONS: dict[str, tuple[Function, Callable[[int], int | None]]] = {
    **_family("clz", {32: _count_leading(32), 64: _count_leading(64)}),
    **_family("ctz", {32: _count_trailing, 64: _count_trailing}),
    **_family("ffs", {32: _find_first, 64: _find_first}),
    **_family("popcount", {32: int.bit_count, 64: int.bit_count}),
    **_family("parity", dict.fromkeys((32, 64), lambda v: v.bit_count() & 1)),
    **_swaps(),
}

# Library functions that GCC also knows under a "__builtin_" name.
LIBRARY_FUNCTIONS: dict[str, Function] = {
    "memcpy": Function(_BYTES, (_BYTES, _CONST_BYTES, ULONG)),
    "memmove": Function(_BYTES, (_BYTES, _CONST_BYTES, ULONG)),
    "memset": Function(_BYTES, (_BYTES, INT, ULONG)),
    "memcmp": Function(INT, (_CONST_BYTES, _CONST_BYTES, ULONG)),
    "memchr": Function(_BYTES, (_CONST_BYTES, INT, ULONG)),
    "strlen": Function(ULONG, (_TEXT,)),
    "strcmp": Function(INT, (_TEXT, _TEXT)),
    "strncmp": Function(INT, (_TEXT, _TEXT, ULONG)),
    "strcasecmp": Function(INT, (_TEXT, _TEXT)),
    "strchr": Function(Pointer(INTEGERS["char"]), (_TEXT, INT)),
    "strrchr": Function(Pointer(INTEGERS["char"]), (_TEXT, INT)),
    "strstr": Function(Pointer(INTEGERS["char"]), (_TEXT, _TEXT)),
}

NORETURN_FUNCTIONS = frozenset(("__builtin_unreachable", "__builtin_trap"))

assert all(isinstance(s.result, Integer) for s, _ in BIT_FUNCTIONS.values())
