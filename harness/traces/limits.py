"""How large a trace file may be: beyond this it is refused, not read."""

from __future__ import annotations

__all__ = [
    "MAX_EVENTS",
    "MAX_LINE",
    "MAX_MEMORY_WORDS",
    "MAX_PES",
    "MAX_REPEAT",
    "MAX_SIZE",
    "WORD",
]

MAX_LINE = 1 << 22  # bytes of one line; the header holds the initial memory
MAX_EVENTS = 1 << 30
MAX_PES = 64
MAX_MEMORY_WORDS = 1 << 22
MAX_REPEAT = 1 << 21  # passes of one Repeat
MAX_SIZE = 1 << 30  # bytes that one event clears, frees or releases
WORD = 1 << 64  # registers and descriptors are smaller than this
