"""Scenarios of guests that maintain caches by set and way.

Such an operation cannot be given to the guest.  It is trapped, and before the
guest runs again the hypervisor cleans what the guest can have dirtied and
clears the valid bits of the root, to see what it touches from then on:
``p2m_set_way_flush()`` or ``p2m_toggle_cache()``, then ``p2m_flush_vm()``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from harness.targets.operations import PAGE, PAGE_IPA
from harness.targets.physical import GUEST_PAGES
from harness.targets.stage2 import Mapping
from harness.targets.versions import FLUSH_VM, RESOLVE_FAULT, SET_WAY, TOGGLE_CACHE
from harness.targets.world import World
from reference_model.events import Release

__all__ = ["SET_WAY_SCENARIOS", "SetWay"]

_CACHES_WERE_ON = 1


class SetWay(NamedTuple):
    """A scenario in which a guest maintains its caches."""

    name: str
    summary: str
    mappings: str
    run: Callable[[World], None]
    start: Callable[[World], None]
    needs: tuple[tuple[str, ...], ...]


def _start(world: World, pes: int) -> None:
    for pe in range(pes):
        world.switch_to(pe, world.domains["d1"].vcpus[pe])


def _run(world: World, trapped: str, pes: int) -> None:
    """Let vCPU 0 maintain caches, then touch a page."""
    vcpu = world.domains["d1"].vcpus[0].address
    for pe in reversed(range(pes)):
        world.enter_guest(pe)
    world.trap(0)
    if trapped == TOGGLE_CACHE:
        # The trapped write to SCTLR_EL1 has turned the caches off.
        world.execution.cpu.registers[0, "SCTLR_EL1"] = 0
        world.call(0, TOGGLE_CACHE, vcpu, _CACHES_WERE_ON)
    else:
        world.call_as_declared(0, SET_WAY, vcpu)
    world.call(0, FLUSH_VM, vcpu)
    world.track("d1")
    world.emit(Release(0, f"{FLUSH_VM} of d1 returned"))
    world.enter_guest(0)
    world.trap(0)
    world.touch(0, "d1", PAGE_IPA)
    world.expect("d1", PAGE_IPA, PAGE, Mapping(PAGE_IPA, PAGE, GUEST_PAGES, "rwx"))
    world.enter_guest(0)


_TRAPS = (
    ("set-way", SET_WAY, "a guest cleans its caches by set and way"),
    ("cache-off", TOGGLE_CACHE, "a guest turns its caches off"),
)

SET_WAY_SCENARIOS = tuple(
    SetWay(
        f"{name}/{pes}-pcpu{'s' if pes > 1 else ''}",
        summary + (", while it runs on PE 1, too" if pes > 1 else ""),
        "page",
        partial(_run, trapped=trapped, pes=pes),
        partial(_start, pes=pes),
        ((trapped,), (FLUSH_VM,), (RESOLVE_FAULT,)),
    )
    for name, trapped, summary in _TRAPS
    for pes in (1, 2)
)
