"""Changes of a domain's p2m, and the mappings that they start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.errors import TreeError, Unsupported
from harness.targets.physical import GUEST_BLOCK_1G, GUEST_BLOCK_2M, GUEST_PAGES
from harness.targets.physmap import ADD_ENTRY, REMOVE_PAGE, SET_MEM_ACCESS
from harness.targets.stage2 import Mapping
from harness.targets.versions import (
    INVALIDATE_ROOT,
    RESOLVE_FAULT,
    SET_ALLOCATION,
    SET_ENTRY,
)
from harness.targets.world import World

__all__ = ["MAPPINGS", "OPERATIONS", "Needs", "Operation", "prepare_mappings"]

_PHYSMAP = "physmap-"

# Functions that a tree must have: of each group, one.
Needs = tuple[tuple[str, ...], ...]

# Guest physical addresses of domain d1 that scenarios use.
PAGE_IPA = 0x4020_3000
BLOCK_IPA = 0x4040_0000
INSIDE_BLOCK_IPA = BLOCK_IPA + 0x5_5000
TABLE_IPA = 0x4060_0000
TABLE_END = TABLE_IPA + 0x20_0000
FREE_IPA = 0x4080_5000
FOREIGN_IPA = 0x40A0_0000
GIANT_IPA = 0x8000_0000
HIGH_IPA = 0x80_0020_3000  # in the second of two concatenated root pages
_PA_40_BITS = 2  # ID_AA64MMFR0_EL1.PARange

OTHER_PAGE = GUEST_PAGES + 0x10_0000
OTHER_BLOCK = GUEST_BLOCK_2M + 0x40_0000
PAGE = 0x1000
BLOCK_PAGES = 512
GIANT_PAGES = 512 * 512


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of domain d1's p2m, done on PE 0."""

    name: str
    summary: str
    mappings: str
    change: Callable[[World], object]
    prepare: Callable[[World], None] | None = None
    needs: Needs = ((SET_ENTRY,),)
    without: tuple[str, ...] = ()  # functions that the tree must not have


# ------------------------------------------------------------------- mappings


def _map(
    world: World, domain: str, ipa: int, pages: int, pa: int, kind: str = "p2m_ram_rw"
) -> None:
    status = world.set_entry(0, domain, ipa, pages, pa, kind)
    if status:
        raise TreeError(f"{world.changed_by}() fails in the harness: {status}")


def _map_page(world: World) -> None:
    # With a neighbour, which nothing may happen to.
    _map(world, "d1", PAGE_IPA, 1, GUEST_PAGES)
    _map(world, "d1", PAGE_IPA + PAGE, 1, GUEST_PAGES + 2 * PAGE)


def _map_high_page(world: World) -> None:
    # Below 40 bits there is no such address, and no second root page either.
    features = world.execution.cpu.features
    pa_range = (features.register(0, "ID_AA64MMFR0_EL1") or 0) & 0xF
    high = world.platform.aarch32 or pa_range >= _PA_40_BITS
    _map(world, "d1", HIGH_IPA if high else PAGE_IPA, 1, GUEST_PAGES)


def _map_block(world: World) -> None:
    _map(world, "d1", BLOCK_IPA, BLOCK_PAGES, GUEST_BLOCK_2M)


def _map_table(world: World) -> None:
    # Not aligned to 2 MiB in memory, so no block can be used.
    _map(world, "d1", TABLE_IPA, BLOCK_PAGES, GUEST_BLOCK_2M + PAGE)


def _map_table_and_block(world: World) -> None:
    _map_table(world)
    _map(world, "d1", TABLE_END, BLOCK_PAGES, OTHER_BLOCK)


def _map_giant(world: World) -> None:
    _map(world, "d1", GIANT_IPA, GIANT_PAGES, GUEST_BLOCK_1G)


def _map_foreign(world: World) -> None:
    kind = "p2m_map_foreign_rw"
    _map(world, "d1", PAGE_IPA, 1, OTHER_PAGE, kind)
    _map(world, "d1", FOREIGN_IPA, BLOCK_PAGES, OTHER_BLOCK, kind)


def _map_with_mem_access(world: World) -> None:
    world.set_mem_access("d1", True)
    _map_page(world)


MAPPINGS: dict[str, Callable[[World], None]] = {
    "page": _map_page,
    "high-page": _map_high_page,
    "page-mem-access": _map_with_mem_access,
    "block-2m": _map_block,
    "table": _map_table,
    "table-and-block": _map_table_and_block,
    "block-1g": _map_giant,
    "foreign": _map_foreign,
}


def prepare_mappings(world: World, which: str) -> None:
    """Make the guests' mappings: those of ``which``, and a page of domain d2."""
    world.by_physmap = which.startswith(_PHYSMAP)
    _map(world, "d2", PAGE_IPA, 1, OTHER_PAGE + 8 * PAGE)
    MAPPINGS[which.removeprefix(_PHYSMAP)](world)


# ----------------------------------------------------------------- operations

_FEW_EVENTS = 100


def _refuse_page_by_page(world: World) -> None:
    """Say so where a block is removed page by page: 1G would take too long.

    Until 3fafdc28eb ("Fix incorrect mapping of superpages", 2017) INVALID_MFN
    counted as to the alignment of a removal, so that superpages were split.
    """
    before = world.save()
    recorder = world.execution.recorder
    _map_block(world)
    recorder.forget()
    world.set_entry(0, "d1", BLOCK_IPA, BLOCK_PAGES, None)
    events = len(recorder.events)
    recorder.forget()
    function = world.execution.unit.functions[world.changed_by]
    world.restore(before)
    if events > _FEW_EVENTS:
        what = f"unmapping 1G by '{function.name}', which goes page by page"
        raise Unsupported(function.coord, what)


TRACKING: Needs = ((SET_ENTRY,), INVALIDATE_ROOT, (RESOLVE_FAULT,))


def _touch_after_invalidate(world: World) -> None:
    world.invalidate_root(0, "d1")
    world.touch(0, "d1", PAGE_IPA)
    world.expect("d1", PAGE_IPA, PAGE, Mapping(PAGE_IPA, PAGE, GUEST_PAGES, "rwx"))


def _unmap_after_invalidate(world: World) -> None:
    world.invalidate_root(0, "d1")
    # The neighbour keeps the table in use; the page itself is not touched.
    world.touch(0, "d1", PAGE_IPA + PAGE)
    neighbour = Mapping(PAGE_IPA + PAGE, PAGE, GUEST_PAGES + 2 * PAGE, "rwx")
    world.expect("d1", PAGE_IPA + PAGE, PAGE, neighbour)
    world.set_entry(0, "d1", PAGE_IPA, 1, None)
    world.touch(0, "d1", PAGE_IPA)


_OPERATIONS = (
    Operation(
        "unmap-4k",
        "a page mapped by a 4K entry is unmapped",
        "page",
        lambda w: w.set_entry(0, "d1", PAGE_IPA, 1, None),
    ),
    Operation(
        "unmap-4k-then-hole",
        "a page and the hole behind it are unmapped in one call",
        "page",
        lambda w: w.set_entry(0, "d1", PAGE_IPA + PAGE, 2, None),
    ),
    Operation(
        "unmap-hole-then-4k",
        "a page and the hole before it are unmapped in one call",
        "page",
        lambda w: w.set_entry(0, "d1", PAGE_IPA - PAGE, 2, None),
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
        _refuse_page_by_page,
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
    Operation(
        "unmap-foreign-4k",
        "a page of another domain is unmapped and its reference dropped",
        "foreign",
        lambda w: w.set_entry(0, "d1", PAGE_IPA, 1, None),
    ),
    Operation(
        "unmap-foreign-2m",
        "a 2M block of another domain is unmapped and its references dropped",
        "foreign",
        lambda w: w.set_entry(0, "d1", FOREIGN_IPA, BLOCK_PAGES, None),
    ),
    Operation(
        "split-out-of-memory",
        "a page in a 1G block is unmapped, with table pages for half of the split",
        "block-1g",
        lambda w: w.set_entry(0, "d1", GIANT_IPA + 5 * PAGE, 1, None, may_fail=True),
        lambda w: w.limit_pool("d1", 1),
    ),
    Operation(
        "replace-out-of-memory",
        "mapped pages are replaced up to where a table page is missing",
        "table",
        lambda w: w.set_entry(
            0, "d1", TABLE_END - 2 * PAGE, 4, OTHER_PAGE, may_fail=True
        ),
        lambda w: w.limit_pool("d1", 0),
    ),
    Operation(
        "invalidate-root",
        "all valid bits in the root are cleared, to track what the guest touches",
        "page",
        lambda w: w.invalidate_root(0, "d1"),
        needs=TRACKING,
    ),
    Operation(
        "invalidate-root-second-page",
        "valid bits are cleared also in the second of two concatenated root pages",
        "high-page",
        lambda w: w.invalidate_root(0, "d1"),
        needs=TRACKING,
    ),
    Operation(
        "touch-after-invalidate",
        "the guest touches a page after the valid bits were cleared",
        "page",
        _touch_after_invalidate,
        needs=TRACKING,
    ),
    Operation(
        "unmap-after-invalidate",
        "a page is unmapped while its table's valid bit is clear, then touched",
        "page",
        _unmap_after_invalidate,
        needs=TRACKING,
    ),
)

# With a listener, only a change of permissions may go without a break.
_REPLACE_MONITORED = Operation(
    "replace-4k-mem-access",
    "a page is replaced by another page while mem_access is on",
    "page-mem-access",
    lambda w: w.set_entry(0, "d1", PAGE_IPA, 1, OTHER_PAGE),
)

_RESTRICT_IN_BLOCK = Operation(
    "restrict-2m-mem-access",
    "a page inside a 2M block becomes read-only by mem_access",
    "block-2m",
    lambda w: w.set_entry(
        0,
        "d1",
        INSIDE_BLOCK_IPA,
        1,
        GUEST_BLOCK_2M + INSIDE_BLOCK_IPA - BLOCK_IPA,
        access="p2m_access_rx",
    ),
)


_UNMAP_OUT_OF_MEMORY = Operation(
    "unmap-out-of-memory",
    "a page and one inside the 2M block behind it are unmapped; no page for the split",
    "table-and-block",
    lambda w: w.set_entry(0, "d1", TABLE_END - PAGE, 2, None, may_fail=True),
    lambda w: w.limit_pool("d1", 0),
)


def _by_physmap(operation: Operation) -> Operation:
    """Return the operation as a hypercall does it in versions up to 4.16."""
    needs: Needs = ((ADD_ENTRY,), (REMOVE_PAGE,))
    if operation.name.endswith("-mem-access"):
        needs += ((SET_MEM_ACCESS,),)
    return replace(
        operation,
        name=_PHYSMAP + operation.name,
        summary=f"{operation.summary}, through guest_physmap_*",
        mappings=_PHYSMAP + operation.mappings.removesuffix("-mem-access"),
        needs=needs,
        without=(SET_ALLOCATION,),
    )


OPERATIONS = (
    *_OPERATIONS,
    _REPLACE_MONITORED,
    *(
        _by_physmap(operation)
        for operation in (*_OPERATIONS, _RESTRICT_IN_BLOCK, _UNMAP_OUT_OF_MEMORY)
        if operation.needs is not TRACKING
    ),
)
