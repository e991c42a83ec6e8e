"""Which entries a guest must not find: of other vCPUs, VMs and roots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reference_model.descriptors import Kind
from reference_model.entries import (
    TABLE_KINDS,
    Context,
    Entry,
    EntryKind,
    Stage1,
    Tag,
    entry_of,
)
from reference_model.pe import Pe
from reference_model.sysregs import Root
from reference_model.tables import Link, Table, Tables
from reference_model.tlb import Tlb
from reference_model.violations import Property, Violation

__all__ = ["Isolation"]


class Isolation:
    """The properties O3 and O5.

    ``coherent`` holds the (VMID, stage 1) pairs with which a guest was ever
    entered: what a TLB holds for another pair came from mixed registers.
    """

    def __init__(
        self,
        tables: Tables,
        tlbs: list[Tlb],
        times: Sequence[int],
        iommus: tuple[int, ...] = (),
        *,
        several_stage2s: bool = False,
    ) -> None:
        self._tables = tables
        self._tlbs = tlbs
        self._index_at = times  # machine time -> event index
        self.coherent: set[Stage1] = set()
        self._iommus = iommus
        self._several_stage2s = several_stage2s

    # -------------------------------------------------------- O3: isolation

    def foreign_stage1(self, tlb: Tlb, context: Context, index: int) -> list[Violation]:
        """Find stage-1 entries of another vCPU usable on entry to a guest (O3).

        Entries are told apart by VMID and ASID, not by table base (R_NWYRD,
        R_XXNPZ), and the guest may use one ASID on all its vCPUs.
        """
        others = [
            stage1
            for stage1 in tlb.stage1_held()
            if stage1.vmid == context.vmid and stage1 != context.stage1
        ]
        if not others:
            return []
        return [
            Violation(
                Property.O3,
                index,
                tlb.pe,
                EntryKind.S1,
                context.vmid,
                -1,
                reason="vcpu",
                count=len(others),
            )
        ]

    def missed_invalidations(
        self, tlb: Tlb, context: Context, index: int
    ) -> list[Violation]:
        """Find a vCPU's own stage-1 entries that it may have removed (O3).

        A TLBI that the guest executes as local reaches only the PE that the
        vCPU is on, unless HCR_EL2.FB makes it broadcast.
        """
        if not tlb.outdated(context.stage1):
            return []
        return [
            Violation(
                Property.O3,
                index,
                tlb.pe,
                EntryKind.S1,
                context.vmid,
                -1,
                reason="fb",
            )
        ]

    def mixed_contexts(self, index: int) -> list[Violation]:
        """Find entries made from registers of different contexts (O3).

        Only a PE that may fill at EL2 can make them (erratum AT_SPECULATE).
        """
        found = []
        for tlb in self._tlbs:
            mixed = [s for s in tlb.stage1_held() if s not in self.coherent]
            if mixed:
                filled = tlb.stage1_filled(mixed[0])
                since = self._index_at[filled] if filled >= 0 else -1
                found.append(
                    Violation(
                        Property.O3,
                        index,
                        tlb.pe,
                        EntryKind.S12,
                        mixed[0].vmid,
                        since,
                        reason="mixed",
                        count=len(mixed),
                    )
                )
        return found

    def foreign_stage2(
        self, context: Context, index: int, now: int, pe: int
    ) -> list[Violation]:
        """Find entries of another stage 2 under the VMID being entered (O5).

        Where a VMID may have several, one for each vCPU, only what the PE
        itself holds counts.
        """
        found = []
        for tlb in self._tlbs:
            if tlb.pe in self._iommus or (self._several_stage2s and tlb.pe != pe):
                continue
            for root in tlb.roots(context.tag):
                if root == context.root:
                    continue
                held = self._held(tlb, context.tag, root, now)
                if held is not None:
                    found.append(
                        Violation(
                            Property.O5,
                            index,
                            tlb.pe,
                            held.kind,
                            context.vmid,
                            -1,
                            held.link,
                            reason=_shared(root, context.root),
                        )
                    )
        return found

    def shared_tables(self, pe: Pe, pes: list[Pe], index: int) -> list[Violation]:
        """Find another stage 2 that shares the VMID and CnP = 1 (O5, R_QLGWZ)."""
        if not pe.shares:
            return []
        own = pe.guest_context()
        for other in pes:
            if other is pe or not other.shares:
                continue
            there = other.guest_context()
            if there.vmid == own.vmid and there.root != own.root:
                return [self._of_vmid(other.number, own.vmid, index, "cnp")]
        return []

    @staticmethod
    def shared(pe: Pe, pes: list[Pe]) -> bool:
        """Tell whether another PE may share entries of the loaded VMID (R_FWQJZ)."""
        if not pe.shares:
            return False
        vmid = pe.guest_context().vmid
        others = (other for other in pes if other is not pe and other.shares)
        return any(other.guest_context().vmid == vmid for other in others)

    def old_instructions(self, pe: int, context: Context, index: int) -> Violation:
        """Return the violation of a VMID whose instructions were another's (O5)."""
        return self._of_vmid(pe, context.vmid, index, "vpipt")

    @staticmethod
    def _of_vmid(pe: int, vmid: int, index: int, reason: str) -> Violation:
        kind = EntryKind.S12
        return Violation(Property.O5, index, pe, kind, vmid, -1, reason=reason)

    def foreign_root(
        self, tlb: Tlb, context: Context, index: int, now: int
    ) -> list[Violation]:
        """Find entries of EL2 made from another root under the same tag (O5).

        Global ones match every ASID (R_QGKGF).
        """
        for root in tlb.roots_of(context.root.regime):
            if root == context.root:
                continue
            held = self._held(tlb, context.tag, root, now)
            if held is not None:
                return [
                    Violation(
                        Property.O5,
                        index,
                        tlb.pe,
                        held.kind,
                        context.vmid,
                        -1,
                        held.link,
                        reason="root" if context.asid is None else "asid",
                    )
                ]
        return []

    def _held(self, tlb: Tlb, tag: Tag, root: Root, now: int) -> Entry | None:
        """Return an entry made from a root that may be held, a leaf if any."""
        entries = tlb.made_from(tag, root)
        if tag.asid is not None:
            entries += tlb.made_from(Tag(tag.vmid), root)
        for top in self._tables.space(root).tops:
            for link in self._links(top):
                current = (entry_of(k, tag, link) for k in tlb.kinds_of(link))
                entries += [e for e in current if tlb.may_hold(e, now)]
        leaves = (e for e in entries if e.kind not in TABLE_KINDS)
        return next(leaves, next(iter(entries), None))

    def _links(self, table: Table) -> Iterator[Link]:
        for link in self._tables.links(table):
            yield link
            if link.descriptor.kind is Kind.TABLE:
                yield from self._links(link.child)


def _shared(root: Root, entered: Root) -> str:
    """Name what two stage 2s of one VMID share: the tables, or the VMID alone.

    With the same tables it is a control register that has changed (F3.8).
    """
    return "sysreg" if root.address == entered.address else "vmid"
