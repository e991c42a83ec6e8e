"""Translation tables as walks see them: pages, and descriptors read in them.

A ``Table`` is a table page reached by one chain of descriptors, a ``Link``
one descriptor read in it.  A link is *current* while the last stores of its
whole chain still stand; what a TLB holds from a current chain is what the
tables say now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reference_model.addresses import (
    DESCRIPTOR_BYTES,
    LAST_LEVEL,
    PAGE_BYTES,
    page_of,
)
from reference_model.descriptors import Descriptor, Kind, Stage, decode
from reference_model.memory import Cell, Clock, Memory, StoreRecord
from reference_model.regimes import Regime
from reference_model.sysregs import Root

__all__ = ["Link", "Space", "Table", "Tables"]


_STAGES = {
    Regime.EL10: Stage.S2,
    Regime.EL2: Stage.S1_EL2,
    Regime.EL20: Stage.S1,
}


class Table:
    """A table of descriptors of ``level`` that maps from ``base`` on.

    ``page`` is where it lies; it is as large as the granule of its root.

    ``youngest`` is the time of the latest store in the chain to it, ``floor``
    the stores ordered before one of that chain.
    """

    __slots__ = (
        "base",
        "floor",
        "level",
        "link",
        "page",
        "root",
        "youngest",
    )

    def __init__(
        self, root: Root, page: int, level: int, base: int, link: Link | None
    ) -> None:
        self.root = root
        self.page = page
        self.level = level
        self.base = base
        self.link = link
        self.youngest = link.youngest if link else 0
        self.floor: Clock | None = link.floor if link else None

    @property
    def frames(self) -> range:
        """Return the 4 KiB pages of memory that it covers."""
        return range(self.page, self.page + self.root.granule.bytes, PAGE_BYTES)

    @property
    def shift(self) -> int:
        """Return the logarithm of the bytes that each descriptor maps."""
        return self.root.granule.shifts[self.level]

    def read(self, cell: Cell, record: StoreRecord) -> Link:
        """Return the link for the value that ``record`` left in ``cell``."""
        found = record.links.get(self)
        if found is None:
            found = record.links[self] = Link(self, cell, record)
        return found


class Link:
    """A descriptor value read at one place of one chain."""

    __slots__ = (
        "_child",
        "_pieces",
        "cell",
        "descriptor",
        "end",
        "floor",
        "ia",
        "record",
        "table",
        "youngest",
    )

    youngest: int

    def __init__(self, table: Table, cell: Cell, record: StoreRecord) -> None:
        self.table = table
        self.cell = cell
        self.record = record
        slot = (cell.pa - table.page) // DESCRIPTOR_BYTES
        granule = table.root.granule
        self.ia = table.base + (slot << granule.shifts[table.level])
        self.end = self.ia + granule.level_bytes(table.level)
        self.descriptor: Descriptor = decode(
            record.value, table.level, granule, _STAGES[table.root.regime]
        )
        self.youngest = max(table.youngest, record.time)
        self.floor: Clock = (
            record.before
            if table.floor is None
            else tuple(
                max(a, b) for a, b in zip(table.floor, record.before, strict=True)
            )
        )
        self._child: Table | None = None
        self._pieces: dict[Cell, Piece] = {}

    def piece(self, slot: Cell) -> Piece:
        """Return what a Contiguous leaf says of another member's address."""
        found = self._pieces.get(slot)
        if found is None:
            found = self._pieces[slot] = Piece(self, slot)
        return found

    @property
    def child(self) -> Table:
        """Return the next-level table of a table descriptor."""
        if self._child is None:
            self._child = Table(
                self.table.root,
                self.descriptor.output,
                self.table.level + 1,
                self.ia,
                self,
            )
        return self._child

    @property
    def ended(self) -> int:
        """Return the time of the store that ended the chain, 0 if none did."""
        replaced = (link.record.replaced for link in self._chain())
        times = [time for time in replaced if time]
        return min(times, default=0)

    def _chain(self) -> Iterator[Link]:
        link: Link | None = self
        while link is not None:
            yield link
            link = link.table.link

    @property
    def current(self) -> bool:
        """Tell whether every store of the chain is still the last one."""
        return all(link.cell.current is link.record for link in self._chain())


class Piece(Link):
    """What a Contiguous descriptor says of another address of its group.

    A TLB may translate the whole group by any member (I_JQPNP); ``slot`` is the
    location that a walk for this address would read.
    """

    __slots__ = ("slot",)

    def __init__(self, of: Link, slot: Cell) -> None:
        super().__init__(of.table, of.cell, of.record)
        self.slot = slot
        table = of.table
        size = self.end - self.ia
        group = size * table.root.granule.contiguous(table.level)
        self.ia = table.base + ((slot.pa - table.page) // DESCRIPTOR_BYTES) * size
        self.end = self.ia + size
        base = self.descriptor.output & -group
        output = base + (self.ia & (group - 1))
        self.descriptor = self.descriptor._replace(output=output)

    @property
    def ended(self) -> int:
        """Return when the chain ended, or the table took another view of it."""
        return super().ended or self.slot.current.time


class Space:
    """The current tables below one root."""

    def __init__(self, root: Root) -> None:
        self.root = root
        granule = root.granule
        span = granule.level_bytes(root.level) * granule.entries
        self.tops = [
            Table(root, root.address + n * granule.bytes, root.level, n * span, None)
            for n in range(root.pages)
        ]


class Tables:
    """Every known address space, and which 4 KiB pages are tables of which."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._spaces: dict[Root, Space] = {}
        self._linked: dict[int, dict[Table, None]] = {}
        self._adopted: list[Table] = []
        self._leaf: dict[Root, Link] = {}  # one below each root

    def space(self, root: Root) -> Space:
        """Return the address space of ``root``, adopting its tables if new."""
        found = self._spaces.get(root)
        if found is None:
            found = self._spaces[root] = Space(root)
            for top in found.tops:
                self.adopt(top)
        return found

    def linked(self, page: int) -> list[Table]:
        """List the places at which a 4 KiB page is part of a current tree."""
        return list(self._linked.get(page, ()))

    def adopted(self) -> list[Table]:
        """Hand over the tables that became part of a tree since last time."""
        adopted, self._adopted = self._adopted, []
        return adopted

    def adopt(self, table: Table, seen: Callable[[Table], None] | None = None) -> None:
        """Note that ``table`` and all below it belong to a current tree."""
        for frame in table.frames:
            self._linked.setdefault(frame, {})[table] = None
        self._adopted.append(table)
        if seen is not None:
            seen(table)
        if table.level == LAST_LEVEL:
            return
        for link in self.links(table):
            if link.descriptor.kind is Kind.TABLE:
                self.adopt(link.child, seen)

    def drop(self, table: Table, seen: Callable[[Link], None]) -> None:
        """Note that ``table`` left its tree; reports every link that it had."""
        for frame in table.frames:
            self._linked.get(frame, {}).pop(table, None)
        for link in self.links(table):
            seen(link)
            if link.descriptor.kind is Kind.TABLE:
                self.drop(link.child, seen)

    def cells(self, table: Table) -> list[Cell]:
        """List the locations of a table that ever held something, by address."""
        return [c for frame in table.frames for c in self._memory.cells(frame)]

    def group(self, link: Link) -> list[Piece]:
        """List what a Contiguous leaf says of the other members of its group."""
        members = link.table.root.granule.contiguous(link.table.level)
        leaf = link.descriptor.kind is Kind.LEAF and link.descriptor.contiguous
        if not leaf or members == 1:
            return []
        first = link.cell.pa & -(members * DESCRIPTOR_BYTES)
        slots = range(first, first + members * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES)
        cells = (self._memory.cell(pa) for pa in slots if pa != link.cell.pa)
        return [link.piece(cell) for cell in cells]

    def neighbours(self, link: Link) -> list[Piece]:
        """List what Contiguous members of its group say of the place of a leaf."""
        if not self._memory.contiguous:
            return []
        table = link.table
        members = table.root.granule.contiguous(table.level)
        first = link.cell.pa & -(members * DESCRIPTOR_BYTES)
        found = []
        for pa in range(first, first + members * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES):
            if pa != link.cell.pa and pa in self._memory.contiguous:
                other = table.read(self._memory.cell(pa), self._memory.cell(pa).current)
                found += [p for p in self.group(other) if p.slot is link.cell]
        return found

    def astray(self, link: Link) -> list[Piece]:
        """List the pieces of a Contiguous leaf that walks do not agree with."""
        found = []
        for piece in self.group(link):
            now = link.table.read(piece.slot, piece.slot.current)
            if now.descriptor != piece.descriptor:
                found.append(piece)
        return found

    def contiguous(self, root: Root) -> Iterator[Link]:
        """Yield the Contiguous leaves of the current tables below a root."""
        for pa in sorted(self._memory.contiguous):
            for table in self.linked(page_of(pa)):
                if table.root == root:
                    cell = self._memory.cell(pa)
                    yield table.read(cell, cell.current)

    def links(self, table: Table) -> Iterator[Link]:
        """Yield the links for the current, not invalid descriptors of a table."""
        for cell in self.cells(table):
            if cell.current.value & 1:
                yield table.read(cell, cell.current)

    def walk(self, root: Root, ipa: int) -> Link | None:
        """Walk the current tables for ``ipa`` to the last descriptor read.

        None when ``ipa`` lies beyond the root.
        """
        for top in self.space(root).tops:
            if top.base <= ipa < top.base + (root.granule.entries << top.shift):
                return self.walk_from(top, ipa)
        return None

    def path(self, root: Root, ipa: int) -> list[Link]:
        """List the descriptors that a walk for an address reads, last first."""
        found: list[Link] = []
        link = self.walk(root, ipa)
        while link is not None:
            found.append(link)
            link = link.table.link
        return found

    def walk_from(self, table: Table, ipa: int) -> Link:
        """Walk on from ``table`` for ``ipa``, reading the last stores."""
        while True:
            slot = table.root.granule.index(ipa, table.level)
            offset = slot * DESCRIPTOR_BYTES
            cell = self._memory.cell(table.page + offset)
            link = table.read(cell, cell.current)
            if link.descriptor.kind is not Kind.TABLE:
                return link
            table = link.child

    def pieces(self, root: Root, start: int, end: int) -> Iterator[Link | None]:
        """Yield the last descriptor of the walk for each piece of a range."""
        while start < end:
            link = self.walk(root, start)
            yield link
            if link is None:
                return
            start = link.end

    def maps_anything(self, root: Root) -> bool:
        """Tell whether any leaf below ``root`` is cacheable."""
        known = self._leaf.get(root)
        if known is not None and known.current:
            return True
        leaves = (self._some_leaf(top) for top in self.space(root).tops)
        found = next((leaf for leaf in leaves if leaf is not None), None)
        if found is None:
            self._leaf.pop(root, None)
            return False
        self._leaf[root] = found
        return True

    def _some_leaf(self, table: Table) -> Link | None:
        for link in self.links(table):
            if link.descriptor.kind is Kind.LEAF and link.descriptor.cacheable:
                return link
            if link.descriptor.kind is Kind.TABLE:
                below = self._some_leaf(link.child)
                if below is not None:
                    return below
        return None
