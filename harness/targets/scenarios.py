"""Scenarios: a world, one or two operations, and where they are relied upon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.targets.physical import GUEST_BLOCK_1G, GUEST_BLOCK_2M, GUEST_PAGES
from harness.targets.world import World

__all__ = ["MAPPINGS", "SCENARIOS", "Operation", "Scenario", "prepare_mappings"]

# Guest physical addresses of domain d1 that scenarios use.
PAGE_IPA = 0x4020_3000
BLOCK_IPA = 0x4040_0000
INSIDE_BLOCK_IPA = BLOCK_IPA + 0x5_5000
TABLE_IPA = 0x4060_0000
FREE_IPA = 0x4080_5000
GIANT_IPA = 0x8000_0000

OTHER_PAGE = GUEST_PAGES + 0x10_0000
OTHER_BLOCK = GUEST_BLOCK_2M + 0x40_0000
BLOCK_PAGES = 512
GIANT_PAGES = 512 * 512


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done, on how many PEs, starting from which mappings."""

    name: str
    summary: str
    mappings: str  # a key of MAPPINGS
    run: Callable[[World], None]
    start: Callable[[World], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of domain d1's p2m, done on PE 0."""

    name: str
    summary: str
    mappings: str
    change: Callable[[World], None]


# ------------------------------------------------------------------- mappings


def _map_page(world: World) -> None:
    world.set_entry(0, "d1", PAGE_IPA, 1, GUEST_PAGES)


def _map_block(world: World) -> None:
    world.set_entry(0, "d1", BLOCK_IPA, BLOCK_PAGES, GUEST_BLOCK_2M)


def _map_table(world: World) -> None:
    # Pages that are not contiguous in memory, so no block can be used.
    for index in range(BLOCK_PAGES):
        pa = GUEST_BLOCK_2M + (index ^ 1) * 0x1000
        world.set_entry(0, "d1", TABLE_IPA + index * 0x1000, 1, pa)


def _map_giant(world: World) -> None:
    world.set_entry(0, "d1", GIANT_IPA, GIANT_PAGES, GUEST_BLOCK_1G)


def _map_with_mem_access(world: World) -> None:
    world.set_mem_access("d1", True)
    _map_page(world)


MAPPINGS: dict[str, Callable[[World], None]] = {
    "page": _map_page,
    "page-mem-access": _map_with_mem_access,
    "block-2m": _map_block,
    "table": _map_table,
    "block-1g": _map_giant,
}


def prepare_mappings(world: World, which: str) -> None:
    """Make the guests' mappings: those of ``which``, and a page of domain d2."""
    world.set_entry(0, "d2", PAGE_IPA, 1, OTHER_PAGE + 0x8000)
    MAPPINGS[which](world)


# ----------------------------------------------------------------- operations

OPERATIONS = (
    Operation(
        "unmap-4k",
        "a page mapped by a 4K entry is unmapped",
        "page",
        lambda w: w.set_entry(0, "d1", PAGE_IPA, 1, None),
    ),
    Operation(
        "unmap-2m",
        "a range mapped by a 2M block is unmapped as a whole",
        "block-2m",
        lambda w: w.set_entry(0, "d1", BLOCK_IPA, BLOCK_PAGES, None),
    ),
    Operation(
        "unmap-1g",
        "a range mapped by a 1G block is unmapped as a whole",
        "block-1g",
        lambda w: w.set_entry(0, "d1", GIANT_IPA, GIANT_PAGES, None),
    ),
    Operation(
        "unmap-table",
        "a 2M range mapped by 512 pages is unmapped in one call",
        "table",
        lambda w: w.set_entry(0, "d1", TABLE_IPA, BLOCK_PAGES, None),
    ),
    Operation(
        "unmap-4k-in-2m",
        "one page inside a 2M block is unmapped: the block is split",
        "block-2m",
        lambda w: w.set_entry(0, "d1", INSIDE_BLOCK_IPA, 1, None),
    ),
    Operation(
        "replace-4k",
        "a page is replaced by another page",
        "page",
        lambda w: w.set_entry(0, "d1", PAGE_IPA, 1, OTHER_PAGE),
    ),
    Operation(
        "replace-2m-by-4k",
        "one page inside a 2M block is replaced: the block is split",
        "block-2m",
        lambda w: w.set_entry(0, "d1", INSIDE_BLOCK_IPA, 1, OTHER_PAGE),
    ),
    Operation(
        "replace-4k-by-2m",
        "512 pages are replaced by one 2M block: their table is freed",
        "table",
        lambda w: w.set_entry(0, "d1", TABLE_IPA, BLOCK_PAGES, OTHER_BLOCK),
    ),
    Operation(
        "restrict-4k",
        "a page becomes read-only by its type",
        "page",
        lambda w: w.set_entry(0, "d1", PAGE_IPA, 1, GUEST_PAGES, "p2m_ram_ro"),
    ),
    Operation(
        "restrict-4k-mem-access",
        "a page becomes read-only by mem_access",
        "page-mem-access",
        lambda w: w.set_entry(
            0, "d1", PAGE_IPA, 1, GUEST_PAGES, access="p2m_access_rx"
        ),
    ),
    Operation(
        "map-new",
        "a page is mapped where nothing was",
        "page",
        lambda w: w.set_entry(0, "d1", FREE_IPA, 1, OTHER_PAGE),
    ),
)


def _vcpu(world: World, domain: str, number: int, pe: int) -> None:
    world.switch_to(pe, world.domains[domain].vcpus[number])


def _start(world: World, foreign: bool, pes: int) -> None:
    """Load the vCPUs that run when the scenario begins."""
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
                        lambda w, o=operation, f=foreign, p=pes: _run(w, o, f, p),
                        lambda w, f=foreign, p=pes: _start(w, f, p),
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
)
