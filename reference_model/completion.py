"""When a TLBI is complete, and what can outlive it (M5)."""

from __future__ import annotations

from collections.abc import Callable

from reference_model.entries import Entry, EntryKind
from reference_model.issued import Issued
from reference_model.tables import Link, Tables
from reference_model.tlb import Tlb

__all__ = ["Completion"]

_Usable = Callable[[Entry], bool]


class Completion:
    """The TLBIs in flight, and the survivor test at their completion."""

    def __init__(self, tables: Tables, tlbs: list[Tlb]) -> None:
        self._tables = tables
        self._tlbs = tlbs
        self.pending: list[Issued] = []
        self._recent: list[Issued] = []  # done on some PE while others pend

    def issue(self, operation: Issued) -> None:
        """Note an executed TLBI; nothing is removed yet."""
        self.pending.append(operation)

    def complete(self, pe: int, domain: frozenset[int], now: int) -> list[Issued]:
        """Complete what ``pe`` has issued on the PEs in a DSB's domain.

        Returns the operations that became done on at least one PE.
        """
        batch: dict[Issued, None] = {}
        for target in sorted(domain):
            done = [
                op
                for op in self.pending
                if op.pe == pe and target in op.scope and target not in op.done
            ]
            if done:
                self._complete_on(self._tlbs[target], done, now)
                batch.update(dict.fromkeys(done))
        self._forget()
        return list(batch)

    def _complete_on(self, tlb: Tlb, done: list[Issued], now: int) -> None:
        dropped: dict[Entry, None] = {}
        for operation in done:
            for entry in tlb.candidates(operation):
                if entry in dropped or not operation.removes(entry, self._tables):
                    continue
                if not self._survives(entry, operation, tlb):
                    dropped[entry] = None
                    operation.removed.setdefault(tlb.pe, []).append(entry)
        for operation in done:
            operation.done[tlb.pe] = now
            tlb.note_done(operation, now)
        for entry in dropped:
            tlb.remove(entry, now)
        self._recent.extend(op for op in done if op not in self._recent)

    def _forget(self) -> None:
        self.pending = [op for op in self.pending if set(op.done) != op.scope]
        oldest = min((op.time for op in self.pending), default=None)
        if oldest is None:
            self._recent.clear()
            for tlb in self._tlbs:
                tlb.removed.clear()
            return
        self._recent = [
            op for op in self._recent if max(op.done.values(), default=0) > oldest
        ]
        for tlb in self._tlbs:
            tlb.removed[:] = [pair for pair in tlb.removed if pair[0] >= oldest]

    # -------------------------------------------------------- survivor test

    def _concurrent(self, operation: Issued, pe: int) -> list[Issued]:
        found = dict.fromkeys([*self.pending, *self._recent])
        return [
            op
            for op in found
            if pe in op.scope and not op.ordered_before(operation, pe)
        ]

    def _survives(self, entry: Entry, operation: Issued, tlb: Tlb) -> bool:
        """Tell whether ``entry`` can be rebuilt after the last op that hits it.

        The sources are memory values that the PE's walker could read since
        the operation was issued, and cached entries that some order of the
        concurrent operations leaves in place until then.
        """
        since = operation.time
        if not tlb.filled_since(entry.vmid, entry.link.table.root, since):
            return False
        concurrent = self._concurrent(operation, tlb.pe)
        hits = [op for op in concurrent if op.removes(entry, self._tables)]

        def usable(source: Entry) -> bool:
            if not tlb.was_held_since(source, since):
                return False
            others = [op for op in concurrent if op.removes(source, self._tables)]
            # All ops on the entry must be able to come before all on the
            # source: none is on both, none is already ordered the other way.
            return not any(
                other is hit or other.ordered_before(hit, tlb.pe)
                for other in others
                for hit in hits
            )

        if entry.kind.has_stage1:  # stage 1 is in guest memory: always there
            stage2 = Entry(EntryKind.S2, entry.vmid, entry.link)
            if usable(stage2):
                return True
        return self._rebuilt(entry.link, entry.vmid, tlb, since, usable)

    def _rebuilt(
        self, link: Link, vmid: int, tlb: Tlb, since: int, usable: _Usable
    ) -> bool:
        """Tell whether a walk can read ``link`` from memory below a source."""
        table = link.table
        values = link.cell.visible(tlb.pe, since, table.floor)
        if link.record not in values:
            return False
        if table.link is None:
            return True
        if usable(Entry(EntryKind.S2W, vmid, table.link)):
            return True
        return self._rebuilt(table.link, vmid, tlb, since, usable)
