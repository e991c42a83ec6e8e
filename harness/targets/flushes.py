"""Scenarios of functions that flush TLBs and that other code calls.

An entry is taken away behind the back of the code under test, as their callers
elsewhere in the hypervisor do: stored and ordered, as ``write_pte()`` leaves it.
When the function returns, nothing of what its name says may be left.  Those
that the code under test calls itself are judged by what it calls them for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from harness.targets.operations import PAGE, PAGE_IPA
from harness.targets.physical import GUEST_PAGES, PAGE_SHIFT
from harness.targets.versions import (
    FLUSH_ALL_GUESTS,
    FLUSH_ALL_GUESTS_LOCAL,
    FLUSH_XEN_LOCAL,
    FLUSH_XEN_RANGE,
    FLUSH_XEN_RANGE_LOCAL,
)
from harness.targets.world import World
from reference_model.events import Access, Barrier, BarrierKind, Domain, Release, Store

__all__ = ["FLUSH_SCENARIOS", "FlushScenario"]

_OWN_VA = 0x4000_0000  # of the hypervisor, somewhere
_OWN_BITS = 39  # of its addresses: the tables start at level 1
_TABLE, _VALID = 1 << 1, 1 << 0
# A page of the hypervisor: read and write, not executed, inner shareable.
_OWN_PAGE = 1 << 54 | 1 << 10 | 3 << 8 | 1 << 6 | _TABLE | _VALID
_ADDRESS_MASK = 0x0000_FFFF_FFFF_F000


class FlushScenario(NamedTuple):
    """A scenario in which one function flushes TLBs."""

    name: str
    summary: str
    mappings: str
    run: Callable[[World], None]
    start: Callable[[World], None]
    needs: tuple[tuple[str, ...], ...]


def _take_away(world: World, descriptor: int) -> None:
    """Clear a descriptor, and wait for the store."""
    world.memory.poke(world.virtual(descriptor), 8, 0)
    world.emit(Store(0, descriptor, 0))
    world.emit(Barrier(0, BarrierKind.DSB, Domain.SY, Access.ALL))


# ------------------------------------------------------------ entries of guests


def _start_guests(world: World, pes: int) -> None:
    world.switch_to(0, world.domains["d2" if pes > 1 else "d1"].vcpus[0])
    if pes > 1:
        world.switch_to(1, world.domains["d1"].vcpus[1])


def _flush_guests(world: World, function: str, pes: int) -> None:
    """Let d1 run, take a page of it away and flush while d2 is loaded."""
    for pe in reversed(range(pes)):
        world.enter_guest(pe)
    world.trap(0)
    if pes == 1:
        world.switch_to(0, world.domains["d2"].vcpus[0])
        world.enter_guest(0)
        world.trap(0)
    leaf = world.tables_of("d1").leaf(world.table, PAGE_IPA)
    _take_away(world, leaf)
    world.call(0, function)
    world.expect("d1", PAGE_IPA, PAGE, None)
    world.emit(Release(0, f"{function} returned"))
    world.enter_guest(0)


# ------------------------------------------------------ the hypervisor's own


def _start_own(world: World, pes: int) -> None:
    """Give the PEs tables of the hypervisor, with one page in them."""
    root, middle, last = (world.heap.take(0) for _ in range(3))
    links = ((root, 30, middle), (middle, 21, last))
    for table, shift, below in links:
        _put(world, table, shift, below | _TABLE | _VALID)
    _put(world, last, PAGE_SHIFT, GUEST_PAGES | _OWN_PAGE)
    for pe in range(pes):
        registers = world.execution.cpu.registers
        registers[pe, "TTBR0_EL2"] = root
        registers[pe, "TCR_EL2"] = 0 if world.platform.aarch32 else 64 - _OWN_BITS
        registers[pe, "SCTLR_EL2"] = 1


def _put(world: World, table: int, shift: int, value: int) -> None:
    place = table + (_OWN_VA >> shift & 511) * 8
    world.memory.poke(world.virtual(place), 8, value)


def _own_leaf(world: World) -> int:
    place = world.execution.cpu.registers[0, "TTBR0_EL2"]
    for shift in (30, 21, PAGE_SHIFT):
        place = (place & _ADDRESS_MASK) + (_OWN_VA >> shift & 511) * 8
        if shift > PAGE_SHIFT:
            place = world.memory.peek(world.virtual(place), 8)
    return place


def _flush_own(world: World, function: str, ranged: bool) -> None:
    """Take a page of the hypervisor away and flush."""
    _take_away(world, _own_leaf(world))
    arguments = (_OWN_VA, PAGE) if ranged else ()
    world.call(0, function, *arguments)
    world.emit(Release(0, f"{function} returned"))


# ------------------------------------------------------------------- scenarios


def _pcpus(pes: int) -> str:
    return f"{pes}-pcpu{'s' if pes > 1 else ''}"


def _guest_scenarios() -> Iterator[FlushScenario]:
    for function, pes in (
        (FLUSH_ALL_GUESTS, 2),
        (FLUSH_ALL_GUESTS_LOCAL, 1),
    ):
        where = "all PEs" if pes > 1 else "this PE"
        yield FlushScenario(
            f"{function.replace('_', '-')}/{_pcpus(pes)}",
            f"a page was removed, then all guests are flushed on {where}",
            "page",
            partial(_flush_guests, function=function, pes=pes),
            partial(_start_guests, pes=pes),
            ((function,),),
        )


def _own_scenarios() -> Iterator[FlushScenario]:
    for function, ranged, pes in (
        (FLUSH_XEN_LOCAL, False, 1),
        (FLUSH_XEN_RANGE, True, 2),
        (FLUSH_XEN_RANGE_LOCAL, True, 1),
    ):
        where = "all PEs" if pes > 1 else "this PE"
        yield FlushScenario(
            f"{function.replace('_', '-')}/{_pcpus(pes)}",
            f"a page of the hypervisor was removed, then it is flushed on {where}",
            "page",
            partial(_flush_own, function=function, ranged=ranged),
            partial(_start_own, pes=pes),
            ((function,),),
        )


FLUSH_SCENARIOS = (*_guest_scenarios(), *_own_scenarios())
