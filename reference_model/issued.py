"""TLBIs in flight: issued by one PE, done on each PE at its own time (M4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from reference_model.entries import Entry, EntryKind, Stage1
from reference_model.tables import Link, Tables
from reference_model.tlbi import By, Operation, Target

__all__ = ["Issued"]


@dataclass(eq=False, slots=True)
class Issued:
    """One executed TLBI.

    ``vmids`` are the values that VTTBR_EL2.VMID may have had; ``scope`` the
    PEs that act on it; ``done`` the time at which it was complete on each,
    ``removed`` the stale entries that went there.  ``index`` is the position
    of the event.
    """

    operation: Operation
    pe: int
    time: int
    index: int
    vmids: frozenset[int]
    scope: frozenset[int]
    target: Target | None
    credited: bool = True  # False: what it removes is not promised
    done: dict[int, int] = field(default_factory=dict)
    removed: dict[int, list[Entry]] = field(default_factory=dict)

    def ordered_before(self, other: Issued, pe: int) -> bool:
        """Tell whether it was done on ``pe`` when ``other`` was issued (M5)."""
        done = self.done.get(pe)
        return done is not None and done <= other.time

    def repeats(self, other: Issued) -> bool:
        """Tell whether it selects just what an earlier TLBI selected."""
        return (
            self.operation == other.operation
            and self.vmids == other.vmids
            and self.target == other.target
        )

    def _selects_vmid(self, vmid: int) -> bool:
        if not self.credited:
            return False
        # With more than one possible VMID only the intersection is credited.
        return self.operation.by is By.EVERYTHING or self.vmids == {vmid}

    def removes_stage1(self, stage1: Stage1) -> bool:
        """Tell whether it must remove every S1 and S1W entry of a stage 1.

        An operation by VA or ASID is not credited: the guest may have made
        entries for other VAs, and global ones.
        """
        operation = self.operation
        if not operation.stage1 or not self._selects_vmid(stage1.vmid):
            return False
        return operation.by in (By.EVERYTHING, By.VMID)

    def removes(self, entry: Entry, tables: Tables) -> bool:
        """Tell whether it must remove ``entry``, built before it was issued."""
        return entry.link.youngest <= self.time and self.selects(entry, tables)

    def selects(self, entry: Entry, tables: Tables) -> bool:
        """Tell whether ``entry`` is of the kind and address that it names."""
        operation = self.operation
        if not self._selects_vmid(entry.vmid):
            return False
        if operation.by in (By.EVERYTHING, By.VMID):
            if entry.kind.has_stage1:
                return operation.stage1  # R_LGSCG
            return operation.stage2
        if operation.by in (By.INTERMEDIATE, By.RANGE):
            return self._selects_ipa(entry, tables)
        return False

    def _selects_ipa(self, entry: Entry, tables: Tables) -> bool:
        # Combined entries need not go (R_TVTYQ).
        if entry.kind.has_stage1 or self.target is None or self.target.refused:
            return False
        link, target = entry.link, self.target
        if target.granule is not link.table.root.granule:
            return False  # R_XMZFH
        if target.end <= link.ia or target.start >= link.end:
            return False
        if entry.kind is EntryKind.S2:
            # Any IPA inside removes all pieces of it (R_LQLSD); a wrong level
            # hint removes nothing (R_SQXYZ).
            return target.level in (None, link.descriptor.level)
        if self.operation.last_level:
            return False  # walk caches stay
        return target.level is None or _leaf_level(link, target, tables) == target.level


def _leaf_level(link: Link, target: Target, tables: Tables) -> int | None:
    """Return the level at which the tables below ``link`` end for the target."""
    leaf = tables.walk_from(link.child, max(target.start, link.ia))
    return leaf.descriptor.level if leaf.descriptor.cacheable else None
