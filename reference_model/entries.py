"""What a TLB may hold of the EL1&0 regime.

The guest's stage 1 is adversarial: it may hold anything.  So an entry is
known by its stage-2 part, and every stage-1 part that can go with it exists.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from reference_model.descriptors import Kind
from reference_model.sysregs import Root
from reference_model.tables import Link

__all__ = [
    "ALL_KINDS",
    "SEPARATE_KINDS",
    "STAGE2_KINDS",
    "Context",
    "Entry",
    "EntryKind",
    "Stage1",
    "kinds_of",
]


class EntryKind(Enum):
    """The kinds of entry; each may be held without the others."""

    S1 = "S1"  # stage-1 leaf, VA to IPA
    S1W = "S1W"  # stage-1 table descriptor, next table as IPA
    S2 = "S2"  # stage-2 leaf, IPA to PA
    S2W = "S2W"  # stage-2 table descriptor
    S12 = "S12"  # combined leaf, VA to PA
    S12W = "S12W"  # stage-1 table descriptor, next table as PA

    @property
    def has_stage1(self) -> bool:
        """Tell whether stage-1 operations hit it (R_LGSCG)."""
        return self not in (EntryKind.S2, EntryKind.S2W)


LEAF_KINDS = (EntryKind.S2, EntryKind.S12, EntryKind.S12W)
TABLE_KINDS = (EntryKind.S2W,)


ALL_KINDS = frozenset(EntryKind)
STAGE2_KINDS = frozenset({EntryKind.S2, EntryKind.S2W})  # of an IOMMU
SEPARATE_KINDS = ALL_KINDS - {EntryKind.S12, EntryKind.S12W}


def kinds_of(link: Link) -> tuple[EntryKind, ...]:
    """List the kinds of entry that a stage-2 descriptor can be part of."""
    if not link.descriptor.cacheable:
        return ()
    return TABLE_KINDS if link.descriptor.kind is Kind.TABLE else LEAF_KINDS


class Entry(NamedTuple):
    """An entry with stage-2 content: its tag, and the descriptor behind it."""

    kind: EntryKind
    vmid: int
    link: Link


class Stage1(NamedTuple):
    """All S1 and S1W entries of one vCPU's stage 1 under one VMID.

    They are removed by the same operations, so they are held together.
    ``registers`` are the values of STAGE1_REGISTERS.
    """

    vmid: int
    registers: tuple[int, ...]


class Context(NamedTuple):
    """What a PE's walks start from: VMID, stage-2 root, the vCPU's stage 1."""

    vmid: int
    root: Root
    registers: tuple[int, ...]

    @property
    def stage1(self) -> Stage1:
        """Return the tag of the stage-1 entries made in this context."""
        return Stage1(self.vmid, self.registers)
