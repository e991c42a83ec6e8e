"""Tables that walks can reach before their clearing is sure to be seen (M1).

What a page held before it was cleared is not known: a walk that reads it may
find any descriptor.  A clearing is ordered before the link to the table by a
DMB or DSB that covers stores, or by a store-release (F8.4); else walks may
read the old content until a DSB retires it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reference_model.addresses import PAGE_BYTES
from reference_model.entries import EntryKind
from reference_model.memory import LINE_BYTES
from reference_model.regimes import Regime
from reference_model.tables import Table
from reference_model.tlb import Tlb
from reference_model.violations import Property, Violation

__all__ = ["Clearing", "Publication"]


@dataclass(eq=False, slots=True)
class Clearing:
    """A page that a PE has cleared, and for which walkers that is not yet sure.

    ``dirty`` are the cache lines that have not been cleaned to the point of
    coherency: a walker that is not coherent may read them as they were (F8.4).
    """

    pe: int
    time: int
    walkers: set[int]
    dirty: set[int]


@dataclass(eq=False, slots=True)
class _Unready:
    """A linked table that some walkers may find as it was before clearing."""

    table: Table
    clearing: Clearing
    walkers: set[int]


class Publication:
    """Which pages were cleared when, and the tables linked too early."""

    def __init__(
        self,
        tlbs: list[Tlb],
        times: Sequence[int],
    ) -> None:
        self._tlbs = tlbs
        self._index_at = times  # machine time -> event index
        self._incoherent = frozenset(tlb.pe for tlb in tlbs if not tlb.coherent)
        self._cleared: dict[int, Clearing] = {}  # by page
        self._unready: list[_Unready] = []

    def clear(self, pages: Iterable[int], pe: int, time: int) -> None:
        """Note that a PE has overwritten whole pages."""
        for page in pages:
            walkers = {tlb.pe for tlb in self._tlbs}
            lines = set(range(0, PAGE_BYTES, LINE_BYTES) if self._incoherent else ())
            self._cleared[page] = Clearing(pe, time, walkers, lines)

    def clearing(self, page: int) -> Clearing | None:
        """Return what is not yet sure of the clearing of a page."""
        return self._cleared.get(page)

    def link(self, table: Table) -> None:
        """Note that ``table`` is now part of a tree in use."""
        for page in table.frames:
            clearing = self._cleared.get(page)
            if clearing is None:
                continue
            walkers = clearing.walkers & self._incoherent
            # No store links a root: nothing orders its clearing but a DSB.
            if table.floor is None or clearing.time > table.floor[clearing.pe]:
                walkers = set(clearing.walkers)
            if walkers:
                self._unready.append(_Unready(table, clearing, walkers))
                return

    def publish(self, pe: int, up_to: int, walkers: frozenset[int]) -> None:
        """Note that a DSB has retired what a PE's stores replaced (R_SPVBD)."""
        if not self._cleared and not self._unready:
            return
        for page, clearing in list(self._cleared.items()):
            if clearing.pe == pe and clearing.time <= up_to:
                clearing.walkers -= self._reached(clearing, walkers)
                if not clearing.walkers:
                    del self._cleared[page]
        for unready in self._unready:
            clearing = unready.clearing
            if clearing.pe == pe and clearing.time <= up_to:
                unready.walkers -= self._reached(clearing, walkers)
        self._unready = [u for u in self._unready if u.walkers]

    def _reached(self, clearing: Clearing, walkers: frozenset[int]) -> frozenset[int]:
        return walkers - self._incoherent if clearing.dirty else walkers

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
                if tlb.pe in unready.walkers:
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
            EntryKind.S2W if table.root.regime is Regime.EL10 else EntryKind.S1W,
            vmid,
            self._index_at[table.youngest],  # the store that linked it
            table.link,
            reason="init",
            low=table.base,
            high=table.link.end if table.link else table.base,
        )
