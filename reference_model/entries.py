"""What a TLB may hold.

The guest's stage 1 is adversarial: it may hold anything.  So an entry of
EL1&0 is known by its stage-2 part, and every stage-1 part that can go with it
exists.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from reference_model.descriptors import Kind
from reference_model.regimes import Regime
from reference_model.sysregs import Root
from reference_model.tables import Link

__all__ = [
    "ALL_KINDS",
    "NO_VMID",
    "SEPARATE_KINDS",
    "STAGE2_KINDS",
    "Context",
    "Entry",
    "EntryKind",
    "Stage1",
    "Tag",
    "entry_of",
    "kinds_of",
    "table_kind",
]


class EntryKind(Enum):
    """The kinds of entry; each may be held without the others."""

    S1 = "S1"  # stage-1 leaf, VA to IPA
    S1W = "S1W"  # stage-1 table descriptor, next table as IPA
    S2 = "S2"  # stage-2 leaf, IPA to PA
    S2W = "S2W"  # stage-2 table descriptor
    S12 = "S12"  # combined leaf, VA to PA
    S12W = "S12W"  # stage-1 table descriptor, next table as PA

    # Members are singletons, and part of the keys of every entry.
    __hash__ = object.__hash__

    @property
    def combined(self) -> bool:
        """Tell whether it holds information of both stages."""
        return self in (EntryKind.S12, EntryKind.S12W)

    @property
    def has_stage1(self) -> bool:
        """Tell whether stage-1 operations hit it (R_LGSCG)."""
        return self not in (EntryKind.S2, EntryKind.S2W)


LEAF_KINDS = (EntryKind.S2, EntryKind.S12, EntryKind.S12W)
TABLE_KINDS = (EntryKind.S2W, EntryKind.S1W)


ALL_KINDS = frozenset(EntryKind)
STAGE2_KINDS = frozenset({EntryKind.S2, EntryKind.S2W})  # of an IOMMU
SEPARATE_KINDS = ALL_KINDS - {EntryKind.S12, EntryKind.S12W}


def kinds_of(link: Link) -> tuple[EntryKind, ...]:
    """List the kinds of entry that a descriptor can be part of."""
    if not link.descriptor.cacheable:
        return ()
    is_table = link.descriptor.kind is Kind.TABLE
    if link.table.root.regime is Regime.EL10:
        return (EntryKind.S2W,) if is_table else LEAF_KINDS
    return (EntryKind.S1W,) if is_table else (EntryKind.S1,)


def table_kind(link: Link) -> EntryKind:
    """Return the kind of a walk cache entry for a Table descriptor."""
    stage2 = link.table.root.regime is Regime.EL10
    return EntryKind.S2W if stage2 else EntryKind.S1W


NO_VMID = -1  # the EL2 regimes have none


class Tag(NamedTuple):
    """What entries of a regime are told apart by (R_NWYRD).

    ``asid`` is None where there are no ASIDs, and for a global entry.
    """

    vmid: int
    asid: int | None = None


class Entry(NamedTuple):
    """An entry: its tag, and the descriptor behind it.

    One of EL1&0 is known by its stage-2 part.
    """

    kind: EntryKind
    vmid: int
    link: Link
    asid: int | None = None

    @property
    def tag(self) -> Tag:
        """Return its tag."""
        return Tag(self.vmid, self.asid)


def entry_of(kind: EntryKind, tag: Tag, link: Link) -> Entry:
    """Return the entry that a walk under ``tag`` makes of a descriptor.

    A leaf with nG = 0 is global; a Table counts as not global (R_CHVGJ).
    """
    descriptor = link.descriptor
    if tag.asid is not None and descriptor.kind is Kind.LEAF and descriptor.global_:
        return Entry(kind, tag.vmid, link)
    return Entry(kind, tag.vmid, link, tag.asid)


class Stage1(NamedTuple):
    """All S1 and S1W entries of one vCPU's stage 1 under one VMID.

    They are removed by the same operations, so they are held together.
    ``registers`` are the values of STAGE1_REGISTERS.
    """

    vmid: int
    registers: tuple[int, ...]


class Context(NamedTuple):
    """What a PE's walks start from.

    For EL1&0 that is the VMID, the stage-2 root, and the vCPU's stage 1; for
    EL2 the root, with E2H = 1 also the ASID.
    """

    vmid: int
    root: Root
    registers: tuple[int, ...]
    asid: int | None = None

    @property
    def tag(self) -> Tag:
        """Return the tag of the entries made in this context."""
        return Tag(self.vmid, self.asid)

    def uses(self, tag: Tag, root: Root) -> bool:
        """Tell whether its walks make and use entries of a tag (R_XXNPZ)."""
        if (self.vmid, self.root) != (tag.vmid, root):
            return False
        return tag.asid is None or tag.asid == self.asid

    @property
    def stage1(self) -> Stage1:
        """Return the tag of the stage-1 entries made in this context."""
        return Stage1(self.vmid, self.registers)
