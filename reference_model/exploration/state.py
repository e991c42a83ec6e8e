"""The state between two steps: memory, and each PE with what it may hold."""

from __future__ import annotations

from typing import NamedTuple

from reference_model.exploration.contexts import Context, Registers
from reference_model.exploration.matching import Maintenance
from reference_model.exploration.program import Fault

__all__ = [
    "DONE",
    "WAITING",
    "Access",
    "Cell",
    "PeState",
    "State",
    "Status",
    "put",
    "writer",
]


class Status:
    """How far an instruction is."""

    WAITING = 0
    TRANSLATED = 1  # of an access: it will not fault
    DONE = 2  # performed, in effect, or issued
    FAULTED = 3  # the translation gave a fault, which is not yet taken


class Access(NamedTuple):
    """One instruction's progress.

    ``pa`` and ``entry`` (-1 for none) are what its address was translated to
    and by; ``value`` and ``writer`` what it read or wrote, and who wrote that.
    """

    status: int
    pa: int = -1
    entry: int = -1
    value: int = 0
    writer: int = -1
    fault: Fault | None = None


WAITING = Access(Status.WAITING)
DONE = Access(Status.DONE)


class Cell(NamedTuple):
    """A memory cell: its value and the store that wrote it (-1: none)."""

    value: int
    writer: int = -1


def writer(pe: int, place: int) -> int:
    """Return the name of a store: each runs at most once."""
    return pe << 16 | place


class PeState(NamedTuple):
    """One PE.

    ``faults`` are the places of the instructions whose faults were taken.
    ``sets`` holds what the TLB may hold, once for each subset of ``pending``,
    the TLBIs that act on this PE and are not complete on it: the set that
    results if just those of the subset have taken effect by now.  ``own``
    marks stores that the PE's own walks see although they are not yet
    performed (DSB NSH).  ``draining`` are contexts of walks begun before
    exception entry, ``after_entry`` the TLBIs for this PE issued since.  With
    the REPEAT_TLBI erratum, ``unfinished`` are broadcast TLBIs of this PE that
    no DSB has completed, ``owed`` those that are complete but for accesses in
    flight elsewhere.
    """

    faults: tuple[int, ...]
    el: int
    registers: Registers
    progress: tuple[Access, ...]
    done: int
    known: int  # accesses that are translated or performed
    pending: tuple[Maintenance, ...]
    sets: tuple[int, ...]
    own: int
    draining: tuple[Context, ...]
    after_entry: tuple[Maintenance, ...] = ()
    unfinished: tuple[Maintenance, ...] = ()
    owed: tuple[Maintenance, ...] = ()


class State(NamedTuple):
    """Everything that the future depends on."""

    memory: tuple[Cell, ...]
    pes: tuple[PeState, ...]


def put(state: State, number: int, pe: PeState) -> State:
    """Return the state with one PE replaced."""
    return state._replace(pes=(*state.pes[:number], pe, *state.pes[number + 1 :]))
