"""Sets of entries as bit masks, and what walks and operations make of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reference_model.addresses import LAST_LEVEL, page_of
from reference_model.exploration.contexts import Context
from reference_model.exploration.held import Held, HeldKind, base_of
from reference_model.exploration.matching import Maintenance, removed
from reference_model.exploration.program import Fault, FaultKind
from reference_model.exploration.walks import Tables, View, Walk, Walking

__all__ = ["Tlbs", "Translation"]


class Translation(NamedTuple):
    """One result of translating an address.

    ``entry`` is the number of the entry used, -1 without one.  For a fault that
    memory gives it is one that no TLB holds: it shows what applies to the walk.
    """

    pa: int
    entry: int
    fault: Fault | None = None


class Tlbs:
    """Numbers entries, and remembers what it worked out about sets of them."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._entries: list[Held] = []
        self._numbers: dict[Held, int] = {}
        self._closed: dict[object, int] = {}
        self._kept: dict[tuple[Maintenance, int], int] = {}
        self._translations: dict[object, tuple[Translation, ...]] = {}

    def entry(self, number: int) -> Held:
        """Return the entry of a number."""
        return self._entries[number]

    def entries(self, held: int) -> Iterator[Held]:
        """List the entries of a set."""
        while held:
            low = held & -held
            yield self._entries[low.bit_length() - 1]
            held ^= low

    def set_of(self, entries: Iterable[Held]) -> int:
        """Return the set of some entries."""
        held = 0
        for entry in entries:
            number = self._numbers.setdefault(entry, len(self._entries))
            if number == len(self._entries):
                self._entries.append(entry)
            held |= 1 << number
        return held

    def close(
        self,
        held: int,
        view: View,
        walking: tuple[Walking, ...],
    ) -> int:
        """Close a set under the walks of contexts, each for some pages (M2)."""
        key = (held, view, walking)
        found = self._closed.get(key)
        if found is None:
            found = self._closed[key] = self._close(held, view, walking)
            # The closure is closed.
            self._closed[(found, view, walking)] = found
        return found

    def _close(
        self,
        held: int,
        view: View,
        walking: tuple[Walking, ...],
    ) -> int:
        entries = dict.fromkeys(self.entries(held))
        before = -1
        while len(entries) != before:
            before = len(entries)
            for one in walking:
                Walk(self.tables, view, entries, one.context).fill(one)
        return held | self.set_of(entries)

    def without(self, op: Maintenance, held: int) -> int:
        """Return what an operation need not remove of a set."""
        kept = self._kept.get((op, held))
        if kept is None:
            kept = held & ~self.set_of(removed(op, self.entries(held)))
            self._kept[op, held] = kept
        return kept

    def translations(
        self, held: int, view: View, context: Context, va: int, *, write: bool
    ) -> tuple[Translation, ...]:
        """List what translating an address may give with a closed set."""
        if context.root1 is None and context.root2 is None:
            return (Translation(va, -1),)
        key = (held, view, context, va, write)
        found = self._translations.get(key)
        if found is None:
            found = tuple(
                dict.fromkeys(self._translate(held, view, context, va, write))
            )
            self._translations[key] = found
        return found

    def _translate(
        self, held: int, view: View, context: Context, va: int, write: bool
    ) -> Iterator[Translation]:
        walk = Walk(self.tables, view, dict.fromkeys(self.entries(held)), context)
        for leaf in walk.leaves(va):
            number = self._numbers[leaf]
            fault = _permission(leaf, write)
            yield Translation(leaf.output + va % 4096, number, fault)
        for fault in walk.faults1(va, write=write):
            missing = _missing(context, va, fault)
            self.set_of([missing])
            yield Translation(-1, self._numbers[missing], fault)


def _permission(leaf: Held, write: bool) -> Fault | None:
    if write and not leaf.write1:
        return Fault(1, leaf.level, FaultKind.PERMISSION)
    if not (leaf.write2 if write else leaf.read2):
        return Fault(2, leaf.level2, FaultKind.PERMISSION)
    return None


def _missing(context: Context, va: int, fault: Fault) -> Held:
    page = page_of(va)
    return Held(
        HeldKind.S12,
        context.el2,
        context.vmid,
        context.asid,
        base_of(page, fault.level) if fault.stage == 1 else page,
        fault.level if fault.stage == 1 else LAST_LEVEL,
        -1,
        page,
    )
