"""What each PE may hold after a step: fills, issued TLBIs, completed ones."""

from __future__ import annotations

from reference_model.exploration import contexts as registers_of
from reference_model.exploration.matching import Maintenance
from reference_model.exploration.program import Load, Store, Virtual, Wait
from reference_model.exploration.state import Cell, PeState, Status
from reference_model.exploration.tlbs import Translation
from reference_model.exploration.walks import View
from reference_model.exploration.world import World

__all__ = [
    "completed",
    "held",
    "issued",
    "refilled",
    "translations",
    "view_of",
]


def view_of(world: World, memory: tuple[Cell, ...], stores: dict[int, int]) -> View:
    """Return the values that walks of a PE may read.

    ``stores`` are those of its own that its walks see before they are
    performed.  Walks see every other store when it is performed (R_SPVBD: that
    may be as late as the next DSB that covers it).
    """
    return tuple(
        (stores.get(pa, memory[world.place_of[pa]].value),) for pa in world.walked
    )


def own_stores(pe: PeState) -> dict[int, int]:
    """Return the stores that only the PE's own walks see, by address."""
    if not pe.own:
        return {}
    return {
        access.pa: access.value
        for place, access in enumerate(pe.progress)
        if pe.own >> place & 1 and access.status != Status.DONE
    }


def refilled(
    world: World, number: int, memory: tuple[Cell, ...], pe: PeState
) -> PeState:
    """Close all sets of a PE (M2), with each TLBI taking effect at any time.

    A TLBI may take effect anywhere from its issue to its completion, on each
    entry by itself (M5).  So what may be there after it did is what may be there
    if it does so now, and what may be there if it did before.
    """
    code = world.code(number, pe.faults)
    observed = all(not code.constraints[place].fault & ~pe.done for place in pe.faults)
    if observed and not code.virtual & ~pe.done:
        # No more translations: what it holds does not matter.
        if not pe.sets or (not pe.pending and pe.sets == (0,)):
            return pe
        return pe._replace(sets=(0,), pending=())
    walking = world.walking(number, pe.el, pe.registers, pe.draining)
    settled = world.walking(number, pe.el, pe.registers, ())
    view = view_of(world, memory, own_stores(pe))
    close, without = world.tlbs.close, world.tlbs.without
    sets: list[int] = []
    for effective, before in enumerate(pe.sets):
        may = before
        for bit, op in enumerate(pe.pending):
            if effective >> bit & 1:
                may |= without(op, sets[effective ^ (1 << bit)])
        # What walks begun before the exception made before a TLBI that came
        # after it is gone with that TLBI: they are complete when it is.
        late = any(
            effective >> bit & 1 and op in pe.after_entry
            for bit, op in enumerate(pe.pending)
        )
        sets.append(close(may, view, settled if late else walking))
    return pe._replace(sets=tuple(sets))


def issued(pe: PeState, op: Maintenance) -> PeState:
    """Add a TLBI that from now on may take effect (M4)."""
    # Where it has, what is left follows when the sets are closed.
    after_entry = (*pe.after_entry, op) if pe.draining else ()
    return pe._replace(
        pending=(*pe.pending, op),
        sets=(*pe.sets, *(0 for _ in pe.sets)),
        after_entry=after_entry,
    )


def completed(pe: PeState, ops: tuple[Maintenance, ...]) -> PeState:
    """Keep only what may be held once some TLBIs have taken effect (M5)."""
    for op in ops:
        if op not in pe.pending:
            continue
        at = pe.pending.index(op)
        low = (1 << at) - 1
        sets = tuple(
            pe.sets[(rest & ~low) << 1 | 1 << at | rest & low]
            for rest in range(len(pe.sets) // 2)
        )
        pe = pe._replace(pending=(*pe.pending[:at], *pe.pending[at + 1 :]), sets=sets)
    return pe


def held(pe: PeState) -> int:
    """Return everything that the TLB of a PE may hold now."""
    found = 0
    for one in pe.sets:
        found |= one
    return found


def translations(
    world: World,
    memory: tuple[Cell, ...],
    pe: PeState,
    one: Load | Wait | Store,
    el: int,
) -> tuple[Translation, ...]:
    """List every result that translating an access at an EL may give now."""
    assert isinstance(one.address, Virtual)
    view = view_of(world, memory, own_stores(pe))
    if el == 2:
        known = registers_of.el2_contexts(pe.registers)
    else:
        bits = world.program.profile.vmid_bits
        known = registers_of.contexts(pe.registers, bits)
    va, write = one.address.va, isinstance(one, Store)
    found: dict[Translation, None] = {}
    for context in known:
        for may in pe.sets:
            results = world.tlbs.translations(may, view, context, va, write=write)
            found.update(dict.fromkeys(results))
    return tuple(found)
