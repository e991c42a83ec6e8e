"""Functions that C itself defines, and compiler built-ins called like functions.

They are models of last resort: a body in the unit or a boundary model wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.execution.boundary import Boundary, BoundaryCall
from harness.execution.fault import Fault
from harness.execution.string import STRING_FUNCTIONS

__all__ = ["BUILTINS"]


def _unreachable(call: BoundaryCall) -> int:
    what = "a place marked unreachable is reached"
    raise Fault("unreachable", what, call.coord)


def _trap(call: BoundaryCall) -> int:
    raise Fault("bug", "__builtin_trap() is reached", call.coord)


def _expect(call: BoundaryCall) -> int:
    return call.arguments[0]


def _nothing(_: BoundaryCall) -> int:
    return 0


def _count(bits: int, rule: Callable[[int, int], int], *, zero: bool) -> Boundary:
    """Return a bit-counting function; ``zero`` says whether it takes 0."""

    def model(call: BoundaryCall) -> int:
        value = call.arguments[0] & ((1 << bits) - 1)
        if not value and not zero:
            what = f"{call.name}(0) is undefined"
            raise Fault("bad-shift", what, call.coord)
        return rule(value, bits)

    return model


def _trailing(value: int, _: int) -> int:
    return (value & -value).bit_length() - 1


def _leading(value: int, bits: int) -> int:
    return bits - value.bit_length()


def _first(value: int, _: int) -> int:
    return (value & -value).bit_length()


def _population(value: int, _: int) -> int:
    return value.bit_count()


def _parity(value: int, _: int) -> int:
    return value.bit_count() & 1


def _swap(value: int, bits: int) -> int:
    return int.from_bytes(value.to_bytes(bits // 8, "little"), "big")


def _table() -> dict[str, Boundary]:
    table: dict[str, Boundary] = {
        "__builtin_unreachable": _unreachable,
        "__builtin_trap": _trap,
        "__builtin_expect": _expect,
        "__builtin_prefetch": _nothing,
    }
    for suffix, bits in (("", 32), ("l", 64), ("ll", 64)):
        table[f"__builtin_ctz{suffix}"] = _count(bits, _trailing, zero=False)
        table[f"__builtin_clz{suffix}"] = _count(bits, _leading, zero=False)
        table[f"__builtin_ffs{suffix}"] = _count(bits, _first, zero=True)
        table[f"__builtin_popcount{suffix}"] = _count(bits, _population, zero=True)
        table[f"__builtin_parity{suffix}"] = _count(bits, _parity, zero=True)
    for bits in (16, 32, 64):
        table[f"__builtin_bswap{bits}"] = _count(bits, _swap, zero=True)
    for name, model in STRING_FUNCTIONS.items():
        table[name] = table[f"__builtin_{name}"] = model
    return table


BUILTINS: Mapping[str, Boundary] = MappingProxyType(_table())
