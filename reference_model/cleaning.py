"""Cleaning to the point of coherency, for walkers that read past the caches (F8.4).

A clean by address is complete only after a DSB, for loads and stores, of the
PE that executed it; until then it promises nothing.
"""

from __future__ import annotations

from reference_model.addresses import PAGE_BYTES, page_of
from reference_model.memory import LINE_BYTES, Memory, StoreRecord
from reference_model.publication import Clearing, Publication

__all__ = ["Cleaning"]

_TO_COHERENCY = ("DC CVAC", "DC CIVAC", "DC CVAP", "DC CVADP")


class Cleaning:
    """What each PE has cleaned, but not yet for certain."""

    def __init__(self, pes: int, memory: Memory, publication: Publication) -> None:
        self._memory = memory
        self._publication = publication
        self._records: list[list[StoreRecord]] = [[] for _ in range(pes)]
        self._lines: list[list[tuple[Clearing, int]]] = [[] for _ in range(pes)]

    def execute(self, pe: int, op: str, pa: int) -> None:
        """Note a cache instruction of a PE, by address."""
        if op not in _TO_COHERENCY:
            return
        line = pa & -LINE_BYTES
        self._records[pe] += self._memory.records(line, LINE_BYTES)
        clearing = self._publication.clearing(page_of(line))
        if clearing is not None:
            self._lines[pe].append((clearing, line % PAGE_BYTES))

    def complete(self, pe: int, domain: frozenset[int]) -> None:
        """Note a DSB of the PE that covers loads and stores."""
        if domain == {pe}:
            return
        for record in self._records[pe]:
            record.cleaned = True
        for clearing, line in self._lines[pe]:
            clearing.dirty.discard(line)
        self._records[pe].clear()
        self._lines[pe].clear()
