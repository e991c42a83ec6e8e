"""The lines of a log that hold most of its numbers, read in one step.

Whatever is written in another way is left to the parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.traces.casemate_records import Kind, Record
from reference_model.coordinates import Coord, Origin
from reference_model.events import Store, Tlbi

__all__ = ["Shapes"]

_Match = Callable[[bytes], re.Match[bytes] | None]
_KEPT = 1 << 14  # places
_ORDERS = {b"plain": "plain", b"release": "release"}
_HEX = rb"(?:0x)?([0-9a-f]{1,16})"
_SOURCE = rb'"([ !#-~]*:\d{1,12})"'  # printable ASCII


def _shape(kind: bytes, *fields: tuple[bytes, bytes]) -> tuple[_Match, _Match]:
    """Return the patterns of a record, with and without names."""
    every = ((b"id", rb"\d{1,19}"), (b"tid", rb"(\d{1,3})"), *fields)
    named = b" ".join(
        rb"\(%b %b\)" % (name, value) if name else value for name, value in every
    )
    bare = b" ".join(value for _, value in every)
    return (
        re.compile(rb"\(%b %b \(src %b\)\)\s*" % (kind, named, _SOURCE)).fullmatch,
        re.compile(rb"\(%b %b %b\)\s*" % (kind, bare, _SOURCE)).fullmatch,
    )


_WRITE = _shape(
    b"mem-write",
    (b"mem-order", b"(plain|release)"),
    (b"address", _HEX),
    (b"value", _HEX),
)
_TLBI = _shape(b"tlbi", (b"", b"([a-z0-9]+)"), (b"value", _HEX))


class Shapes:
    """Reads lines of a usual shape; each place is remembered."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._origins: dict[bytes, Origin] = {}

    def record(self, line: bytes) -> Record | None:
        """Return the record of a whole line, None where the shape is another."""
        if line.startswith(b"(mem-write "):
            return self._write(line)
        return self._tlbi(line) if line.startswith(b"(tlbi ") else None

    def _write(self, line: bytes) -> Record | None:
        match = _WRITE[0](line) or _WRITE[1](line)
        if match is None:
            return None
        thread, order, address, number, source = match.groups()
        tid, pa, value = int(thread), int(address, 16), int(number, 16)
        if tid >= self._threads or pa % 8:
            return None
        origin = self._origins.get(source) or self._origin(source)
        word = _ORDERS[order]
        event = Store(tid, pa, value, word == "release", origin=origin)
        return Record(Kind.MEM_WRITE, tid, word, pa, value, 0, origin, event)

    def _tlbi(self, line: bytes) -> Record | None:
        match = _TLBI[0](line) or _TLBI[1](line)
        if match is None:
            return None
        thread, op, number, source = match.groups()
        tid, name, value = int(thread), op.decode(), int(number, 16)
        if tid >= self._threads:
            return None
        origin = self._origins.get(source) or self._origin(source)
        event = Tlbi(tid, name.upper(), value, origin=origin)
        return Record(Kind.TLBI, tid, name, 0, value, 0, origin, event)

    def _origin(self, source: bytes) -> Origin:
        if len(self._origins) > _KEPT:
            self._origins.clear()
        file, _, line = source.decode("ascii").rpartition(":")
        origin = self._origins[source] = Origin(Coord(file, int(line)))
        return origin
