"""Tables that walks can reach before their clearing is sure to be seen (M1).

What a page held before it was cleared is not known: a walk that reads it may
find any descriptor.  A clearing is ordered before the link to the table by a
DMB or DSB that covers stores, or by a store-release (F8.4); else walks may
read the old content until a DSB retires it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reference_model.entries import EntryKind
from reference_model.tables import Table
from reference_model.tlb import Tlb
from reference_model.violations import Property, Violation

__all__ = ["Publication"]


@dataclass(eq=False, slots=True)
class _Unready:
    """A linked table that some walkers may find as it was before clearing."""

    table: Table
    pe: int
    time: int
    walkers: set[int]


class Publication:
    """Which pages were cleared when, and the tables linked too early."""

    def __init__(self, tlbs: list[Tlb], times: Sequence[int]) -> None:
        self._tlbs = tlbs
        self._index_at = times  # machine time -> event index
        self._cleared: dict[int, tuple[int, int]] = {}  # page -> PE, time
        self._unready: list[_Unready] = []

    def clear(self, pages: Iterable[int], pe: int, time: int) -> None:
        """Note that a PE has overwritten whole pages."""
        for page in pages:
            self._cleared[page] = (pe, time)

    def link(self, table: Table) -> None:
        """Note that ``table`` is now part of a tree in use."""
        for page in table.frames:
            if page not in self._cleared or table.floor is None:
                continue
            pe, time = self._cleared[page]
            if time > table.floor[pe]:
                walkers = {tlb.pe for tlb in self._tlbs}
                self._unready.append(_Unready(table, pe, time, walkers))
                return

    def publish(self, pe: int, up_to: int, walkers: frozenset[int]) -> None:
        """Note that a DSB has retired what a PE's stores replaced (R_SPVBD)."""
        if not self._cleared and not self._unready:
            return
        for page, (by, time) in list(self._cleared.items()):
            if by == pe and time <= up_to and walkers >= {t.pe for t in self._tlbs}:
                del self._cleared[page]
        for unready in self._unready:
            if unready.pe == pe and unready.time <= up_to:
                unready.walkers -= walkers
        self._unready = [u for u in self._unready if u.walkers]

    @property
    def unready(self) -> bool:
        """Tell whether some walker may find a table as it was before clearing."""
        return bool(self._unready)

    def reached(self, index: int) -> list[Violation]:
        """Find walkers that may use such a table now; each counts once."""
        found: list[Violation] = []
        for unready in self._unready:
            table = unready.table
            for tlb in self._tlbs:
                if tlb.pe in unready.walkers and table.link is not None:
                    vmids = [c.vmid for c in tlb.active if c.root == table.root]
                    if vmids:
                        unready.walkers.discard(tlb.pe)
                        found.append(self._violation(tlb, vmids[0], table, index))
        return found

    def _violation(self, tlb: Tlb, vmid: int, table: Table, index: int) -> Violation:
        return Violation(
            Property.O4,
            index,
            tlb.pe,
            EntryKind.S2W,
            vmid,
            self._index_at[table.youngest],  # the store that linked it
            table.link,
            reason="init",
            low=table.base,
            high=table.link.end if table.link else table.base,
        )
