"""GCC's built-in functions, as far as the C in question uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from harness.frontend.arithmetic_types import CHAR, INT, UINT, VOID, integers
from harness.ir.data_model import DataModel
from harness.ir.types import Function, Pointer

__all__ = ["NORETURN_FUNCTIONS", "bit_functions", "library_functions"]

NORETURN_FUNCTIONS = frozenset(("__builtin_unreachable", "__builtin_trap"))


_Fold = Callable[[int], int | None]


class BitFunction(NamedTuple):
    """A function of one operand without side effects.

    ``name`` is the one that it is executed under, ``fold`` gives the value for
    a constant operand (None where it is undefined).
    """

    name: str
    signature: Function
    fold: _Fold


def _count_leading(bits: int) -> Callable[[int], int | None]:
    return lambda value: bits - value.bit_length() if value else None


def _count_trailing(value: int) -> int | None:
    return (value & -value).bit_length() - 1 if value else None


def _find_first(value: int) -> int:
    return (value & -value).bit_length()


def _swap(size: int) -> Callable[[int], int]:
    return lambda value: int.from_bytes(value.to_bytes(size, "little"), "big")


_FOLDS: dict[str, Callable[[int], _Fold]] = {
    "clz": _count_leading,
    "ctz": lambda _: _count_trailing,
    "ffs": lambda _: _find_first,
    "popcount": lambda _: int.bit_count,
    "parity": lambda _: lambda value: value.bit_count() & 1,
}


@cache
def bit_functions(model: DataModel) -> Mapping[str, BitFunction]:
    """Return the functions that count or swap bits."""
    known = integers(model)
    table: dict[str, BitFunction] = {}
    for suffix, name in (("", "int"), ("l", "long"), ("ll", "long long")):
        ctype = known[f"unsigned {name}"]
        signature = Function(INT, (ctype,))
        # One for long is executed as that for the type of the same width.
        width = {4: "", 8: suffix}[ctype.size]
        for stem, fold in _FOLDS.items():
            table[f"__builtin_{stem}{suffix}"] = BitFunction(
                f"__builtin_{stem}{width}", signature, fold(8 * ctype.size)
            )
    eight = known[f"unsigned {model.eight_bytes}"]
    for ctype in (known["unsigned short"], UINT, eight):
        name = f"__builtin_bswap{8 * ctype.size}"
        table[name] = BitFunction(name, Function(ctype, (ctype,)), _swap(ctype.size))
    return table


@cache
def library_functions(model: DataModel) -> Mapping[str, Function]:
    """Return library functions that GCC also knows under a "__builtin_" name."""
    size = integers(model)[f"unsigned {model.ptrdiff}"]
    bytes_ = Pointer(VOID, size=model.pointer_size)
    const_bytes = Pointer(VOID, const=True, size=model.pointer_size)
    text = Pointer(CHAR, const=True, size=model.pointer_size)
    characters = Pointer(CHAR, size=model.pointer_size)
    return {
        "memcpy": Function(bytes_, (bytes_, const_bytes, size)),
        "memmove": Function(bytes_, (bytes_, const_bytes, size)),
        "memset": Function(bytes_, (bytes_, INT, size)),
        "memcmp": Function(INT, (const_bytes, const_bytes, size)),
        "memchr": Function(bytes_, (const_bytes, INT, size)),
        "strlen": Function(size, (text,)),
        "strcmp": Function(INT, (text, text)),
        "strncmp": Function(INT, (text, text, size)),
        "strcasecmp": Function(INT, (text, text)),
        "strchr": Function(characters, (text, INT)),
        "strrchr": Function(characters, (text, INT)),
        "strstr": Function(characters, (text, text)),
    }
