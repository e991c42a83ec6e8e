"""What walks may add to a TLB (M2): every mix of visible values and entries."""

from __future__ import annotations

from collections.abc import Iterable

from reference_model.addresses import page_of
from reference_model.descriptors import Kind
from reference_model.entries import (
    TABLE_KINDS,
    Context,
    Entry,
    EntryKind,
    Tag,
    entry_of,
)
from reference_model.memory import Cell, Memory, StoreRecord
from reference_model.tables import Link, Table, Tables
from reference_model.tlb import Tlb

__all__ = ["Filling"]


class Filling:
    """Keeps the stored (stale) entries of the TLBs closed under walks."""

    def __init__(self, memory: Memory, tables: Tables, tlbs: list[Tlb]) -> None:
        self._memory = memory
        self._tables = tables
        self._tlbs = tlbs
        self._added: list[tuple[Tlb, Entry]] = []

    def taken(self) -> list[tuple[Tlb, Entry]]:
        """Hand over the stale entries that fills have added since last time."""
        added, self._added = self._added, []
        return added

    def _add(self, tlb: Tlb, entry: Entry, now: int) -> None:
        if tlb.add(entry, now):
            self._added.append((tlb, entry))
            tlb.note_leaf(entry, now, current=False)

    def enter(self, tlb: Tlb, context: Context, now: int) -> None:
        """Fill ``tlb`` when ``context`` starts to be in context on its PE."""
        self._tables.space(context.root)
        copied = tlb.copies.cells(context.tag, context.root.regime)
        for cell in dict.fromkeys([*self._memory.unpublished(), *copied]):
            self._old_values(tlb, context, cell, now)
        for link in self._tables.contiguous(context.root):
            self._pieces(tlb, context.tag, self._tables.astray(link), now)
        for entry in list(tlb.stale):
            if not context.uses(entry.tag, entry.link.table.root):
                continue
            if entry.kind in TABLE_KINDS:
                self._expand(tlb, entry.tag, entry.link.child, now)
            elif entry.kind is EntryKind.S2:  # combined anew with stage 1
                for kind in tlb.kinds_of(entry.link):
                    self._add(tlb, Entry(kind, entry.vmid, entry.link), now)

    def _old_values(self, tlb: Tlb, context: Context, cell: Cell, now: int) -> None:
        for table in self._tables.linked(page_of(cell.pa)):
            if table.root == context.root:
                self._unretired(tlb, context.tag, table, cell, now)

    def _unretired(
        self, tlb: Tlb, tag: Tag, table: Table, cell: Cell, now: int
    ) -> None:
        # Values that a walk may still read although they were replaced.
        for record in self._readable(tlb, tag, table, cell):
            if record is not cell.current:
                self._derive(tlb, tag, table.read(cell, record), now)

    def _pieces(self, tlb: Tlb, tag: Tag, pieces: Iterable[Link], now: int) -> None:
        # What a Contiguous descriptor lets a TLB hold for its neighbours.
        for piece in pieces:
            for kind in tlb.kinds_of(piece):
                self._add(tlb, entry_of(kind, tag, piece), now)

    def _derive(self, tlb: Tlb, tag: Tag, link: Link, now: int) -> None:
        for kind in tlb.kinds_of(link):
            self._add(tlb, entry_of(kind, tag, link), now)
        self._pieces(tlb, tag, self._tables.group(link), now)
        if link.descriptor.kind is Kind.TABLE:
            self._expand(tlb, tag, link.child, now)

    def _expand(self, tlb: Tlb, tag: Tag, table: Table, now: int) -> None:
        for cell in self._tables.cells(table):
            for record in self._readable(tlb, tag, table, cell):
                self._derive(tlb, tag, table.read(cell, record), now)

    @staticmethod
    def _readable(tlb: Tlb, tag: Tag, table: Table, cell: Cell) -> list[StoreRecord]:
        """List the values that a walk may be given: of memory, and of copies."""
        visible = cell.visible(tlb.pe, floor=tlb.floor(table))
        copied = tlb.copies.of(tag, table.root.regime, cell)
        return [*(r for r in copied if r not in visible), *visible]

    def stored(
        self, cell: Cell, old: StoreRecord, new: StoreRecord, now: int
    ) -> list[Link]:
        """Follow a store: end the old chain, start the new one.

        Returns the new links by which current trees now go.
        """
        page = page_of(cell.pa)
        fresh: list[Link] = []
        for table in self._tables.linked(page):
            before, after = table.read(cell, old), table.read(cell, new)
            self._end(before, now)
            if before.descriptor.kind is Kind.TABLE:
                self._tables.drop(before.child, lambda link: self._end(link, now))
            if after.descriptor.kind is Kind.TABLE:
                self._tables.adopt(after.child, lambda t: self._adopted(t, now))
            self._contiguous(after, now)
            fresh.append(after)
        for tlb in self._tlbs:
            for entry in tlb.walkers(page):
                if tlb.fills(entry.tag, entry.link.table.root):
                    link = entry.link.child.read(cell, new)
                    self._derive(tlb, entry.tag, link, now)
        return fresh

    def _contiguous(self, link: Link, now: int) -> None:
        astray = self._tables.astray(link)
        for tlb in self._tlbs if astray else ():
            for context in tlb.active:
                if context.root == link.table.root:
                    self._pieces(tlb, context.tag, astray, now)

    def _end(self, link: Link, now: int) -> None:
        # Whatever may be held of this chain is stale from here on.
        parts = [link, *self._tables.group(link), *self._tables.neighbours(link)]
        for tlb in self._tlbs:
            for tag in tlb.users(link.table.root):
                for part in parts:
                    for kind in tlb.kinds_of(part):
                        self._outlives(tlb, tag, entry_of(kind, tag, part), now)

    @staticmethod
    def _outlives(tlb: Tlb, tag: Tag, entry: Entry, now: int) -> None:
        # Operations by address take the parts of a group one by one (I_JQPNP).
        if tlb.may_hold(entry, now):
            link = entry.link
            tlb.copies.keep(tag, link.table.root.regime, link.cell, link.record)
            tlb.add(entry, now)
            tlb.note_leaf(entry, now, current=True)

    def _adopted(self, table: Table, now: int) -> None:
        for tlb in self._tlbs:
            for context in tlb.active:
                if context.root == table.root:
                    for cell in self._tables.cells(table):
                        self._unretired(tlb, context.tag, table, cell, now)
                        if cell.pa in self._memory.contiguous:
                            link = table.read(cell, cell.current)
                            astray = self._tables.astray(link)
                            self._pieces(tlb, context.tag, astray, now)
