"""What one PE may hold in its TLB, entry by entry, with concrete addresses."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from reference_model.addresses import Granule

__all__ = ["GRANULE", "Held", "HeldKind", "base_of", "covers"]

GRANULE = Granule.K4


class HeldKind(Enum):
    """The kinds of entry of M2; each may be held without the others."""

    S1 = "S1"
    S1W = "S1W"
    S2 = "S2"
    S2W = "S2W"
    S12 = "S12"  # also a leaf of a regime that has one stage only
    S12W = "S12W"  # also a table descriptor of such a regime
    DESC1 = "DESC, stage 1"  # copy of a stage-1 descriptor, by its own address
    DESC2 = "DESC, stage 2"

    __hash__ = object.__hash__  # identity: these are looked up very often


class Held(NamedTuple):
    """One entry.

    ``start`` and ``level`` are the input address and level of the descriptor it
    was made from (of stage 1, if there is one); ``page`` the page that a leaf
    translates, which splinters a block (R_LQLSD).  ``asid`` None is global.
    ``output`` is the page or table it gives, or the value of a copy, which lies
    at ``start``.  ``by_ipa`` tells a copy that is found by its IPA.
    """

    kind: HeldKind
    el2: bool
    vmid: int
    asid: int | None
    start: int
    level: int
    output: int
    page: int = 0
    write1: bool = True
    read2: bool = True
    write2: bool = True
    level2: int = 3
    by_ipa: bool = False

    @property
    def leaf(self) -> bool:
        """Tell whether last-level operations hit it."""
        return self.kind in (HeldKind.S1, HeldKind.S2, HeldKind.S12)

    @property
    def stage1(self) -> bool:
        """Tell whether it holds stage-1 information (R_LGSCG)."""
        return self.kind not in (HeldKind.S2, HeldKind.S2W, HeldKind.DESC2)

    def __str__(self) -> str:
        tag = "EL2" if self.el2 else f"VMID {self.vmid}"
        asid = "" if self.asid is None else f" ASID {self.asid}"
        where = self.page if self.leaf else self.start
        return f"{self.kind.value} {where:#x} -> {self.output:#x} ({tag}{asid})"


def base_of(address: int, level: int) -> int:
    """Return the first address of what one descriptor of a level maps."""
    return address & -GRANULE.level_bytes(level)


def covers(entry: Held, start: int, end: int) -> bool:
    """Tell whether the descriptor behind an entry maps any of these addresses."""
    last = entry.start + GRANULE.level_bytes(entry.level)
    return start < last and entry.start < end
