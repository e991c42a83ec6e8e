"""Bit operations on bitmaps.

Upstream these are assembly or library code (``xen/arch/arm/arm*/lib``,
``xen/common/bitops.c``, ``xen/lib/find-next-bit.c``).  They are atomic but no
barriers; none of them is about translation.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.execution.boundary import Boundary, BoundaryCall

__all__ = ["BITS"]


def _place(bit: int, bitmap: int) -> tuple[int, int]:
    # Xen on Arm addresses bitmaps by 32-bit words; little endian makes that
    # the same bit, and never reaches past the end of an odd number of words.
    return bitmap + bit // 32 * 4, 1 << bit % 32


def _test(call: BoundaryCall, bit: int, bitmap: int) -> bool:
    word, mask = _place(bit, bitmap)
    return bool(call.memory.load(word, 4, call.coord) & mask)


def _change(call: BoundaryCall, value: bool) -> int:
    bit, bitmap = _int32(call.arguments[0]), call.arguments[1]
    word, mask = _place(bit, bitmap)
    old = call.memory.load(word, 4, call.coord)
    new = old | mask if value else old & ~mask
    call.memory.store(word, 4, new, call.coord)
    return int(bool(old & mask))


def _int32(value: int) -> int:
    return value - (1 << 32) if value & 1 << 31 and value >= 0 else value


def _set(call: BoundaryCall) -> int:
    """Set a bit; returns what it was."""
    return _change(call, True)


def _clear(call: BoundaryCall) -> int:
    """Clear a bit; returns what it was."""
    return _change(call, False)


def _flip(call: BoundaryCall) -> int:
    """Invert a bit; returns what it was."""
    bit, bitmap = call.arguments
    return _change(call, not _test(call, bit, bitmap))


def _find(call: BoundaryCall, wanted: bool, start: int) -> int:
    bitmap, size = call.arguments[:2]
    for bit in range(start, size):
        if _test(call, bit, bitmap) == wanted:
            return bit
    return size


def _next_bit(call: BoundaryCall) -> int:
    """Return the first set bit at or after an offset, or the size."""
    return _find(call, True, call.arguments[2])


def _next_zero_bit(call: BoundaryCall) -> int:
    """Return the first clear bit at or after an offset, or the size."""
    return _find(call, False, call.arguments[2])


def _first_bit(call: BoundaryCall) -> int:
    """Return the first set bit, or the size."""
    return _find(call, True, 0)


def _first_zero_bit(call: BoundaryCall) -> int:
    """Return the first clear bit, or the size."""
    return _find(call, False, 0)


BITS: Mapping[str, Boundary] = {
    "set_bit": _set,
    "__set_bit": _set,
    "test_and_set_bit": _set,
    "clear_bit": _clear,
    "__clear_bit": _clear,
    "test_and_clear_bit": _clear,
    "change_bit": _flip,
    "test_and_change_bit": _flip,
    # Of arm32 up to 4.11.
    "_set_bit": _set,
    "_test_and_set_bit": _set,
    "_clear_bit": _clear,
    "_test_and_clear_bit": _clear,
    "_change_bit": _flip,
    "_test_and_change_bit": _flip,
    "find_next_bit": _next_bit,
    "_find_next_bit_le": _next_bit,
    "_find_next_bit": _next_bit,
    "find_next_zero_bit": _next_zero_bit,
    "_find_next_zero_bit_le": _next_zero_bit,
    "find_first_bit": _first_bit,
    "_find_first_bit_le": _first_bit,
    "_find_first_bit": _first_bit,
    "find_first_zero_bit": _first_zero_bit,
    "_find_first_zero_bit_le": _first_zero_bit,
}
