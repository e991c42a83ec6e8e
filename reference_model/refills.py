"""Right entries that TLB maintenance removes: what has to be walked for again.

An operation may have to remove more than what is out of date.  What it removes
of the current tables is not wrong to lose, only slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reference_model.descriptors import Kind
from reference_model.entries import Entry, EntryKind, entry_of
from reference_model.events import Barrier, Event
from reference_model.machine import Machine
from reference_model.regimes import Regime
from reference_model.tables import Link, Table, Tables
from reference_model.tlb import Tlb

__all__ = ["Refills", "refills"]


class Refills(NamedTuple):
    """Entries for pages of the current tables, summed over operations and PEs.

    A page counts twice: by its IPA and combined with the guest's stage 1.
    ``held`` counts what TLBs may have held when operations completed on them,
    ``dropped`` what of it these had to remove.
    """

    dropped: int = 0
    held: int = 0


def refills(machine: Machine, trace: Iterable[Event]) -> Refills:
    """Run a trace and count the right entries that its TLBIs drop.

    Raises Unmodelled for an event whose effect is not modelled.
    """
    dropped = held = 0
    for event in trace:
        pending = machine.pending if isinstance(event, Barrier) else []
        before = [
            (tlb, list(_right(tlb, machine)) if pending else []) for tlb in machine.tlbs
        ]
        known = [(op, set(op.done)) for op in pending]
        machine.step(event)
        for tlb, right in before:
            done = [op for op, on in known if tlb.pe in op.done and tlb.pe not in on]
            held += len(right) if done else 0
            dropped += sum(
                any(op.removes(entry, machine.tables) for op in done) for entry in right
            )
    return Refills(dropped, held)


def _right(tlb: Tlb, machine: Machine) -> Iterator[Entry]:
    """Yield the leaf entries of EL1&0 that a PE may hold of current tables."""
    tables = machine.tables
    for root in tlb.roots_of(Regime.EL10):
        tops = tables.space(root).tops
        leaves = [link for top in tops for link in _leaves(top, tables)]
        for tag in tlb.users(root):
            for link in leaves:
                for kind in (EntryKind.S2, EntryKind.S12):
                    entry = entry_of(kind, tag, link)
                    if tlb.may_hold(entry, machine.now):
                        yield entry


def _leaves(table: Table, tables: Tables) -> Iterator[Link]:
    for link in tables.links(table):
        if link.descriptor.kind is Kind.TABLE:
            yield from _leaves(link.child, tables)
        elif link.descriptor.kind is Kind.LEAF:
            yield link
