"""When a TLBI is complete, and what can outlive it (M5)."""

from __future__ import annotations

from reference_model.entries import (
    NO_VMID,
    TABLE_KINDS,
    Entry,
    EntryKind,
    Stage1,
    Tag,
    entry_of,
    table_kind,
)
from reference_model.issued import Issued
from reference_model.memory import Memory
from reference_model.regimes import Regime
from reference_model.tables import Link, Tables
from reference_model.tlb import Tlb

__all__ = ["Completion"]


class Completion:
    """The TLBIs in flight, and the survivor test at their completion."""

    def __init__(
        self, memory: Memory, tables: Tables, tlbs: list[Tlb], *, lingers: bool
    ) -> None:
        self._memory = memory
        self._tables = tables
        self._lingers = lingers
        self._tlbs = tlbs
        self.pending: list[Issued] = []
        self._recent: list[Issued] = []  # done on some PE while others pend

    def issue(self, operation: Issued) -> None:
        """Note an executed TLBI; nothing is removed yet."""
        self.pending.append(operation)

    def complete(
        self, pe: int, domain: frozenset[int], now: int, *, nxs: bool = False
    ) -> list[Issued]:
        """Complete what ``pe`` has issued on the PEs in a DSB's domain.

        ``nxs``: the DSB completes nXS operations only (R_TSJSN).  Returns the
        operations that became done on at least one PE.
        """
        if not self.pending:
            self._memory.trim(now)
            return []
        batch: dict[Issued, None] = {}
        for target in sorted(domain):
            done = [
                op
                for op in self.pending
                if op.pe == pe
                and (op.operation.nxs or not nxs)
                and target in op.scope
                and target not in op.done
            ]
            if done:
                self._complete_on(self._tlbs[target], done, now)
                batch.update(dict.fromkeys(done))
        self._forget(now)
        return list(batch)

    def _complete_on(self, tlb: Tlb, done: list[Issued], now: int) -> None:
        dropped: dict[Entry, None] = {}
        for operation in done:
            for entry in tlb.candidates(operation):
                if entry in dropped or not operation.removes(entry, self._tables):
                    continue
                if not self._survives(entry, operation, done, tlb):
                    dropped[entry] = None
                    operation.removed.setdefault(tlb.pe, []).append(entry)
        for operation in done:
            operation.done[tlb.pe] = now
            tlb.note_done(operation, now)
        for entry in dropped:
            tlb.remove(entry, now)
            # The PE's own accesses in a regime that is in context may use what
            # was there before the DSB until it synchronises; with FEAT_ETS2
            # instruction fetches may (R_BLDZX).
            own = any(op.pe == tlb.pe for op in done)
            lingers = self._lingers or _serves_fetches(entry)
            if lingers and own and entry.vmid == NO_VMID:
                tlb.lingering[entry] = now
        for operation in done:
            tlb.end_copies(operation)
        self._stage1_on(tlb, done, now)
        self._recent.extend(op for op in done if op not in self._recent)

    def _forget(self, now: int) -> None:
        self.pending = [op for op in self.pending if set(op.done) != op.scope]
        oldest = min((op.time for op in self.pending), default=None)
        if oldest is None:
            self._memory.trim(now)
            self._recent.clear()
            for tlb in self._tlbs:
                tlb.removed.clear()
                tlb.forget_before(now)
            return
        self._recent = [
            op for op in self._recent if max(op.done.values(), default=0) > oldest
        ]
        for tlb in self._tlbs:
            tlb.removed = {e: at for e, at in tlb.removed.items() if at >= oldest}
            tlb.forget_before(min([oldest, *(op.time for op in self._recent)]))

    # -------------------------------------------------------- survivor test

    def _survives(
        self, entry: Entry, operation: Issued, done: list[Issued], tlb: Tlb
    ) -> bool:
        """Tell whether ``entry`` can be rebuilt after the last op that hits it.

        Each operation takes effect on the PE at some time from its issue until
        it is done, in any order with those concurrent with it.  What is still
        in flight can take effect later.
        """
        concurrent = self._concurrent(operation, done, tlb)
        hits = [op for op in concurrent if op.removes(entry, self._tables)]
        return self._rebuilt(entry, hits, tlb)

    def _concurrent(
        self, operation: Issued, done: list[Issued], tlb: Tlb
    ) -> list[Issued]:
        """List the operations done by now that may follow ``operation``."""
        finished = dict.fromkeys([*done, *self._recent])
        return [
            op
            for op in finished
            if (op in done or tlb.pe in op.done)
            and (op is operation or not op.ordered_before(operation, tlb.pe))
        ]

    def _stage1_on(self, tlb: Tlb, done: list[Issued], now: int) -> None:
        """Drop stage-1 entries that only stale entries let the PE make."""
        for stage1 in tlb.stage1_lost():
            removing = [op for op in done if op.removes_stage1(stage1)]
            if removing:
                kept = all(
                    self._stage1_survives(stage1, o, done, tlb) for o in removing
                )
                tlb.keep_stage1(stage1, now, kept=kept)

    def _stage1_survives(
        self, stage1: Stage1, operation: Issued, done: list[Issued], tlb: Tlb
    ) -> bool:
        hits = [
            op
            for op in self._concurrent(operation, done, tlb)
            if op.removes_stage1(stage1)
        ]
        time = tlb.stage1_fills_from(stage1, max(op.time for op in hits))
        return time is not None and any(
            self._source(source, hits, time, tlb)
            for source in tlb.stage2_leaves(stage1.vmid)
        )

    def _rebuilt(self, entry: Entry, hits: list[Issued], tlb: Tlb) -> bool:
        """Tell whether the PE can make ``entry`` after all of ``hits``.

        The earliest time is the best: the most values are still visible, and
        the fewest sources are gone.
        """
        link = entry.link
        since = max(link.youngest, *(op.time for op in hits))
        time = tlb.fills_from(entry.tag, link.table.root, since)
        if time is None:
            return False
        if entry.kind.combined:  # stage 1 is in guest memory: always there
            stage2 = Entry(EntryKind.S2, entry.vmid, link)
            if self._source(stage2, hits, time, tlb):
                return True
        return any(
            self._walked(link, tag, hits, time, tlb) for tag in _makers(entry, tlb)
        )

    def _source(self, source: Entry, before: list[Issued], time: int, tlb: Tlb) -> bool:
        """Tell whether ``source`` can be held at a time, after ``before``.

        Whatever else was done by then, it has outlived if it was held.
        """
        if not tlb.was_held_since(source, time + 1):
            return False
        hits = [op for op in before if op.removes(source, self._tables)]
        return not hits or self._rebuilt(source, hits, tlb)

    def _walked(
        self, link: Link, tag: Tag, hits: list[Issued], time: int, tlb: Tlb
    ) -> bool:
        """Tell whether a walk can read ``link`` from memory below a source."""
        table = link.table
        if link.record not in link.cell.visible(tlb.pe, time + 1, tlb.floor(table)):
            return False
        if table.link is None:
            return True
        above = entry_of(table_kind(table.link), tag, table.link)
        if self._source(above, hits, time, tlb):
            return True
        return self._walked(table.link, tag, hits, time, tlb)


def _serves_fetches(entry: Entry) -> bool:
    """Tell whether instructions may be fetched through an entry of EL2."""
    rights = entry.link.descriptor.rights
    return entry.kind in TABLE_KINDS or any(r.startswith("xecute") for r in rights)


def _makers(entry: Entry, tlb: Tlb) -> list[Tag]:
    """List the tags under which walks can make an entry."""
    root = entry.link.table.root
    if entry.asid is None and root.regime is Regime.EL20:  # global
        return tlb.users(root)
    return [entry.tag]
