"""What generated code calls for memory and checked arithmetic.

The functions are closures over one execution: their fast paths run once for
nearly every expression of the C under test.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from harness.execution.chunk import full
from harness.execution.fault import Fault, aligned
from harness.execution.memory import Memory
from harness.ir.data_model import ILP32

if TYPE_CHECKING:
    from harness.execution.run import Execution

__all__ = ["accessors", "quotient", "remainder"]

_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_STRICTEST = 4  # alignment in bytes that LDRD and STRD ask for, too


def quotient(left: int, right: int, bits: int) -> int:
    """Divide signed numbers as C does."""
    if right == 0:
        raise Fault("division-by-zero", "division by zero")
    result = abs(left) // abs(right)
    if (left < 0) is not (right < 0):
        return -result
    if result >> (bits - 1):
        overflow(result)
    return result


def remainder(left: int, right: int, bits: int) -> int:
    """Take the remainder of signed numbers, which has the dividend's sign."""
    return left - quotient(left, right, bits) * right


def overflow(value: int) -> NoReturn:
    """Report a result outside of its signed type."""
    raise Fault("signed-overflow", f"signed overflow: the result would be {value}")


def bad_shift(count: int, bits: int) -> NoReturn:
    """Report an undefined shift."""
    raise Fault("bad-shift", f"shift of a {bits}-bit value by {count}")


def overlap(size: int) -> NoReturn:
    """Report an assignment between objects that overlap."""
    what = f"assignment of {size} bytes between objects that overlap"
    raise Fault("overlapping-copy", what)


def bad_index(index: int, count: int) -> NoReturn:
    """Report an index outside of its array."""
    what = f"index {index} of an array of {count} elements"
    raise Fault("out-of-bounds", what)


def _loader(
    memory: Memory, size: int, signed: bool, strict: bool
) -> Callable[[int], int]:
    chunks, full = memory.chunks, b"\xff" * size
    code = _FORMATS[size].lower() if signed else _FORMATS[size]
    unpack = struct.Struct("<" + code).unpack_from
    sign = 1 << (8 * size - 1)

    def load(address: int) -> int:
        chunk = chunks.get(address >> 12)
        if chunk is not None and chunk.readable:
            offset = address & 4095
            init = chunk.init
            if init is None:
                if offset + size <= len(chunk.data):
                    value: int = unpack(chunk.data, offset)[0]
                    return value
            elif init[offset : offset + size] == full:
                known: int = unpack(chunk.data, offset)[0]
                return known
        value = memory.load(address, size)
        return (value ^ sign) - sign if signed else value

    if not strict or size == 1:
        return load
    mask = min(size, _STRICTEST) - 1

    def strict_load(address: int) -> int:
        if address & mask:
            aligned(address, mask + 1)
        return load(address)

    return strict_load


def _storer(
    execution: Execution, size: int, strict: bool
) -> Callable[[int, int, int], None]:
    memory = execution.memory
    chunks, full, mask = memory.chunks, b"\xff" * size, (1 << 8 * size) - 1
    pack = struct.Struct("<" + _FORMATS[size]).pack_into

    def store(address: int, value: int, coord: int) -> None:
        chunk = chunks.get(address >> 12)
        if chunk is not None and chunk.plain:
            offset = address & 4095
            if offset + size <= len(chunk.data):
                pack(chunk.data, offset, value & mask)
                init = chunk.init
                if init is not None:
                    init[offset : offset + size] = full
                return
        memory.store(address, size, value)
        if chunk is not None and chunk.pa >= 0:
            aligned(address, size)
        execution.stored(address, size, execution.origin(coord))

    if not strict or size == 1:
        return store
    strict_mask = min(size, _STRICTEST) - 1

    def strict_store(address: int, value: int, coord: int) -> None:
        if address & strict_mask:
            aligned(address, strict_mask + 1)
        store(address, value, coord)

    return strict_store


def accessors(execution: Execution) -> dict[str, Any]:
    """Return the functions by the names that generated code uses."""
    memory = execution.memory

    def store(address: int, size: int, value: int, coord: int) -> None:
        memory.store(address, size, value)
        execution.stored(address, size, execution.origin(coord))

    def load_bits(address: int, size: int, shift: int, width: int) -> int:
        chunk = memory.chunks.get(address >> 12)
        if chunk is not None and chunk.readable and chunk.init is None:
            offset = address & 4095
            if offset + size <= len(chunk.data):
                unit = int.from_bytes(chunk.data[offset : offset + size], "little")
                return unit >> shift & ((1 << width) - 1)
        return memory.load_bits(address, size, shift, width, None)

    def store_bits(
        address: int, size: int, shift: int, width: int, value: int, coord: int
    ) -> None:
        memory.store_bits(address, size, shift, width, value, None)
        chunk = memory.chunks[address >> 12]
        if chunk.pa >= 0:
            execution.stored(address, size, execution.origin(coord))

    chunks = memory.chunks

    def copy(target: int, source: int, size: int, coord: int) -> None:
        left, right = chunks.get(target >> 12), chunks.get(source >> 12)
        if left is not None and right is not None and left.plain and right.readable:
            at, begin = target & 4095, source & 4095
            end = begin + size
            if left is right and at != begin and -size < at - begin < size:
                overlap(size)
            if at + size <= len(left.data) and end <= len(right.data):
                left.data[at : at + size] = right.data[begin:end]
                if right.init is not None:
                    if left.init is None:
                        left.init = bytearray(full(len(left.data)))
                    left.init[at : at + size] = right.init[begin:end]
                elif left.init is not None:
                    left.init[at : at + size] = full(size)
                return
        if target != source and abs(target - source) < size:
            overlap(size)
        memory.copy(target, source, size)
        if not memory.all_plain(target, size):
            execution.stored(target, size, execution.origin(coord))

    def clear(target: int, size: int, coord: int) -> None:
        memory.store_bytes(target, bytes(size))
        if not memory.all_plain(target, size):
            execution.cleared(target, size, execution.origin(coord))

    load_byte = _loader(memory, 1, False, False)

    def load_bool(address: int) -> int:
        value = load_byte(address)
        if value > 1:
            raise Fault("bad-bool", f"load of a _Bool that holds {value}")
        return value

    def related(left: int, right: int) -> bool:
        """Tell that two pointers may be compared; report those that may not."""
        objects = memory.object_at(left), memory.object_at(right)
        if objects[0] is not objects[1] and None not in objects:
            names = " and ".join(f"'{memory.name_at(p)}'" for p in (left, right))
            what = f"order or distance of pointers into two objects, {names}"
            raise Fault("unrelated-pointers", what)
        return True

    table: dict[str, Any] = {
        "load": memory.load,
        "store": store,
        "ldbits": load_bits,
        "stbits": store_bits,
        "copy": copy,
        "clear": clear,
        "frame": memory.frame,
        "drop": memory.drop,
        "quotient": quotient,
        "remainder": remainder,
        "overflow": overflow,
        "aligned": aligned,
        "bad_shift": bad_shift,
        "bad_index": bad_index,
        "ldbool": load_bool,
        "related": related,
        "begin": memory.begin,
        "end": memory.end,
        "freeze": memory.freeze,
    }
    # Xen lets alignment faults happen on arm32 (HSCTLR.A) and not on arm64.
    strict = execution.unit.model is ILP32
    for size in _FORMATS:
        table[f"ld{size}"] = _loader(memory, size, False, strict)
        table[f"ls{size}"] = _loader(memory, size, True, strict)
        table[f"st{size}"] = _storer(execution, size, strict)
    return table
