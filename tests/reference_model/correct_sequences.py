"""The sequences that are right, step by step, each in the worlds it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sequence_steps import (
    ALONE,
    BLOCK_OUT,
    DISTINCT,
    EMPTY_ROOT,
    END,
    EVERY,
    FEW,
    FOREIGN,
    FOURTH_ROOT,
    LEVEL1,
    LEVEL2,
    MERGE3,
    MERGE_AT,
    MERGE_IPA,
    MERGE_OUT,
    RAN,
    RANGES,
    SPLIT3,
    STRANGER,
    THIRD_ROOT,
    VCPU,
    Sequence,
    Steps,
    again,
    by_ipa,
    foreign,
    full,
    isb,
    left,
    loaded,
    started,
)
from shorthand import (
    ATTRIBUTES,
    BLOCK_AT,
    BLOCK_IPA,
    HCR,
    IPA,
    NT,
    OTHER_OUT,
    OTHER_ROOT,
    OUT,
    PAGE_AT,
    READ,
    ROOT,
    TABLE3,
    TABLE_AT,
    WRITE,
    block,
    dmb,
    dsb,
    page,
    store,
    table,
    tlbi,
)
from weakenings import Step

from reference_model.events import (
    Eret,
    Event,
    ExceptionEntry,
    Msr,
    Release,
    TableFree,
    Tlbi,
)
from reference_model.machine import Start
from reference_model.profiles import Profile

# ------------------------------------------------------------ R-A, R-B: removal


@dataclass(frozen=True, slots=True)
class World:
    """A descriptor that goes away, and what has to go with it."""

    name: str
    at: int
    ipas: tuple[int, ...]  # one for each old leaf
    free: int = 0  # the table that is then freed
    level: int = 3

    @property
    def after(self) -> tuple[Event, ...]:
        """Return what relies on the removal."""
        return (TableFree(0, self.free), *END) if self.free else END


WORLDS = (
    World("4K", PAGE_AT, (IPA,)),
    World("2M", BLOCK_AT, (BLOCK_IPA,), level=2),
    World("table", TABLE_AT, (IPA, IPA + 0x1000), free=TABLE3),
)


def gone(world: World) -> Step:
    """Return the store that removes."""
    return Step("store", store(world.at))


def _ipas(world: World, hint: bool = False) -> list[Tlbi]:
    bits = (0b0100 | world.level) << 44 if hint else 0
    return [Tlbi(0, "IPAS2E1IS", ipa >> 12 | bits) for ipa in world.ipas]


def ranged(ipa: int, scale: int = 0, number: int = 0) -> Tlbi:
    """Return an operation on a range of pages."""
    return Tlbi(0, "RIPAS2E1IS", 1 << 46 | scale << 44 | number << 39 | ipa >> 12)


def _removals(world: World) -> list[Sequence]:
    def known(name: str, steps: Callable[[Profile], Steps], *on: str) -> Sequence:
        start = FOREIGN if "foreign" in name else RAN
        tried = on[:1] or (DISTINCT if world.level == 3 and not world.free else FEW)
        return Sequence(
            f"{name} {world.name}",
            start,
            steps,
            world.after,
            on or EVERY,
            world.ipas[0],
            tried,
        )

    two_pages = ranged(world.ipas[0])
    return [
        known("R-A", lambda p: [gone(world), *full(p), isb()]),
        known("R-A foreign", lambda p: [gone(world), *foreign(full(p))]),
        known("R-B", lambda p: [gone(world), *by_ipa(p, *_ipas(world)), isb()]),
        known(
            "R-B foreign",
            lambda p: [gone(world), *foreign(by_ipa(p, *_ipas(world)))],
        ),
        known(
            "R-B hint",
            lambda p: [gone(world), *by_ipa(p, *_ipas(world, hint=True)), isb()],
            *RANGES,
        ),
        known(
            "R-B range",
            lambda p: [gone(world), *by_ipa(p, two_pages), isb()],
            *RANGES,
        ),
    ]


def _replacements(world: World) -> list[Sequence]:
    """Break-before-make: R-A or R-B, then the new descriptor (R_DDMVT)."""
    value = page(OTHER_OUT) if world.level == 3 else block(OTHER_OUT)
    make = [Step("make", store(world.at, value)), Step("publish", dsb("ishst"))]
    return [
        Sequence(
            f"R-A make {world.name}",
            RAN,
            lambda p: [gone(world), *full(p), *make],
            END,
            EVERY,
            world.ipas[0],
            FEW,
        ),
        Sequence(
            f"R-B make {world.name}",
            RAN,
            lambda p: [gone(world), *by_ipa(p, *_ipas(world)), *make],
            END,
            EVERY,
            world.ipas[0],
            FEW,
        ),
    ]


# ------------------------------------------------------------- R-C: vCPU switch


def _local(pe: int = 0) -> Steps:
    return [
        Step("order", dsb("nshst", pe)),
        Step("stage1", tlbi("VMALLE1", pe=pe)),
        Step("complete", dsb("nsh", pe)),
        isb(pe=pe),
    ]


def _context(vmid: int, root: int, vcpu: int, pe: int = 0) -> Steps:
    roles = ("empty", "guard", "vcpu", "vcpu-rest", "settle", "load", "sync")
    events = loaded(vmid, root, vcpu, pe)
    return [Step(role, event) for role, event in zip(roles, events, strict=True)]


def _enter(pe: int = 0) -> Step:
    return Step("eret", Eret(pe))


def _switch(_: Profile) -> Steps:
    """Run vCPU 2 in place of vCPU 0."""
    drain = Step("drain", dsb("nsh"))
    return [drain, *_context(1, ROOT, VCPU[2]), *_local(), _enter()]


def _through(_: Profile) -> Steps:
    """Run another VM, and then the same vCPU again: nothing is flushed."""
    return [
        Step("drain", dsb("nsh")),
        *_context(2, OTHER_ROOT, STRANGER),
        _enter(),
        Step("exit", ExceptionEntry(0)),
        Step("rest", dsb("nsh")),
        *(replace(s, role=f"{s.role}'") for s in _context(1, ROOT, VCPU[0])),
        Step("back", Eret(0)),
    ]


def _migration(_: Profile) -> Steps:
    """Run vCPU 0 on PE 0, on PE 1 in place of vCPU 1, and on both again."""
    return [
        Step("fb", Msr(0, "HCR_EL2", HCR)),
        Step("first", Eret(0)),
        Step("exit", ExceptionEntry(0)),
        Step("rest", dsb("nsh")),
        Step("fb1", Msr(1, "HCR_EL2", HCR)),
        *_context(1, ROOT, VCPU[0], 1),
        *_local(1),
        _enter(1),
        Step("leave", ExceptionEntry(1)),
        Step("rest1", dsb("nsh", 1)),
        Step("back", Eret(0)),
        Step("exit'", ExceptionEntry(0)),
        Step("forth", Eret(1)),
    ]


TWO = ("P0-v8.0", "P4-at-spec")
IN_GUEST: tuple[Event, ...] = (Eret(0), ExceptionEntry(0))
SWITCHES = [
    Sequence("R-C switch", IN_GUEST, _switch, (), EVERY, weakened=TWO),
    Sequence("R-C other VM", IN_GUEST, _through, (), EVERY, weakened=TWO),
    Sequence(
        "R-C migration",
        (Eret(1), *left(1)),
        _migration,
        (),
        EVERY,
        weakened=TWO,
        start=started(ALONE),
    ),
]


# ------------------------------------------------- R-D: relaxation of permissions

READ_ONLY = page(OUT, ATTRIBUTES & ~WRITE)
RELAXED = page(OUT, ATTRIBUTES | READ | WRITE)


def _relax(_: Profile) -> Steps:
    return [
        Step("store", store(PAGE_AT, RELAXED)),
        Step("order", dsb("nshst")),
        Step("ipa", tlbi("IPAS2E1", IPA)),
        Step("between", dsb("nsh")),
        Step("stage1", tlbi("VMALLE1")),
        Step("complete", dsb("nsh")),
        isb(),
        _enter(),
    ]


def _read_only() -> Start:
    start = started()
    return replace(start, memory={**start.memory, PAGE_AT: READ_ONLY})


RELAXATION = Sequence("R-D", RAN, _relax, END, EVERY, IPA, DISTINCT, _read_only())


# ------------------------------------------- R-E, R-E', R-G: change of block size

LAST_PAGE = SPLIT3 + 8 * 511


def _fill() -> Steps:
    """Complete and publish the table that takes a block's place."""
    return [
        Step("fill", store(LAST_PAGE, page(BLOCK_OUT + 4096 * 511))),
        Step("publish", dmb("ishst")),
    ]


def _split_in_two(profile: Profile) -> Steps:
    marked = store(BLOCK_AT, block(BLOCK_OUT, ATTRIBUTES | NT))
    return [
        *_fill(),
        Step("mark", marked),
        *full(profile),
        Step("link", store(BLOCK_AT, table(SPLIT3))),
        *full(profile, "'"),
    ]


def _split(profile: Profile) -> Steps:
    link = Step("link", store(BLOCK_AT, table(SPLIT3)))
    return [*_fill(), link, *full(profile)]


def _merge_in_two(profile: Profile) -> Steps:
    marked = store(MERGE_AT, block(MERGE_OUT, ATTRIBUTES | NT))
    return [
        Step("mark", marked),
        *full(profile),
        Step("clear", store(MERGE_AT, block(MERGE_OUT))),
        *full(profile, "'"),
    ]


def _merge(profile: Profile) -> Steps:
    return [Step("replace", store(MERGE_AT, block(MERGE_OUT))), *full(profile)]


LEVELS = ("P2-v8.4", "P1+P2", "P3-bbml2")
FREED: tuple[Event, ...] = (TableFree(0, MERGE3), *END)
SIZES = [
    Sequence("R-E", RAN, _split_in_two, END, LEVEL1, BLOCK_IPA, LEVELS),
    Sequence("R-E'", RAN, _merge_in_two, FREED, LEVEL1, MERGE_IPA, LEVELS),
    Sequence("R-G split", RAN, _split, END, LEVEL2, BLOCK_IPA, LEVEL2),
    Sequence("R-G merge", RAN, _merge, FREED, LEVEL2, MERGE_IPA, LEVEL2),
]


# ---------------------------------------------------------- R-F: VMID rollover


def _rollover(profile: Profile) -> Steps:
    return [
        Step("order", dsb("ishst")),
        Step("all", tlbi("ALLE1IS")),
        Step("complete", dsb("ish")),
        *again(profile),
    ]


# VMs 1 and 2 have run on both PEs; then their VMIDs go to others.
BOTH_RAN: tuple[Event, ...] = tuple(
    event
    for pe in (0, 1)
    for event in (
        Eret(pe),
        *left(pe),
        *loaded(2, OTHER_ROOT, STRANGER, pe),
        Eret(pe),
        *left(pe),
        *loaded(0, EMPTY_ROOT, 0, pe),
    )
)
REUSED: tuple[Event, ...] = (
    *loaded(1, THIRD_ROOT, 0xA000),
    Eret(0),
    *left(),
    *loaded(2, FOURTH_ROOT, 0xB000),
    Eret(0),
    *left(),
    Release(0, "end"),
)
ROLLOVER = Sequence("R-F", BOTH_RAN, _rollover, REUSED, EVERY, weakened=FEW)

SEQUENCES: list[Sequence] = [
    *(sequence for world in WORLDS for sequence in _removals(world)),
    *(sequence for world in WORLDS[:2] for sequence in _replacements(world)),
    *SWITCHES,
    RELAXATION,
    *SIZES,
    ROLLOVER,
]
