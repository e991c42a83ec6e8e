"""Undefined behaviour reached by the C under test."""

from __future__ import annotations

from reference_model.coordinates import Coord, Frame

__all__ = ["Fault", "aligned"]


class Fault(Exception):  # noqa: N818 - the program's fault, not an error of ours
    """A finding about the executed C: what it did that C or Xen forbids.

    ``kind`` is one of "null-dereference", "out-of-bounds",
    "uninitialised-read", "use-after-free", "read-only", "signed-overflow",
    "bad-shift", "division-by-zero", "bad-bool", "bad-call", "misaligned",
    "missing-return", "overlapping-copy", "unrelated-pointers", "unreachable",
    "assertion" and "bug".  ``coord`` and ``stack`` are filled in
    by the execution when whoever raises does not know them.
    """

    def __init__(
        self,
        kind: str,
        what: str,
        coord: Coord | None = None,
        stack: tuple[Frame, ...] = (),
    ) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.coord = coord
        self.stack = stack

    def __str__(self) -> str:
        return f"{self.coord}: {self.what}" if self.coord else self.what


def aligned(address: int, size: int) -> int:
    """Return the address of an access that has to be a multiple of its size.

    Exclusive, acquire and release accesses fault otherwise, and no other one is
    seen as a whole by another CPU or by a table walk.
    """
    if address & (size - 1):
        what = f"access of {size} bytes at {address:#x}, no multiple of that"
        raise Fault("misaligned", what)
    return address
