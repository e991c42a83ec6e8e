"""Scenarios of a domain's life: it is created, and it is destroyed.

A domain dies as ``domain_relinquish_resources()`` and ``arch_domain_destroy()``
do it: its mappings are taken away, its root is cleared, its table pages and at
last its root are given back, and its VMID is free for the next domain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from harness.errors import TreeError
from harness.targets.versions import (
    CLEAR_ROOT,
    FINAL_TEARDOWN,
    RELINQUISH,
    TEARDOWN,
    TEARDOWN_POOL,
)
from harness.targets.world import World
from reference_model.events import Eret, Release

__all__ = ["LIFETIMES", "Lifetime"]

NEW_DOMAIN_IPA = 0x4020_3000
NEW_DOMAIN_PAGE = 0x4130_0000


class Lifetime(NamedTuple):
    """A scenario in which the domains change."""

    name: str
    summary: str
    mappings: str
    run: Callable[[World], None]
    start: Callable[[World], None]
    needs: tuple[tuple[str, ...], ...] = ()


def _vcpu(world: World, domain: str, number: int, pe: int) -> None:
    world.switch_to(pe, world.domains[domain].vcpus[number])


# ------------------------------------------------------------- a new domain


def _start_before_creation(world: World) -> None:
    """Leave PE 1 in a guest of an earlier owner of domain d3's VMID.

    It could be a domain of before, or a guest of a hypervisor that ran before
    this one: who creates a domain cannot know what TLBs hold for its VMID.
    """
    _vcpu(world, "d1", 0, 0)
    _vcpu(world, "d2", 0, 1)
    before = world.save()
    world.create_domain(0, 3)
    vmid = world.vttbr_of("d3") >> 48
    world.restore(before)
    root = world.copy_root("d2")
    world.execution.cpu.registers[1, "VTTBR_EL2"] = vmid << 48 | root


def _create_domain(world: World) -> None:
    """Create domain d3 on PE 0 and let it run on PE 1."""
    world.emit(Eret(1))  # not a guest of this world: no vCPU is entered
    world.enter_guest(0)
    world.trap(1)
    _vcpu(world, "d2", 1, 1)
    world.enter_guest(1)
    world.trap(0)
    _create_and_run(world)


def _create_and_run(world: World) -> None:
    world.create_domain(0, 3)
    world.set_entry(0, "d3", NEW_DOMAIN_IPA, 1, NEW_DOMAIN_PAGE)
    world.enter_guest(0)
    if world.running.get(1) is not None:
        world.trap(1)
    _vcpu(world, "d3", 0, 1)
    world.enter_guest(1)


# ---------------------------------------------------------- a domain that dies


def _start_before_destruction(world: World) -> None:
    _vcpu(world, "d2", 0, 0)
    _vcpu(world, "d1", 1, 1)


def _destroy_domain(world: World) -> None:
    """Destroy domain d1 from d2, after it ran on PE 1."""
    world.enter_guest(1)
    world.enter_guest(0)
    world.trap(1)
    world.switch_to_idle(1)  # the domain is paused and will not run again
    world.trap(0)
    _relinquish(world, 0, "d1")
    _free(world, 0, "d1")
    world.enter_guest(0)


def _destroy_and_create(world: World) -> None:
    """Give the VMID of a destroyed domain to the next one."""
    vmid = world.vttbr_of("d1") >> 48
    _destroy_domain(world)
    world.trap(0)
    _create_and_run(world)
    if world.vttbr_of("d3") >> 48 != vmid:
        raise TreeError("the VMID of a destroyed domain is not used again")


def _relinquish(world: World, pe: int, name: str) -> None:
    """Take all mappings away, as long as the domain still exists."""
    domain = world.domains[name]
    names = world.names
    if names.domain_dying is None:
        raise TreeError("no member 'is_dying' in struct domain")
    world.memory.poke(domain.address + names.domain_dying, 4, names.dying)
    _without_preemption(world, pe, RELINQUISH, domain.address)
    world.expected[name] = []
    world.tracked[name] = []
    world.emit(Release(pe, f"the mappings of {name} are relinquished"))
    world.strayed += world.mismatches_of(name)


def _free(world: World, pe: int, name: str) -> None:
    """Give all pages back, and the VMID."""
    domain = world.domains[name]
    if CLEAR_ROOT in world.execution.unit.functions:
        world.call(pe, CLEAR_ROOT, domain.p2m)
    _without_preemption(world, pe, TEARDOWN, domain.address)
    if TEARDOWN_POOL in world.execution.unit.functions:
        _without_preemption(world, pe, TEARDOWN_POOL, domain.address)
    world.call(pe, FINAL_TEARDOWN, domain.address)
    world.forget_domain(name)
    world.emit(Release(pe, f"{name} is destroyed"))


def _without_preemption(world: World, pe: int, function: str, domain: int) -> None:
    """Call a function whose further arguments, if any, are off."""
    status = world.call_as_declared(pe, function, domain)
    if status:
        raise TreeError(f"{function}() fails in the harness: {status}")


_DESTRUCTION = ((RELINQUISH,), (TEARDOWN,), (FINAL_TEARDOWN,))

LIFETIMES = (
    Lifetime(
        "create-domain",
        "a domain is created with a VMID for which a TLB may hold entries",
        "page",
        _create_domain,
        _start_before_creation,
    ),
    Lifetime(
        "destroy-domain",
        "a domain that ran on another PE is destroyed",
        "page",
        _destroy_domain,
        _start_before_destruction,
        _DESTRUCTION,
    ),
    Lifetime(
        "destroy-domain-foreign",
        "a domain with pages of another domain is destroyed",
        "foreign",
        _destroy_domain,
        _start_before_destruction,
        _DESTRUCTION,
    ),
    Lifetime(
        "destroy-domain-create-domain",
        "a domain is destroyed, the next one has its VMID and runs where it ran",
        "page",
        _destroy_and_create,
        _start_before_destruction,
        _DESTRUCTION,
    ),
)
