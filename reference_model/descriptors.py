"""VMSAv8-64 descriptors of stage 2, and of stage 1 in EL1&0, EL2&0 and EL2."""

from __future__ import annotations

from enum import Enum, IntEnum
from functools import lru_cache
from typing import NamedTuple

from reference_model.addresses import LAST_LEVEL, Granule
from reference_model.unmodelled import Unmodelled

__all__ = ["Descriptor", "Kind", "Stage", "decode"]

_OUTPUT_MASK = 0x0000_FFFF_FFFF_F000  # bits 47:12, from the granule on
_NT_BIT = 1 << 16  # FEAT_BBM, Block descriptors only (R_DFJNG, I_PJZBK)
_ACCESS_FLAG = 1 << 10
_NOT_GLOBAL = 1 << 11
_DBM = 1 << 51
_CONTIGUOUS = 1 << 52
_TABLE_LIMITS = 0xF << 59  # APTable, UXNTable or XNTable, PXNTable


class Kind(Enum):
    """What a walk does with the descriptor."""

    INVALID = "invalid"  # Translation fault
    TABLE = "table"  # the walk goes on
    LEAF = "leaf"  # Block or Page


class Stage(IntEnum):
    """Whose descriptor it is: the attribute bits differ."""

    S1 = 1  # stage 1 of EL1&0 or EL2&0: two privilege levels, ASIDs
    S2 = 2
    S1_EL2 = 3  # stage 1 of EL2 without VHE: one privilege level

    __hash__ = int.__hash__


class Descriptor(NamedTuple):
    """A decoded descriptor.

    ``output`` is the next table or the output address.  The fields after it
    mean something for a leaf only.  ``attributes`` are MemAttr and SH at stage
    2, AttrIndx and SH at stage 1.  ``xn`` is XN[1:0] as written at stage 2,
    UXN and PXN at stage 1 (for EL2, XN and 0).  ``write`` is the permission as
    written, without what DBM lets the hardware update.
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
    dirty_modifier: bool = False  # DBM
    stage: Stage = Stage.S2
    user: bool = False  # AP[1]: EL0 has access (stage 1)
    global_: bool = True  # nG = 0 (stage 1)

    @property
    def cacheable(self) -> bool:
        """Tell whether a TLB may hold it: no fault by itself (R_XCLRD)."""
        return self.kind is Kind.TABLE or (self.kind is Kind.LEAF and self.access_flag)

    @property
    def writable(self) -> bool:
        """Tell whether writes are permitted, now or by a hardware update."""
        return self.write or self.dirty_modifier

    @property
    def dirty(self) -> bool:
        """Tell whether hardware or software has marked it written to."""
        return self.dirty_modifier and self.write

    @property
    def rights(self) -> frozenset[str]:
        """Return what it permits: reads, writes, execution at EL0 and above."""
        return _rights(self)

    @property
    def permissions(self) -> str:
        """Return the permissions as text: "rw-", at stage 1 "rw-/r--"."""
        if self.stage is Stage.S2:
            execute = {0: "x", 1: "p", 2: "-", 3: "u"}[self.xn]  # FEAT_XNX encodings
            return f"{'r' if self.read else '-'}{'w' if self.write else '-'}{execute}"
        levels = ("el1",) if self.stage is Stage.S1_EL2 else ("el1", "el0")
        held = self._replace(dirty_modifier=False).rights
        return "/".join(
            "".join(k[0] if f"{k} {el}" in held else "-" for k in _ACCESSES)
            for el in levels
        )


_ACCESSES = ("read", "write", "xecute")
# XN[1:0] of stage 2 with FEAT_XNX.
_XNX = {0: ("el1", "el0"), 1: ("el0",), 2: (), 3: ("el1",)}


@lru_cache(maxsize=4096)
def _rights(leaf: Descriptor) -> frozenset[str]:
    levels = ["el1"] if leaf.stage is Stage.S1_EL2 else ["el1", "el0"]
    data = ["el1", "el0"] if leaf.user or leaf.stage is Stage.S2 else ["el1"]
    found = {f"read {el}" for el in data if leaf.read and el in levels}
    found |= {f"write {el}" for el in data if leaf.writable and el in levels}
    found |= {f"xecute {el}" for el in _execute(leaf) if el in levels}
    return frozenset(found)


def _execute(leaf: Descriptor) -> tuple[str, ...]:
    if leaf.stage is Stage.S2:
        return _XNX[leaf.xn]
    if leaf.stage is Stage.S1_EL2:
        return () if leaf.xn & 2 else ("el1",)
    # What EL0 may write, EL1 does not execute.
    never = leaf.xn & 1 or (leaf.user and leaf.write)
    return (*(() if never else ("el1",)), *(() if leaf.xn & 2 else ("el0",)))


@lru_cache(maxsize=65536)
def decode(
    value: int, level: int, granule: Granule = Granule.K4, stage: Stage = Stage.S2
) -> Descriptor:
    """Decode ``value`` read at ``level`` (0-3) of a walk.

    At level 3 only 0b11 is valid, and not every level has Blocks: a reserved
    encoding counts as invalid.  Raises Unmodelled for a stage-1 Table that
    limits the permissions below it.
    """
    if not value & 1:
        return Descriptor(Kind.INVALID, level, stage=stage)
    if value & 2 and level < LAST_LEVEL:
        if stage is not Stage.S2 and value & _TABLE_LIMITS:
            raise Unmodelled("a stage-1 Table with APTable, XNTable or PXNTable")
        output = value & _OUTPUT_MASK & -granule.bytes
        return Descriptor(Kind.TABLE, level, output, stage=stage)
    if not value & 2 and level not in granule.block_levels:
        return Descriptor(Kind.INVALID, level, stage=stage)
    leaf = Descriptor(
        Kind.LEAF,
        level,
        output=value & _OUTPUT_MASK & -granule.level_bytes(level),
        xn=(value >> 53) & 3,
        contiguous=bool(value & _CONTIGUOUS),
        no_translation=level < LAST_LEVEL and bool(value & _NT_BIT),
        access_flag=bool(value & _ACCESS_FLAG),
        dirty_modifier=bool(value & _DBM),
        stage=stage,
    )
    return _of_stage2(leaf, value) if stage is Stage.S2 else _of_stage1(leaf, value)


def _of_stage2(leaf: Descriptor, value: int) -> Descriptor:
    return leaf._replace(
        read=bool(value & (1 << 6)),  # S2AP[0]
        write=bool(value & (1 << 7)),  # S2AP[1]
        attributes=((value >> 2) & 0xF) | ((value >> 8) & 3) << 4,  # MemAttr, SH
    )


def _of_stage1(leaf: Descriptor, value: int) -> Descriptor:
    two_levels = leaf.stage is Stage.S1  # else AP[1] is RES1, nG and bit 53 RES0
    return leaf._replace(
        read=True,
        write=not value & (1 << 7),  # AP[2]
        xn=leaf.xn if two_levels else leaf.xn & 2,
        attributes=((value >> 2) & 7) | ((value >> 8) & 3) << 4,  # AttrIndx, SH
        user=two_levels and bool(value & (1 << 6)),  # AP[1]
        global_=not (two_levels and value & _NOT_GLOBAL),
    )
