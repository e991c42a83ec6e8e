"""Loads and stores as they reach memory.

Memory is multi-copy atomic: a store is performed for all PEs at once, a load
takes what memory holds or what an earlier store of its own PE will put there.
Loads run early; where that would break coherence, the execution is not one.
Nothing is lost by that: what is read then can be read in the right order.
"""

from __future__ import annotations

from collections.abc import Iterator

from reference_model.exploration.filling import held, refilled, translations
from reference_model.exploration.matching import Maintenance
from reference_model.exploration.ordering import Code
from reference_model.exploration.program import (
    Load,
    Physical,
    Store,
    Virtual,
    Wait,
)
from reference_model.exploration.state import (
    Access,
    Cell,
    PeState,
    State,
    Status,
    put,
    writer,
)
from reference_model.exploration.world import World

__all__ = ["in_flight", "moved_to", "overtaken", "performed", "seen_locally"]

_PAGE_OFFSET = 0xFFF


def moved_to(pe: PeState, place: int, access: Access) -> PeState:
    """Return the PE with one instruction's progress replaced."""
    progress = (*pe.progress[:place], access, *pe.progress[place + 1 :])
    if access.status == Status.DONE:
        bit = 1 << place
        pe = pe._replace(done=pe.done | bit, known=pe.known | bit)
    return pe._replace(progress=progress)


def performed(
    world: World, state: State, number: int, code: Code, place: int, pa: int
) -> Iterator[tuple[str, State]]:
    """List the ways in which an access whose address is known may perform."""
    pe = state.pes[number]
    needs = code.constraints[place]
    if needs.perform & ~pe.done or needs.clear & ~pe.known:
        return
    if isinstance(code.instructions[place], Store):
        yield from _store(world, state, number, code, place, pa)
    else:
        yield from _load(world, state, number, code, place, pa)


# ------------------------------------------------------------------- addresses


def _address(code: Code, pe: PeState, place: int) -> int:
    """Return the physical address of an access, -1 while it is not known."""
    one = code.instructions[place]
    assert isinstance(one, Load | Wait | Store)
    if isinstance(one.address, Physical):
        return one.address.pa
    return pe.progress[place].pa


def _before(code: Code, pe: PeState, place: int, pa: int) -> Iterator[int]:
    """List the earlier accesses to ``pa`` that are not performed, last first."""
    waiting = code.explicit & ~pe.done
    for other in range(place - 1, -1, -1):
        if waiting >> other & 1 and _address(code, pe, other) == pa:
            yield other


def _later_reads(code: Code, pe: PeState, place: int, pa: int) -> Iterator[Access]:
    """List what later loads of ``pa`` have read already."""
    for other in range(place + 1, len(code.instructions)):
        if not (code.explicit & pe.done) >> other & 1:
            continue
        if isinstance(code.instructions[other], Store):
            continue
        if _address(code, pe, other) == pa:
            yield pe.progress[other]


def _own_later(number: int, place: int, store: int) -> bool:
    """Tell whether a store is of the same PE, later than ``place``."""
    return store >= 0 and store >> 16 == number and store & 0xFFFF > place


def overtaken(pe: PeState, code: Code, place: int, number: int) -> bool:
    """Tell whether a later load has read past a store whose address came late."""
    pa = pe.progress[place].pa
    return any(
        not _own_later(number, place, read.writer)
        and read.writer != writer(number, place)
        for read in _later_reads(code, pe, place, pa)
    )


# ---------------------------------------------------------------- loads, stores


def _value(code: Code, pe: PeState, place: int) -> int | None:
    """Return what a store will write, None while that is not known."""
    one = code.instructions[place]
    assert isinstance(one, Store)
    if isinstance(one.value, int):
        return one.value
    source = code.sources[place]
    if source < 0:
        return 0
    return pe.progress[source].value if pe.done >> source & 1 else None


def _load(
    world: World, state: State, number: int, code: Code, place: int, pa: int
) -> Iterator[tuple[str, State]]:
    pe = state.pes[number]
    one = code.instructions[place]
    assert isinstance(one, Load | Wait)
    value, store, how = 0, -1, "reads"
    cell = world.place_of.get(pa)
    if cell is None:
        value = world.fixed.get(pa, 0)
    else:
        value, store = state.memory[cell]
        for other in _before(code, pe, place, pa):
            if isinstance(code.instructions[other], Store):
                own = _value(code, pe, other)
                if own is None:
                    return
                value, store, how = own, writer(number, other), "is forwarded"
                break
    if isinstance(one, Wait) and value != one.value:
        return
    for read in _later_reads(code, pe, place, pa):
        if read.writer != store and not _own_later(number, place, read.writer):
            return  # what the later load read would be older: not coherent
    entry = pe.progress[place].entry
    access = Access(Status.DONE, pa, entry, value, store)
    pe = _tidied(code, moved_to(pe, place, access))
    yield f"{how} {value:#x}", put(state, number, pe)


def _store(
    world: World, state: State, number: int, code: Code, place: int, pa: int
) -> Iterator[tuple[str, State]]:
    pe = state.pes[number]
    if any(True for _ in _before(code, pe, place, pa)):
        return  # coherence: in program order
    value = _value(code, pe, place)
    assert value is not None
    entry = pe.progress[place].entry
    access = Access(Status.DONE, pa, entry, value, writer(number, place))
    pe = _tidied(code, moved_to(pe, place, access))
    at = world.place_of[pa]
    cell = Cell(value, writer(number, place))
    memory = (*state.memory[:at], cell, *state.memory[at + 1 :])
    state = put(state, number, pe)._replace(memory=memory)
    if pa in world.walked_set:
        pes = tuple(
            refilled(world, other, memory, each) for other, each in enumerate(state.pes)
        )
        state = state._replace(pes=pes)
    yield f"writes {value:#x}", state


def _tidied(code: Code, pe: PeState) -> PeState:
    """Forget what no later step asks about accesses that are performed.

    Who wrote what a load read, where it lies, and the entry used matter only
    while an earlier access is not performed.
    """
    progress = list(pe.progress)
    waiting = code.explicit & ~pe.done
    first = (waiting & -waiting).bit_length() - 1 if waiting else len(progress)
    for place in range(first):
        one = progress[place]
        if one.pa >= 0 or one.writer >= 0 or one.entry >= 0:
            progress[place] = one._replace(pa=-1, entry=-1, writer=-1)
    return pe._replace(progress=tuple(progress))


# ---------------------------------------------------------------------- DSBs


def seen_locally(pe: PeState, code: Code, place: int) -> PeState:
    """Let a PE's walks see its stores before a DSB of the non-shareable domain."""
    progress = list(pe.progress)
    own = pe.own
    for other in range(place):
        one = code.instructions[other]
        if pe.done >> other & 1 or not isinstance(one, Store):
            continue
        value = _value(code, pe, other)
        assert value is not None
        pa = _address(code, pe, other)
        progress[other] = progress[other]._replace(pa=pa, value=value)
        own |= 1 << other
    return pe._replace(progress=tuple(progress), own=own)


def in_flight(
    world: World,
    memory: tuple[Cell, ...],
    pe: PeState,
    number: int,
    ops: tuple[Maintenance, ...],
) -> bool:
    """Tell whether accesses keep some TLBIs from being complete on another PE.

    R_STPSQ: what was translated by an entry that they removed is finished, or
    has faulted.  So is, after a translation that can no longer be found, that
    of an earlier access to the same offset in a page, which may turn out to be
    of the same location.
    """
    may = held(pe)
    code = world.code(number, pe.faults)
    for place, access in enumerate(pe.progress):
        if access.entry < 0 or may >> access.entry & 1:
            continue
        if all(world.tlbs.without(op, 1 << access.entry) for op in ops):
            continue
        if access.fault is not None:
            if not code.constraints[place].fault & ~pe.done:
                continue  # observed
            one = code.instructions[place]
            assert isinstance(one, Load | Wait | Store)
            el = 2 if world.tlbs.entry(access.entry).el2 else 1
            now = translations(world, memory, pe, one, el)
            if any(found.entry == access.entry for found in now):
                continue  # a walk could find it again
            return True
        if access.status != Status.DONE or _unknown_before(code, pe, place):
            return True
    return False


def _unknown_before(code: Code, pe: PeState, place: int) -> bool:
    one = code.instructions[place]
    assert isinstance(one, Load | Wait | Store)
    for other in range(place):
        earlier = code.instructions[other]
        if not code.virtual >> other & 1 or pe.known >> other & 1:
            continue
        assert isinstance(earlier, Load | Wait | Store)
        if (
            isinstance(earlier.address, Virtual)
            and isinstance(one.address, Virtual)
            and (earlier.address.va ^ one.address.va) & _PAGE_OFFSET == 0
        ):
            return True
    return False
