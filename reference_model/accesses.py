"""Accesses that outlive a TLBI on CPUs with the REPEAT_TLBI erratum (M7).

There, a broadcast TLBI and its DSB remove the entries, but accesses that
other PEs already translated through them may still be under way, until one
more broadcast TLBI and DSB by the same PE.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reference_model.entries import Entry
from reference_model.issued import Issued
from reference_model.tables import Link
from reference_model.tlb import Tlb
from reference_model.violations import Property, Violation

__all__ = ["Accesses"]


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """Accesses of one PE through ``entries``, left over by a TLBI of ``issuer``."""

    issuer: int
    time: int
    since: int
    entries: tuple[Entry, ...]


class Accesses:
    """Unfinished accesses per PE; stays empty without the erratum."""

    def __init__(
        self, tlbs: list[Tlb], erratum: bool, *, stage2_forms: bool = False
    ) -> None:
        self._tlbs = tlbs
        self._erratum = erratum
        self._stage2_forms = stage2_forms
        self._of: dict[int, list[_Unfinished]] = {tlb.pe: [] for tlb in tlbs}

    def completed(self, done: list[Issued], issuer: int, now: int) -> None:
        """Take the TLBIs of ``issuer`` that a DSB has just completed."""
        if not self._erratum:
            return
        for operation in done:
            if not operation.operation.broadcast:
                continue
            for pe in sorted(operation.scope):
                if operation.done.get(pe) == now and pe != issuer:
                    self._cleared(pe, operation)
                    self._left(pe, operation, now)

    def _cleared(self, pe: int, operation: Issued) -> None:
        # Only an operation issued after the first was complete helps.
        self._of[pe] = [
            left
            for left in self._of[pe]
            if left.issuer != operation.pe or left.time > operation.time
        ]

    def _left(self, pe: int, operation: Issued, now: int) -> None:
        # What is translated by the two stages apart is not left over (F6.6).
        entries = tuple(
            entry
            for entry in operation.removed.get(pe, ())
            if entry.kind.has_stage1 or self._stage2_forms
        )
        if entries and self._tlbs[pe].active:
            left = _Unfinished(operation.pe, now, operation.index, entries)
            self._of[pe].append(left)

    def finished(self, pe: int) -> None:
        """Note that a PE's own DSB at EL2 has ended its guest's accesses."""
        self._of[pe].clear()

    def unfinished(
        self, index: int, granted: Callable[[Link], bool]
    ) -> list[Violation]:
        """Find accesses through removed entries that may still be under way."""
        found = []
        for pe, leftovers in sorted(self._of.items()):
            wrong = [
                (left, entry)
                for left in leftovers
                for entry in left.entries
                if not granted(entry.link)
            ]
            if wrong:
                left, entry = wrong[0]
                found.append(
                    Violation(
                        Property.M7,
                        index,
                        pe,
                        entry.kind,
                        entry.vmid,
                        left.since,
                        entry.link,
                        count=len(wrong),
                        low=min(e.link.ia for _, e in wrong),
                        high=max(e.link.end for _, e in wrong),
                    )
                )
        return found
