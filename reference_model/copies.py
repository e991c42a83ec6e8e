"""Copies of descriptors by the address at which they lie (FEAT_nTLBPA = 0).

Beside what it keeps by input address, such a PE may keep what it read at a
location, and return it for a walk that comes there by another input address
(R_BKKRB).  Any TLBI that applies to the PE with that context ends a copy
(R_TJQVP).  A copy is held no longer than the entries by input address that
were made in the same walk, so only walks that come by another way need it.
"""

from __future__ import annotations

from collections.abc import Callable

from reference_model.addresses import page_of
from reference_model.entries import Tag
from reference_model.issued import Issued
from reference_model.memory import Cell, StoreRecord
from reference_model.regimes import Regime

__all__ = ["Copies"]


class Copies:
    """What one PE may hold of values that have been replaced since."""

    def __init__(self, pe: int, *, exist: bool) -> None:
        self._pe = pe
        self._exist = exist
        self._held: dict[tuple[Tag, Regime], dict[StoreRecord, Cell]] = {}

    def keep(self, tag: Tag, regime: Regime, cell: Cell, record: StoreRecord) -> None:
        """Note that a walk may have read a value that is now replaced."""
        if self._exist:
            self._held.setdefault((tag, regime), {})[record] = cell

    def of(self, tag: Tag, regime: Regime, cell: Cell) -> list[StoreRecord]:
        """List the old values of a location that a walk may still be given."""
        held = self._held.get((tag, regime))
        if not held:
            return []
        return [record for record, where in held.items() if where is cell]

    def cells(self, tag: Tag, regime: Regime) -> list[Cell]:
        """List the locations of which old values are held."""
        return list(dict.fromkeys(self._held.get((tag, regime), {}).values()))

    def done(
        self,
        operation: Issued,
        walked: Callable[[int, Tag, Regime, int], int | None],
    ) -> None:
        """Drop what a completed TLBI ends and walks cannot have read again.

        ``walked`` tells when, from a time on, a walk could first come to a page.
        """
        for (tag, regime), held in list(self._held.items()):
            if not operation.ends_copies(tag, regime):
                continue
            kept = {}
            for record, cell in held.items():
                page = page_of(cell.pa)
                time = walked(page, tag, regime, operation.time)
                if time is not None and record in cell.visible(self._pe, time + 1):
                    kept[record] = cell
            self._held[tag, regime] = kept
            if not kept:
                del self._held[tag, regime]
