"""Scenarios: a world, one or two operations, and where they are relied upon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from harness.targets.flushes import FLUSH_SCENARIOS
from harness.targets.lifetime import LIFETIMES
from harness.targets.operations import OPERATIONS, Needs, Operation
from harness.targets.set_way import SET_WAY_SCENARIOS
from harness.targets.world import World

__all__ = ["SCENARIOS", "Scenario"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done, on how many PEs, starting from which mappings."""

    name: str
    summary: str
    mappings: str  # a key of MAPPINGS
    run: Callable[[World], None]
    start: Callable[[World], None]
    needs: Needs = ()
    without: tuple[str, ...] = ()  # functions that the tree must not have


def _vcpu(world: World, domain: str, number: int, pe: int) -> None:
    world.switch_to(pe, world.domains[domain].vcpus[number])


def _start(world: World, operation: Operation, foreign: bool, pes: int) -> None:
    """Load the vCPUs that run when the scenario begins."""
    if operation.prepare is not None:
        operation.prepare(world)
    _vcpu(world, "d2" if foreign and pes > 1 else "d1", 0, 0)
    if pes > 1:
        _vcpu(world, "d1", 1, 1)


def _run(world: World, operation: Operation, foreign: bool, pes: int) -> None:
    """Let the guests run, do the operation on PE 0 in a hypercall, return."""
    for pe in reversed(range(pes)):
        world.enter_guest(pe)
    if foreign and pes == 1:
        # Domain d1 has run here before d2 makes the hypercall.
        world.trap(0)
        _vcpu(world, "d2", 0, 0)
        world.enter_guest(0)
    world.trap(0)
    operation.change(world)
    world.enter_guest(0)


def _operation_scenarios() -> list[Scenario]:
    scenarios = []
    for operation in OPERATIONS:
        for foreign in (False, True):
            for pes in (1, 2):
                caller = "another domain" if foreign else "the domain itself"
                elsewhere = ", which runs on PE 1" if pes > 1 else ""
                summary = f"{operation.summary}, by {caller}{elsewhere}"
                scenarios.append(
                    Scenario(
                        f"{operation.name}/{'foreign' if foreign else 'own'}-vttbr/"
                        f"{pes}-pcpu{'s' if pes > 1 else ''}",
                        summary,
                        operation.mappings,
                        partial(_run, operation=operation, foreign=foreign, pes=pes),
                        partial(_start, operation=operation, foreign=foreign, pes=pes),
                        operation.needs,
                        operation.without,
                    )
                )
    return scenarios


# ------------------------------------------------------------- vCPU switches


def _switch_scenario(
    name: str, summary: str, steps: tuple[tuple[str, int], ...]
) -> Scenario:
    (domain, number), *rest = steps

    def start(world: World) -> None:
        _vcpu(world, domain, number, 0)

    def run(world: World) -> None:
        world.enter_guest(0)
        for next_domain, next_number in rest:
            world.trap(0)
            _vcpu(world, next_domain, next_number, 0)
            world.enter_guest(0)

    return Scenario(name, summary, "page", run, start)


_SWITCHES = (
    (
        "vcpu-switch-same-domain",
        "a PE goes from one vCPU of a domain to the other",
        (("d1", 0), ("d1", 1)),
    ),
    (
        "vcpu-switch-other-domain",
        "a PE goes from a vCPU of one domain to one of another",
        (("d1", 0), ("d2", 0)),
    ),
    (
        "vcpu-switch-back",
        "a PE goes to the other vCPU of a domain and back",
        (("d1", 0), ("d1", 1), ("d1", 0)),
    ),
    (
        "vcpu-switch-back-over-other-domain",
        "a PE goes to another domain, then to the first domain's other vCPU",
        (("d1", 0), ("d2", 0), ("d1", 1)),
    ),
)

SCENARIOS: tuple[Scenario, ...] = (
    *_operation_scenarios(),
    *(_switch_scenario(*switch) for switch in _SWITCHES),
    *(Scenario(*lifetime) for lifetime in LIFETIMES),
    *(Scenario(*set_way) for set_way in SET_WAY_SCENARIOS),
    *(Scenario(*flush) for flush in FLUSH_SCENARIOS),
)
