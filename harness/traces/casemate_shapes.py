"""The lines of a log that hold most of its numbers, read in one step.

Whatever is written in another way is left to the parser.
"""

from __future__ import annotations

import re

from harness.traces.casemate_records import Kind, Record
from reference_model.coordinates import Coord, Origin

__all__ = ["Shapes"]

_HEX = rb"(?:0x)?([0-9a-f]{1,16})"
_SOURCE = rb'"([^":]*):(\d{1,12})"'


def _shape(kind: bytes, *fields: tuple[bytes, bytes]) -> list[re.Pattern[bytes]]:
    """Return the patterns of a record, with and without names."""
    every = ((b"id", rb"\d{1,19}"), (b"tid", rb"(\d{1,3})"), *fields)
    named = b" ".join(
        rb"\(%b %b\)" % (name, value) if name else value for name, value in every
    )
    bare = b" ".join(value for _, value in every)
    return [
        re.compile(rb"\(%b %b \(src %b\)\)\s*" % (kind, named, _SOURCE)),
        re.compile(rb"\(%b %b %b\)\s*" % (kind, bare, _SOURCE)),
    ]


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
        self._origins: dict[tuple[bytes, bytes], Origin] = {}

    def record(self, line: bytes) -> Record | None:
        """Return the record of a whole line, None where the shape is another."""
        if line.startswith(b"(mem-write "):
            return self._write(line)
        return self._tlbi(line) if line.startswith(b"(tlbi ") else None

    def _write(self, line: bytes) -> Record | None:
        match = _WRITE[0].fullmatch(line) or _WRITE[1].fullmatch(line)
        if match is None:
            return None
        tid, order, address, value, file, at = match.groups()
        pa = int(address, 16)
        if int(tid) >= self._threads or pa % 8 or not file.isascii():
            return None
        origin = self._origin(file, at)
        word = order.decode()
        return Record(Kind.MEM_WRITE, int(tid), word, pa, int(value, 16), 0, origin)

    def _tlbi(self, line: bytes) -> Record | None:
        match = _TLBI[0].fullmatch(line) or _TLBI[1].fullmatch(line)
        if match is None:
            return None
        tid, name, value, file, at = match.groups()
        if int(tid) >= self._threads or not file.isascii():
            return None
        origin = self._origin(file, at)
        return Record(Kind.TLBI, int(tid), name.decode(), 0, int(value, 16), 0, origin)

    def _origin(self, file: bytes, line: bytes) -> Origin:
        known = self._origins.get((file, line))
        if known is None:
            if len(self._origins) > 1 << 14:
                self._origins.clear()
            origin = Origin(Coord(file.decode("ascii"), int(line)))
            known = self._origins[file, line] = origin
        return known
