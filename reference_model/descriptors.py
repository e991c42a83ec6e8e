"""VMSAv8-64 stage-2 descriptors."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from reference_model.addresses import LAST_LEVEL, Granule

__all__ = ["Descriptor", "Kind", "decode"]

_OUTPUT_MASK = 0x0000_FFFF_FFFF_F000  # bits 47:12, from the granule on
_NT_BIT = 1 << 16  # FEAT_BBM, Block descriptors only (R_DFJNG, I_PJZBK)
_ACCESS_FLAG = 1 << 10
_CONTIGUOUS = 1 << 52


class Kind(Enum):
    """What a walk does with the descriptor."""

    INVALID = "invalid"  # Translation fault
    TABLE = "table"  # the walk goes on
    LEAF = "leaf"  # Block or Page


class Descriptor(NamedTuple):
    """A decoded stage-2 descriptor.

    ``output`` is the next table or the output address.  ``read``, ``write``
    and ``execute`` (XN[1:0] as written) are the stage-2 permissions,
    ``attributes`` MemAttr and SH; they mean something for a leaf only.
    """

    kind: Kind
    level: int
    output: int = 0
    read: bool = False
    write: bool = False
    xn: int = 0
    attributes: int = 0
    contiguous: bool = False
    no_translation: bool = False  # nT
    access_flag: bool = True
    dirty_modifier: bool = False

    @property
    def cacheable(self) -> bool:
        """Tell whether a TLB may hold it: no fault by itself (R_XCLRD)."""
        return self.kind is Kind.TABLE or (self.kind is Kind.LEAF and self.access_flag)

    @property
    def writable(self) -> bool:
        """Tell whether writes are permitted, now or by a hardware update."""
        return self.write or self.dirty_modifier

    @property
    def permissions(self) -> str:
        """Return the permissions as text, as in "rw-"."""
        execute = {0: "x", 1: "p", 2: "-", 3: "u"}[self.xn]  # FEAT_XNX encodings
        return f"{'r' if self.read else '-'}{'w' if self.write else '-'}{execute}"


@lru_cache(maxsize=65536)
def decode(value: int, level: int, granule: Granule = Granule.K4) -> Descriptor:
    """Decode ``value`` read at ``level`` (0-3) of a stage-2 walk.

    At level 3 only 0b11 is valid, and not every level has Blocks:
    a reserved encoding counts as invalid.
    """
    if not value & 1:
        return Descriptor(Kind.INVALID, level)
    if value & 2 and level < LAST_LEVEL:
        return Descriptor(Kind.TABLE, level, value & _OUTPUT_MASK & -granule.bytes)
    if not value & 2 and level not in granule.block_levels:
        return Descriptor(Kind.INVALID, level)
    return Descriptor(
        Kind.LEAF,
        level,
        output=value & _OUTPUT_MASK & -granule.level_bytes(level),
        read=bool(value & (1 << 6)),  # S2AP[0]
        write=bool(value & (1 << 7)),  # S2AP[1]
        xn=(value >> 53) & 3,
        attributes=((value >> 2) & 0xF) | ((value >> 8) & 3) << 4,  # MemAttr, SH
        contiguous=bool(value & _CONTIGUOUS),
        no_translation=level < LAST_LEVEL and bool(value & _NT_BIT),
        access_flag=bool(value & _ACCESS_FLAG),
        dirty_modifier=bool(value & (1 << 51)),
    )
