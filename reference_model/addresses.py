"""Address arithmetic of the translation granules: levels, pages, indices."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "DESCRIPTOR_BYTES",
    "LAST_LEVEL",
    "PAGE_BYTES",
    "Granule",
    "page_of",
]

PAGE_BYTES = 4096  # the unit in which memory is kept; larger tables span several
DESCRIPTOR_BYTES = 8
LAST_LEVEL = 3


class Granule(IntEnum):
    """A translation granule, by the logarithm of its bytes.

    ``bytes`` are those of a page and of a whole table, ``entries`` the
    descriptors of a whole table; ``stride`` says how many address bits one
    level resolves, ``shifts`` the logarithm of what a descriptor of each
    level maps.
    """

    bytes: int
    entries: int
    stride: int
    shifts: tuple[int, ...]

    def __new__(cls, bits: int) -> Granule:
        """Work out the sizes once: every walk asks for them."""
        granule = int.__new__(cls, bits)
        granule._value_ = bits
        granule.stride = bits - 3
        granule.bytes = 1 << bits
        granule.entries = granule.bytes // DESCRIPTOR_BYTES
        granule.shifts = tuple(
            bits + granule.stride * (LAST_LEVEL - level) for level in range(4)
        )
        return granule

    K4 = 12
    K16 = 14
    K64 = 16

    __hash__ = int.__hash__

    @property
    def block_levels(self) -> tuple[int, ...]:
        """List the levels with Block descriptors (without FEAT_LPA and LPA2)."""
        return (1, 2) if self is Granule.K4 else (2,)

    def shift(self, level: int) -> int:
        """Return the logarithm of the bytes that one descriptor maps."""
        return self.shifts[level]

    def level_bytes(self, level: int) -> int:
        """Return the bytes that one descriptor of ``level`` maps."""
        return 1 << self.shifts[level]

    def index(self, address: int, level: int) -> int:
        """Return the index of ``address`` in a table of ``level``."""
        return (address >> self.shifts[level]) & (self.entries - 1)

    def table_of(self, address: int) -> int:
        """Return the base of the granule-sized table that holds ``address``."""
        return address & -self.bytes

    def contiguous(self, level: int) -> int:
        """Return how many descriptors make a Contiguous group, 1 where none can."""
        if level != LAST_LEVEL and level not in self.block_levels:
            return 1
        if self is Granule.K16:
            return 128 if level == LAST_LEVEL else 32
        return 16 if self is Granule.K4 else 32


def page_of(address: int) -> int:
    """Return the base of the 4 KiB page that holds ``address``."""
    return address & -PAGE_BYTES
