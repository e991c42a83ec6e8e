"""Data models: what of the sizes of C types the architecture decides."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ILP32", "LP64", "DataModel"]


@dataclass(frozen=True, slots=True)
class DataModel:
    """The sizes in bytes that differ between AAPCS64 and AAPCS.

    All else is alike: an integer is aligned to its size, plain ``char`` is
    unsigned, an enumeration is an int at least, and bit-fields fill units of
    their declared type from the least significant bit on.
    """

    name: str
    pointer_size: int
    long_size: int
    widest_alignment: int  # of ``__attribute__((aligned))``
    instructions: str  # "A64" or "A32": what inline assembly is written in
    ptrdiff: str  # the name of the type ptrdiff_t; size_t is its unsigned one

    @property
    def eight_bytes(self) -> str:
        """Return the name of the integer type of 64 bits that comes first."""
        return "long" if self.long_size == 8 else "long long"


LP64 = DataModel("LP64", 8, 8, 16, "A64", "long")
ILP32 = DataModel("ILP32", 4, 4, 8, "A32", "int")
