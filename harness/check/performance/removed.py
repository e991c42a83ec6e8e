"""What each flush of a trace is for: the descriptors changed before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.check.causes.timeline import Replay
from harness.check.performance.flushes import Flush
from reference_model.addresses import page_of
from reference_model.descriptors import Kind
from reference_model.events import Event, PageRelease, Store, TableFree, Zero
from reference_model.machine import Machine
from reference_model.tables import Link, Table, Tables

__all__ = ["Leaf", "leaves_before", "without_cause"]

_VALID = 1


class Leaf(NamedTuple):
    """The addresses that a leaf descriptor mapped, and its level."""

    start: int
    end: int
    level: int


def without_cause(
    replay: Replay, events: tuple[Event, ...], flushes: Sequence[Flush]
) -> list[Flush]:
    """Return the flushes before which no TLB had anything to cache.

    Since the last one no descriptor was valid before it was changed, and no
    memory was cleared or given back.
    """
    values = dict(replay.start.memory)
    starts = {flush.positions[0]: flush for flush in flushes}
    found = []
    cause = False
    for position, event in enumerate(events):
        if position in starts:
            if not cause:
                found.append(starts[position])
            cause = False
        match event:
            case Store():
                old = values.get(event.pa, 0)
                cause = cause or (bool(old & _VALID) and old != event.value)
                values[event.pa] = event.value
            case Zero() | TableFree() | PageRelease():
                cause = True
    return found


def leaves_before(
    replay: Replay, events: tuple[Event, ...], flushes: Sequence[Flush]
) -> list[tuple[Leaf, ...]]:
    """Return the leaves that were changed before each flush, since the last one.

    Raises Unmodelled like the machine.
    """
    machine = replay.machine()
    starts = {flush.positions[0]: n for n, flush in enumerate(flushes)}
    found: list[tuple[Leaf, ...]] = [()] * len(flushes)
    leaves: list[Leaf] = []
    for position, event in enumerate(events):
        if position in starts:
            found[starts[position]] = tuple(dict.fromkeys(leaves))
            leaves = []
        if isinstance(event, Store):
            leaves += _taken_away(machine, event)
        machine.step(event)
    return found


def _taken_away(machine: Machine, event: Store) -> Iterator[Leaf]:
    """Yield the leaves of the current tables that a store takes away."""
    cell = machine.memory.cell(event.pa)
    if cell.current.value == event.value:
        return
    for table in machine.tables.linked(page_of(event.pa)):
        yield from _leaves(table.read(cell, cell.current), machine.tables)


def _leaves(link: Link, tables: Tables) -> Iterator[Leaf]:
    if link.descriptor.kind is Kind.LEAF:
        yield Leaf(link.ia, link.end, link.table.level)
    elif link.descriptor.kind is Kind.TABLE:
        yield from _below(link.child, tables)


def _below(table: Table, tables: Tables) -> Iterator[Leaf]:
    for link in tables.links(table):
        yield from _leaves(link, tables)
