"""What TLBs are allowed to hold, checked where something relies on it."""

from __future__ import annotations

from collections.abc import Iterator

from reference_model.descriptors import Kind
from reference_model.entries import (
    TABLE_KINDS,
    Context,
    Entry,
    EntryKind,
    Stage1,
)
from reference_model.sysregs import Root
from reference_model.tables import Link, Table, Tables
from reference_model.tlb import Tlb
from reference_model.violations import Property, Violation

__all__ = ["Oracle"]


class Oracle:
    """The properties O1 and O3 to O5; it knows what is allowed, not why it is broken.

    ``coherent`` holds the (VMID, stage 1) pairs with which a guest was ever
    entered: what a TLB holds for another pair came from mixed registers.
    """

    def __init__(self, tables: Tables, tlbs: list[Tlb], times: dict[int, int]) -> None:
        self._tables = tables
        self._tlbs = tlbs
        self._index_at = times  # machine time -> event index
        self.coherent: set[Stage1] = set()

    # ----------------------------------------------------------- O1: grants

    def stale_grants(
        self, index: int, page: range | None = None, *, scrub: bool = False
    ) -> list[Violation]:
        """Find entries that grant what the current tables do not (O1).

        ``page`` limits the search to entries whose output lies in it, ``scrub``
        to those that let it be written.
        """
        found: dict[tuple[int, EntryKind, int], Violation] = {}
        verdicts: dict[Link, tuple[bool, Link | None]] = {}
        for tlb in self._tlbs:
            for entry in tlb.stale:
                if entry.kind in TABLE_KINDS or not _overlaps(entry.link, page):
                    continue
                if scrub and not entry.link.descriptor.writable:
                    continue
                if entry.link not in verdicts:
                    verdicts[entry.link] = self._granted(entry.link)
                granted, now = verdicts[entry.link]
                if not granted:
                    key = (tlb.pe, entry.kind, entry.vmid)
                    found[key] = self._grant(found.get(key), entry, tlb, now, index)
        return list(found.values())

    def _grant(
        self,
        before: Violation | None,
        entry: Entry,
        tlb: Tlb,
        allowed: Link | None,
        index: int,
    ) -> Violation:
        if before is not None:
            return before.counting(entry.link)
        return Violation(
            Property.O1,
            index,
            tlb.pe,
            entry.kind,
            entry.vmid,
            self._index_at[entry.link.ended],
            entry.link,
            allowed,
            low=entry.link.ia,
            high=entry.link.end,
        )

    def grants(self, link: Link) -> bool:
        """Tell whether the current tables grant all that ``link`` grants."""
        return self._granted(link)[0]

    def _granted(self, link: Link) -> tuple[bool, Link | None]:
        """Tell whether the current tables grant all that ``link`` grants.

        Also returns the descriptor that now stands in its place.
        """
        for now in self._tables.pieces(link.table.root, link.ia, link.end):
            if now is None or not _grants(now, link):
                leaf = now if now and now.descriptor.kind is Kind.LEAF else None
                return False, leaf
        return True, link

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
                since = self._index_at.get(tlb.stage1_filled(mixed[0]), -1)
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

    def foreign_stage2(self, context: Context, index: int, now: int) -> list[Violation]:
        """Find entries of another stage 2 under the VMID being entered (O5)."""
        found = []
        for tlb in self._tlbs:
            for root in tlb.roots(context.vmid):
                if root == context.root:
                    continue
                held = self._held(tlb, context.vmid, root, now)
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
                            reason="vmid",
                        )
                    )
        return found

    def _held(self, tlb: Tlb, vmid: int, root: Root, now: int) -> Entry | None:
        """Return an entry made from a root that may be held, a leaf if any."""
        entries = tlb.made_from(vmid, root)
        for top in self._tables.space(root).tops:
            for link in self._links(top):
                current = (Entry(kind, vmid, link) for kind in tlb.kinds_of(link))
                entries += [e for e in current if tlb.may_hold(e, now)]
        leaves = (e for e in entries if e.kind not in TABLE_KINDS)
        return next(leaves, next(iter(entries), None))

    def _links(self, table: Table) -> Iterator[Link]:
        for link in self._tables.links(table):
            yield link
            if link.descriptor.kind is Kind.TABLE:
                yield from self._links(link.child)

    # -------------------------------------------------- O4: table lifetime

    def walked(self, pages: list[int], index: int, now: int) -> list[Violation]:
        """Find entries through which a walk still reaches freed pages (O4)."""
        found = []
        for tlb in self._tlbs:
            for page in pages:
                violation = self._walked_stale(tlb, page, index)
                violation = violation or self._walked_linked(tlb, page, index, now)
                if violation is not None:
                    found.append(violation)
                    break
        return found

    def _walked_stale(self, tlb: Tlb, page: int, index: int) -> Violation | None:
        for entry in tlb.walkers(page):
            return Violation(
                Property.O4,
                index,
                tlb.pe,
                entry.kind,
                entry.vmid,
                self._index_at[entry.link.ended],
                entry.link,
                low=entry.link.ia,
                high=entry.link.end,
            )
        for entry in tlb.stale:
            output = entry.link.descriptor.output
            size = entry.link.end - entry.link.ia
            if entry.kind is EntryKind.S12W and output <= page < output + size:
                return Violation(
                    Property.O4,
                    index,
                    tlb.pe,
                    entry.kind,
                    entry.vmid,
                    self._index_at[entry.link.ended],
                    entry.link,
                    low=entry.link.ia,
                    high=entry.link.end,
                )
        return None

    def _walked_linked(
        self, tlb: Tlb, page: int, index: int, now: int
    ) -> Violation | None:
        # Still part of a current tree: a walk may start at any time.
        for table in self._tables.linked(page):
            if table.link is None:
                continue
            for vmid in tlb.users(table.root):
                entry = Entry(EntryKind.S2W, vmid, table.link)
                if tlb.fills(vmid, table.root) or tlb.may_hold(entry, now):
                    return Violation(
                        Property.O4,
                        index,
                        tlb.pe,
                        EntryKind.S2W,
                        vmid,
                        -1,
                        table.link,
                        reason="linked",
                    )
        return None


def _grants(now: Link, old: Link) -> bool:
    """Tell whether the leaf ``now`` grants all that ``old`` does where they meet."""
    new, was = now.descriptor, old.descriptor
    if new.kind is not Kind.LEAF or not new.cacheable:
        return False
    start = max(now.ia, old.ia)
    if new.output + (start - now.ia) != was.output + (start - old.ia):
        return False
    if new.attributes != was.attributes:
        return False
    return (
        new.read >= was.read
        and new.writable >= was.writable
        and _execute(new.xn) >= _execute(was.xn)
    )


def _execute(xn: int) -> frozenset[str]:
    # XN[1:0] with FEAT_XNX: 00 both, 01 EL0 only, 10 none, 11 EL1 only.
    rights = (("el0", "el1"), ("el0",), (), ("el1",))
    return frozenset(rights[xn])


def _overlaps(link: Link, page: range | None) -> bool:
    if page is None:
        return True
    output = link.descriptor.output
    return output < page.stop and page.start < output + link.end - link.ia
