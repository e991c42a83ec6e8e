"""Descriptor memory: which values a walker of each PE may still read (M1).

A store is visible to every walker at once, but the older value stays visible
until a DSB by the storing PE, covering stores, retires it for the walkers in
the DSB's domain (R_SPVBD, R_TGRMW).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reference_model.addresses import DESCRIPTOR_BYTES, PAGE_BYTES, page_of

if TYPE_CHECKING:
    from reference_model.tables import Link, Table

__all__ = ["LINE_BYTES", "Cell", "Memory", "StoreRecord"]

_CONTIGUOUS = 1 << 52
LINE_BYTES = 64  # of a data cache line, as CTR_EL0.DminLine gives it

Clock = tuple[int, ...]  # per PE: its stores up to this time are covered


@dataclass(eq=False, slots=True)
class StoreRecord:
    """One store to a cell; ``pe`` is -1 for the initial content.

    ``before`` says which stores are ordered before it.  ``retired`` gives per
    walker the time from which it can no longer read this value.  ``replaced``
    is the time of the next store, 0 if there is none.  ``cleaned``: it has been
    cleaned to the point of coherency.  ``links`` are the places in tables at
    which it was read.
    """

    time: int
    value: int
    pe: int
    before: Clock
    published: set[int] = field(default_factory=set)
    cleaned: bool = False
    replaced: int = 0
    links: dict[Table, Link] = field(default_factory=dict)
    retired: dict[int, int] = field(default_factory=dict)


class Cell:
    """One descriptor location: its stores in coherence order."""

    __slots__ = ("pa", "records")

    def __init__(self, pa: int, first: StoreRecord) -> None:
        self.pa = pa
        self.records = [first]

    @property
    def current(self) -> StoreRecord:
        """Return the last store."""
        return self.records[-1]

    def visible(
        self, pe: int, since: int | None = None, floor: Clock | None = None
    ) -> list[StoreRecord]:
        """List the stores whose value a walk of ``pe`` may read, oldest first.

        ``since`` admits also values retired at or after that time.  ``floor``
        excludes values older than a store it covers (publication order).
        """
        found: list[StoreRecord] = []
        for record in reversed(self.records):
            retired = record.retired.get(pe)
            if retired is not None and (since is None or retired < since):
                continue
            found.append(record)
            if floor is not None and record.pe >= 0 and record.time <= floor[record.pe]:
                break
        found.reverse()
        return found


class Memory:
    """All descriptor locations, and what each PE has not yet published."""

    def __init__(
        self,
        pes: int,
        walkers: frozenset[int] | None = None,
        incoherent: frozenset[int] = frozenset(),
    ) -> None:
        self._walkers = len(walkers) if walkers is not None else pes
        self._incoherent = incoherent
        self._pages: dict[int, dict[int, Cell]] = {}
        self._unpublished: list[list[tuple[Cell, StoreRecord]]] = [
            [] for _ in range(pes)
        ]
        self._zero: Clock = (0,) * pes
        self._grown: dict[Cell, None] = {}  # with more than one record
        self.contiguous: set[int] = set()  # where the bit is set in a valid value

    def load(self, pa: int, value: int) -> None:
        """Set the initial content of a location, visible to everyone."""
        self._pages.setdefault(page_of(pa), {})[pa] = self._initial(pa, value)
        self._note_contiguous(pa, value)

    def _note_contiguous(self, pa: int, value: int) -> None:
        if value & _CONTIGUOUS and value & 1:
            self.contiguous.add(pa)
        else:
            self.contiguous.discard(pa)

    def _initial(self, pa: int, value: int) -> Cell:
        return Cell(pa, StoreRecord(0, value, -1, self._zero))

    def cell(self, pa: int) -> Cell:
        """Return the location ``pa``; content never loaded is zero."""
        page = self._pages.setdefault(page_of(pa), {})
        found = page.get(pa)
        if found is None:
            found = page[pa] = self._initial(pa, 0)
        return found

    def cells(self, page: int) -> list[Cell]:
        """List the locations of a page that ever held something, by address."""
        held = self._pages.get(page, {})
        return [held[pa] for pa in sorted(held)]

    def nonzero(self, page: int, size: int = PAGE_BYTES) -> Iterator[Cell]:
        """Yield the locations from ``page`` on that do not read as zero."""
        for base in range(page, page + size, PAGE_BYTES):
            for cell in self.cells(base):
                if cell.current.value or len(cell.records) > 1:
                    yield cell

    def store(
        self, pa: int, value: int, pe: int, time: int, before: Clock
    ) -> tuple[Cell, StoreRecord, StoreRecord]:
        """Append a store; returns the cell, the store before, the new store."""
        cell = self.cell(pa & -DESCRIPTOR_BYTES)
        old = cell.current
        new = StoreRecord(time, value, pe, before)
        old.replaced = time
        cell.records.append(new)
        self._grown[cell] = None
        self._note_contiguous(cell.pa, value)
        self._unpublished[pe].append((cell, new))
        return cell, old, new

    def records(self, pa: int, size: int) -> list[StoreRecord]:
        """List the stores so far to the locations of a range within a page."""
        held = self._pages.get(page_of(pa), {})
        places = range(pa, pa + size, DESCRIPTOR_BYTES)
        return [record for at in places if at in held for record in held[at].records]

    def unpublished(self) -> list[Cell]:
        """List the locations of which some walker may still read an old value."""
        return [cell for pending in self._unpublished for cell, _ in pending]

    def publish(self, pe: int, up_to: int, walkers: frozenset[int], time: int) -> int:
        """Retire what the stores of ``pe`` up to a time replaced (M1).

        A DSB that covers stores does this for the walkers in its domain.
        Returns the number of stores that it published to some walker.
        """
        if not self._unpublished[pe]:
            return 0
        count = 0
        kept: list[tuple[Cell, StoreRecord]] = []
        for cell, record in self._unpublished[pe]:
            # A walker that is not coherent sees what has been cleaned (F8.4).
            reached = walkers if record.cleaned else walkers - self._incoherent
            if record.time <= up_to and not reached <= record.published:
                record.published |= reached
                self._retire(cell, record, reached, time)
                count += 1
            if len(record.published) < self._walkers:
                kept.append((cell, record))
        self._unpublished[pe] = kept
        return count

    @staticmethod
    def _retire(
        cell: Cell, record: StoreRecord, walkers: frozenset[int], time: int
    ) -> None:
        for older in cell.records:
            if older.time >= record.time:
                return
            for walker in walkers:
                older.retired.setdefault(walker, time)

    def trim(self, oldest: int) -> None:
        """Forget the stores that no walker could read since a time."""
        for cell in list(self._grown):
            cell.records[:-1] = [
                record
                for record in cell.records[:-1]
                if len(record.retired) < self._walkers
                or max(record.retired.values()) >= oldest
            ]
            if len(cell.records) == 1:
                del self._grown[cell]
