"""TLBIs in flight: issued by one PE, done on each PE at its own time (M4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from reference_model.assumptions import Assumptions
from reference_model.descriptors import Kind
from reference_model.entries import TABLE_KINDS, Entry, EntryKind, Stage1, Tag
from reference_model.matching import Candidate, Part, Selection
from reference_model.regimes import Regime
from reference_model.tables import Link, Table, Tables
from reference_model.tlbi import Operation, Target

__all__ = ["Issued"]

_LASTS = 1 << 62
_NO_LEVEL = -1


@dataclass(eq=False, slots=True)
class Issued:
    """One executed TLBI.

    ``vmids`` are the values that VTTBR_EL2.VMID may have had; ``scope`` the
    PEs that act on it; ``done`` the time at which it was complete on each,
    ``removed`` the stale entries that went there.  ``index`` is the position
    of the event.  ``regimes`` are those that it may mean.
    """

    operation: Operation
    pe: int
    time: int
    index: int
    vmids: frozenset[int]
    scope: frozenset[int]
    target: Target | None
    regimes: frozenset[Regime] = frozenset({Regime.EL10})
    assumptions: Assumptions = field(default_factory=Assumptions)
    done: dict[int, int] = field(default_factory=dict)
    removed: dict[int, list[Entry]] = field(default_factory=dict)
    _selection: Selection = field(init=False)
    # Without an address, what it selects depends on little.
    _known: dict[tuple[EntryKind, Regime, Tag], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """State what it selects, once: it is asked for every entry."""
        self._selection = Selection(
            self.operation, self.target, self.vmids, self.regimes, self.assumptions
        )

    def ordered_before(self, other: Issued, pe: int) -> bool:
        """Tell whether it was done on ``pe`` when ``other`` was issued (M5)."""
        done = self.done.get(pe)
        if done is not None and done <= other.time:
            return True
        # An AArch32 PE's operations act on itself in program order (G5.9.1.3).
        in_order = self.assumptions.a32_tlbi_program_order
        own = self.pe == other.pe == pe and self.time < other.time
        return own and in_order and self.operation.aarch32 and other.operation.aarch32

    def removes_stage1(self, stage1: Stage1) -> bool:
        """Tell whether it must remove every S1 and S1W entry of a stage 1.

        An operation by VA or ASID is not credited: the guest may have made
        entries for other VAs, and global ones.
        """
        key = (EntryKind.S1W, Regime.EL10, Tag(stage1.vmid))
        known = self._known.get(key)
        if known is None:
            candidate = Candidate(Regime.EL10, True, Part.TABLE, stage1.vmid)
            known = self._known[key] = self._selection.selects(candidate)
        return known

    def ends_copies(self, tag: Tag, regime: Regime) -> bool:
        """Tell whether it ends the copies made in a context (R_TJQVP)."""
        stage2 = regime is Regime.EL10
        vmid = tag.vmid if stage2 else None
        copy = Candidate(regime, not stage2, Part.COPY, vmid, tag.asid)
        return self._selection.selects(copy)

    def removes(self, entry: Entry, tables: Tables) -> bool:
        """Tell whether it must remove ``entry``, built before it was issued."""
        return entry.link.youngest <= self.time and self.selects(entry, tables)

    def selects(self, entry: Entry, tables: Tables) -> bool:
        """Tell whether ``entry`` is of the kind and address that it names."""
        if self.target is not None:
            return self._selects(entry, tables)
        key = (entry.kind, entry.link.table.root.regime, entry.tag)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._selects(entry, tables)
        return known

    def _selects(self, entry: Entry, tables: Tables) -> bool:
        regime = entry.link.table.root.regime
        vmid = entry.vmid if regime is Regime.EL10 else None
        if not self._selection.applies(regime, vmid):
            return False
        return self._selection.selects(self._candidate(entry, regime, vmid, tables))

    def _candidate(
        self, entry: Entry, regime: Regime, vmid: int | None, tables: Tables
    ) -> Candidate:
        link, kind = entry.link, entry.kind
        # The guest may have made it at any VA, and in any ASID.
        anywhere = regime is Regime.EL10 and kind.has_stage1
        is_table = kind in TABLE_KINDS
        level: int | None = link.descriptor.level
        if is_table and self.target is not None and self.target.level is not None:
            until = max(self.done.values()) if self.done else _LASTS
            level = _leaf_level(link, tables, self.time, until)
        return Candidate(
            regime,
            kind.has_stage1,
            Part.TABLE if is_table or kind is EntryKind.S12W else Part.LEAF,
            vmid,
            entry.asid,
            None if anywhere else (link.ia, link.end),
            level,
            link.table.root.granule,
        )


def _leaf_level(link: Link, tables: Tables, since: int, until: int) -> int | None:
    """Return the one level at which all walks below a Table end, if it is one.

    A hint is right only if it is that of every leaf below (I_LTZBK), whenever
    the operation takes effect.
    """
    found: set[int] = set()
    for time in sorted({since, *_changes(link.child, tables, since, until)}):
        found |= set(_levels(link.child, tables, time)) or {_NO_LEVEL}
    level = found.pop()
    return None if found or level == _NO_LEVEL else level


def _changes(table: Table, tables: Tables, since: int, until: int) -> Iterator[int]:
    """Yield when something below a table was stored."""
    for cell in tables.cells(table):
        for record in cell.records:
            if record.time > until or 0 < record.replaced <= since:
                continue
            if record.time > since:
                yield record.time
            link = table.read(cell, record)
            if link.descriptor.kind is Kind.TABLE:
                yield from _changes(link.child, tables, since, until)


def _levels(table: Table, tables: Tables, time: int) -> Iterator[int]:
    """Yield the level of each leaf that stood below a table at a time."""
    for cell in tables.cells(table):
        stood = [record for record in cell.records if record.time <= time]
        if not stood:
            yield _NO_LEVEL  # forgotten: it may have been anything
            continue
        link = table.read(cell, stood[-1])
        if link.descriptor.kind is Kind.TABLE:
            yield from _levels(link.child, tables, time)
        elif link.descriptor.cacheable:
            yield link.descriptor.level
