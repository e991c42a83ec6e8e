"""Compare what the two worlds did and hold.

Compared are all events one by one; the result of each call; and every byte of
every object (global variables, domains, frame table, table pages) to which the
IR side has given a value.  The stack is not compared, nor are variables that
the compiler has removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from shared_memory import SharedMemory
from worlds import Pair

from harness.execution.chunk import PAGE, SHIFT, full
from harness.execution.repeat import expand
from reference_model.events import Event, Store

__all__ = ["Difference", "compare_events", "compare_memory"]

_EMPTY = bytes(PAGE)


class Difference(AssertionError):  # noqa: N818 - what is found, not an error
    """The IR and the compiled code disagree."""


def compare_events(
    ir: Iterable[Event], machine: Iterable[Event], where: str, *, merge: bool = False
) -> int:
    """Compare events, written out one by one; returns how many there are.

    With ``merge``, of plain stores to one descriptor with no other kind of event
    in between only the last one counts: an optimising compiler is free to make
    one store of them.
    """
    here, there = list(expand(list(ir))), list(expand(list(machine)))
    if here == there:
        return len(here)
    if merge:
        here, there = merged(here), merged(there)
        if here == there:
            return len(here)
    for number, (left, right) in enumerate(zip_longest(here, there)):
        if left != right:
            raise Difference(
                f"{where}: event {number}\n  IR:      {left}\n  machine: {right}"
            )
    return len(here)


def merged(events: list[Event]) -> list[Event]:
    """Leave out stores that the same descriptor's next store makes unseen."""
    kept: list[Event] = []
    run: dict[int, Event] = {}
    for event in events:
        if isinstance(event, Store) and not event.release:
            run.pop(event.pa, None)
            run[event.pa] = event
            continue
        kept += run.values()
        run.clear()
        kept.append(event)
    return [*kept, *run.values()]


def compare_memory(pair: Pair, where: str) -> int:
    """Compare the content of memory; returns the number of bytes compared."""
    ours, theirs = pair.ir.memory, pair.machine.memory
    assert isinstance(theirs, SharedMemory)
    theirs.sweep()
    absent = _removed(pair)
    compared = 0
    for page, chunk in ours.chunks.items():
        region = chunk.region
        if region.kind == "frame" or region.name in absent:
            continue
        size, address = len(chunk.data), page << SHIFT
        other = theirs.chunks.get(page)
        if other is not None:
            right = bytes(other.data)
        elif theirs.arena_at(address) is not None:
            right = bytes(theirs.raw(address, size))
        else:
            continue  # a string, which lies elsewhere
        left = bytes(chunk.data)
        compared += size
        if left == right:
            continue
        known = chunk.init if chunk.init is not None else full(size)
        for offset in range(size):
            if (left[offset] ^ right[offset]) & known[offset]:
                raise Difference(_difference(pair, address + offset, where))
    for page in theirs.dirty - ours.chunks.keys():
        address = page << SHIFT
        if bytes(theirs.raw(address, PAGE)) != _EMPTY:
            raise Difference(f"{where}: only the machine writes to {address:#x}")
    return compared


def _removed(pair: Pair) -> frozenset[str]:
    """Return the variables of the unit that the compiler has removed."""
    image = pair.machine.execution.variables.image  # type: ignore[attr-defined]
    return frozenset(
        name
        for name, variable in pair.ir.execution.unit.globals.items()
        if variable.defined and image.symbol_of(name) is None
    )


def _difference(pair: Pair, address: int, where: str) -> str:
    ours, theirs = pair.ir.memory, pair.machine.memory
    word = address & ~7
    region = (
        next(r for r in ours.regions if r.base <= address < r.base + max(r.size, 1))
        if ours.physical_address(address) is None
        else None
    )
    name = "physical memory" if region is None else region.name
    offset = address - (0 if region is None else region.base)
    left = ours.peek_bytes(address, 1)[0]
    return (
        f"{where}: {name} at byte {offset:#x} ({address:#x})\n"
        f"  IR:      {left:#x}\n"
        f"  machine: {theirs.raw(address, 1)[0]:#x}"  # type: ignore[attr-defined]
        f" (word at {word:#x})"
    )
