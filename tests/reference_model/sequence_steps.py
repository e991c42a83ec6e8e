"""The world of the sequences that are right, and what they are made of.

The world is that of ``shorthand``, with VM 2 below ``OTHER_ROOT``.  PE 1 runs
a vCPU of VM 1 all the time; PE 0 has run one, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from shorthand import (
    HCR,
    IPA,
    MEMORY,
    OTHER_OUT,
    OTHER_ROOT,
    OUT,
    RELEASE,
    TABLE_AT,
    VTCR,
    block,
    dsb,
    page,
    table,
    tlbi,
    vttbr,
)
from weakenings import Step

from reference_model.events import (
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Msr,
    Tlbi,
)
from reference_model.machine import Start
from reference_model.profiles import ARCHITECTURE_PROFILES, REPEAT_TLBI, Profile

EMPTY_ROOT = 0x50_0000  # two pages without a descriptor
THIRD_ROOT, FOURTH_ROOT = 0x60_0000, 0x70_0000
SPLIT3 = 0x32_0000  # the pages of the block at BLOCK_IPA
MERGE3 = 0x33_0000  # a table with two pages, which become one block
MERGE_IPA, MERGE_OUT = IPA + 0x60_0000, OUT + 0x60_0000
MERGE_AT = TABLE_AT + 24
BLOCK_OUT = OUT + 0x20_0000
WORLD = {
    **MEMORY,
    OTHER_ROOT + 8: block(OUT + 0x4000_0000),
    THIRD_ROOT + 8: block(OUT + 0x8000_0000),
    FOURTH_ROOT + 8: block(OUT + 0xC000_0000),
    MERGE_AT: table(MERGE3),
    **{SPLIT3 + 8 * n: page(BLOCK_OUT + 4096 * n) for n in range(511)},
    SPLIT3 + 8 * 511: page(OTHER_OUT),  # what the page held when it was in use
    **{MERGE3 + 8 * n: page(MERGE_OUT + 4096 * n) for n in range(2)},
}
ALONE = 1  # HCR_EL2 without FB and BSU: a guest's TLBIs stay on its PE
# Stage 1 of vCPUs 0 to 2 of VM 1 and of the others: TTBR0_EL1, and half of that
# TTBR1_EL1.
VCPU = (0x5000, 0x6000, 0x7000)
STRANGER = 0x9000

Steps = list[Step]


def started(hcr: int = HCR) -> Start:
    """Return the world; each PE has a vCPU of VM 1 loaded."""
    return Start(
        2,
        dict(WORLD),
        tuple(
            {
                "VTTBR_EL2": vttbr(),
                "VTCR_EL2": VTCR,
                "HCR_EL2": hcr,
                "TTBR0_EL1": VCPU[pe],
                "TTBR1_EL1": VCPU[pe] // 2,
            }
            for pe in range(2)
        ),
    )


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps that are right, where they start, and what relies on them.

    ``profiles`` names the machines on which they are for certain right.
    """

    name: str
    before: tuple[Event, ...]
    steps: Callable[[Profile], Steps]
    after: tuple[Event, ...]
    profiles: tuple[str, ...]
    ipa: int = 0  # for operations by IPA
    weakened: tuple[str, ...] = ()  # machines on which a step less is tried
    start: Start = field(default_factory=started)


# P1 has level 0; level 1 and 2 machines with its erratum exist as well.
_BOTH = frozenset({REPEAT_TLBI})
PROFILES = {
    **ARCHITECTURE_PROFILES,
    "P1+P2": replace(ARCHITECTURE_PROFILES["P2-v8.4"], name="P1+P2", errata=_BOTH),
    "P1+P3": replace(ARCHITECTURE_PROFILES["P3-bbml2"], name="P1+P3", errata=_BOTH),
}
EVERY = tuple(PROFILES)
LEVEL1 = tuple(name for name, p in PROFILES.items() if p.bbm >= 1)
LEVEL2 = tuple(name for name, p in PROFILES.items() if p.bbm >= 2)
# Of each kind one: P5 is P2 with another cost.
DISTINCT = ("P0-v8.0", "P1-repeat", "P2-v8.4", "P3-bbml2", "P4-at-spec")
FEW = ("P0-v8.0", "P1-repeat", "P2-v8.4")
RANGES = tuple(name for name, p in PROFILES.items() if p.tlb_range)


# ------------------------------------------------------------------ fragments


def again(profile: Profile, mark: str = "") -> Steps:
    """Return what the REPEAT_TLBI erratum asks for."""
    if REPEAT_TLBI not in profile.errata:
        return []
    return [
        Step("again" + mark, tlbi("VALE2IS")),
        Step("finish" + mark, dsb("ish")),
    ]


def full(profile: Profile, mark: str = "") -> Steps:
    """Return FLUSH: everything of the VMID."""
    return [
        Step("order" + mark, dsb("ishst")),
        Step("vmid" + mark, tlbi("VMALLS12E1IS")),
        Step("complete" + mark, dsb("ish")),
        *again(profile, mark),
    ]


def by_ipa(
    profile: Profile, *operations: Tlbi, order: bool = True, mark: str = ""
) -> Steps:
    """Return the flush of some IPAs."""
    names = ["ipa" + (str(n) if n else "") for n in range(len(operations))]
    return [
        *([Step("order" + mark, dsb("ishst"))] if order else []),
        *(Step(n + mark, op) for n, op in zip(names, operations, strict=True)),
        Step("between" + mark, dsb("ish")),
        Step("stage1" + mark, tlbi("VMALLE1IS")),
        Step("complete" + mark, dsb("ish")),
        *again(profile, mark),
    ]


def isb(role: str = "isb", pe: int = 0) -> Step:
    """Return an ISB."""
    return Step(role, Isb(pe))


def loaded(vmid: int, root: int, vcpu: int, pe: int = 0) -> list[Event]:
    """Load a vCPU so that no mixture of registers translates (F6.2)."""
    return [
        Msr(pe, "VTTBR_EL2", vttbr(0, EMPTY_ROOT)),
        Isb(pe),
        Msr(pe, "TTBR0_EL1", vcpu),
        Msr(pe, "TTBR1_EL1", vcpu // 2),
        Isb(pe),
        Msr(pe, "VTTBR_EL2", vttbr(vmid, root)),
        Isb(pe),
    ]


def left(pe: int = 0) -> list[Event]:
    """Leave the guest, and let its walks end."""
    return [ExceptionEntry(pe), dsb("sy", pe)]


RAN: tuple[Event, ...] = (Eret(1), Eret(0), *left())
# The same, and PE 0 then runs VM 2, the registers of which stay loaded.
FOREIGN: tuple[Event, ...] = (
    *RAN,
    *loaded(2, OTHER_ROOT, STRANGER),
    Eret(0),
    *left(),
)
END: tuple[Event, ...] = (RELEASE,)


def foreign(middle: Steps) -> Steps:
    """Execute a flush under the VMID of another VM than the one loaded.

    The root that goes with it is empty: AT_SPECULATE (F6.2).
    """
    order, *rest = middle
    return [
        order,
        Step("load", Msr(0, "VTTBR_EL2", vttbr(1, EMPTY_ROOT))),
        isb("sync"),
        *rest,
        isb(),
        Step("restore", Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT))),
        isb("resync"),
    ]
