"""The C string functions over simulated memory, as boundary models."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.errors import BoundError
from harness.execution.boundary import Boundary, BoundaryCall
from harness.execution.fault import Fault

__all__ = ["STRING_FUNCTIONS"]

_LONGEST = 1 << 20


def _memset(call: BoundaryCall) -> int:
    target, value, size = call.arguments[:3]
    if size:
        call.memory.store_bytes(target, bytes([value & 0xFF]) * size, call.coord)
        if value & 0xFF:
            call.execution.stored(target, size, call.origin)
        else:
            call.execution.cleared(target, size, call.origin)
    return target


def _memcpy(call: BoundaryCall) -> int:
    target, source, size = call.arguments[:3]
    if target != source and abs(target - source) < size:
        what = f"memcpy of {size} bytes between objects that overlap"
        raise Fault("overlapping-copy", what, call.coord)
    return _memmove(call)


def _memmove(call: BoundaryCall) -> int:
    target, source, size = call.arguments[:3]
    if size:
        call.memory.copy(target, source, size, call.coord)
        call.execution.stored(target, size, call.origin)
    return target


def _memcmp(call: BoundaryCall) -> int:
    left, right, size = call.arguments[:3]
    if not size:
        return 0
    a = bytes(call.memory.load_bytes(left, size, call.coord))
    b = bytes(call.memory.load_bytes(right, size, call.coord))
    return (a > b) - (a < b)


def _memchr(call: BoundaryCall) -> int:
    place, value, size = call.arguments[:3]
    for offset in range(size):
        if call.memory.load(place + offset, 1, call.coord) == value & 0xFF:
            return place + offset
    return 0


def _text(call: BoundaryCall, place: int, limit: int = _LONGEST) -> bytes:
    """Read up to ``limit`` bytes of a string."""
    text = bytearray()
    while len(text) < limit:
        byte = call.memory.load(place + len(text), 1, call.coord)
        if not byte:
            break
        text.append(byte)
    if len(text) == _LONGEST:
        raise BoundError(f"string longer than {_LONGEST} bytes", call.coord)
    return bytes(text)


def _strlen(call: BoundaryCall) -> int:
    return len(_text(call, call.arguments[0]))


def _strnlen(call: BoundaryCall) -> int:
    return len(_text(call, call.arguments[0], call.arguments[1]))


def _strcmp(call: BoundaryCall) -> int:
    a, b = _text(call, call.arguments[0]), _text(call, call.arguments[1])
    return (a > b) - (a < b)


def _strncmp(call: BoundaryCall) -> int:
    limit = call.arguments[2]
    a = _text(call, call.arguments[0], limit)
    b = _text(call, call.arguments[1], limit)
    return (a > b) - (a < b)


def _strlcpy(call: BoundaryCall) -> int:
    target, source, size = call.arguments[:3]
    text = _text(call, source)
    if size:
        kept = text[: size - 1] + b"\0"
        call.memory.store_bytes(target, kept, call.coord)
        call.execution.stored(target, len(kept), call.origin)
    return len(text)


STRING_FUNCTIONS: Mapping[str, Boundary] = MappingProxyType(
    {
        "memset": _memset,
        "memcpy": _memcpy,
        "memmove": _memmove,
        "memcmp": _memcmp,
        "memchr": _memchr,
        "strlen": _strlen,
        "strnlen": _strnlen,
        "strcmp": _strcmp,
        "strncmp": _strncmp,
        "strlcpy": _strlcpy,
    }
)
