"""Cases that other tools publish, with the architecture's verdict.

First the protocol probes for page-table monitors such as casemate, then the
tests of two-stage translation by Simner et al. (ESOP 2022) that stage-2 events
can express.
"""

from __future__ import annotations

import pytest
from shorthand import (
    AF,
    ATTRIBUTES,
    BLOCK_AT,
    BLOCK_IPA,
    CONTIGUOUS,
    EMPTY_IPA,
    EMPTY_TABLE_AT,
    IPA,
    ONE_RAN,
    OTHER3,
    OTHER_OUT,
    OTHER_ROOT,
    OUT,
    PAGE_AT,
    RELEASE,
    TABLE2,
    TABLE3,
    TABLE_AT,
    TWO_RUNNING,
    block,
    broken,
    dsb,
    enter,
    machine,
    page,
    properties,
    store,
    table,
    tlbi,
    vttbr,
)

from reference_model.entries import EntryKind
from reference_model.events import (
    Event,
    ExceptionEntry,
    Isb,
    Lock,
    Msr,
    PageRelease,
    TableFree,
    Tlbi,
    Unlock,
)

BROKEN, NEW = store(PAGE_AT), store(PAGE_AT, page(OTHER_OUT))
BY_ID: list[Event] = [dsb("ish"), tlbi("VMALLS12E1IS"), dsb("ish")]


def _by_ipa(ipa: int = IPA, op: str = "IPAS2E1IS") -> list[Event]:
    return [
        dsb("ish"),
        tlbi(op, ipa),
        dsb("ish"),
        tlbi("VMALLE1IS"),
        dsb("ish"),
    ]


LEFT: list[Event] = [ExceptionEntry(1), dsb("ish", pe=1), dsb("ish")]
NO_FLAG = page(OUT, ATTRIBUTES & ~AF)
# name: (events, violated properties at BBM level 0)
PROBES: dict[str, tuple[list[Event], set[str]]] = {
    "bbm by IPA": ([BROKEN, *_by_ipa(), NEW], set()),
    "bbm by VMID": ([BROKEN, *BY_ID, NEW], set()),
    "no stage-1 TLBI": ([BROKEN, *_by_ipa()[:3], NEW], {"O2"}),
    "stage 1 first": (
        [
            *[BROKEN, dsb("ish"), tlbi("VMALLE1IS"), dsb("ish")],
            *[tlbi("IPAS2E1IS", IPA), dsb("ish"), NEW],
        ],
        {"O2"},
    ),
    "no DSB before": ([BROKEN, *_by_ipa()[1:], NEW], {"O2"}),
    "no DSB after": ([BROKEN, *BY_ID[:2], NEW], {"O2"}),
    "no DSB between": (
        [BROKEN, *_by_ipa()[:2], *_by_ipa()[3:], NEW],
        {"O2"},
    ),
    "DSB ISHST before": ([BROKEN, dsb("ishst"), *BY_ID[1:], NEW], set()),
    "DSB ISHST after": ([BROKEN, *BY_ID[:2], dsb("ishst"), NEW], {"O2"}),
    "DSB SY": ([BROKEN, dsb("sy"), BY_ID[1], dsb("sy"), NEW], set()),
    "DSB NSH after": ([BROKEN, *BY_ID[:2], dsb("nsh"), NEW], {"O2"}),
    "wrong IPA": ([BROKEN, *_by_ipa(IPA + 0x3000), NEW], {"O2"}),
    "not broadcast": ([BROKEN, *_by_ipa(op="IPAS2E1"), NEW], {"O2"}),
    "table to block": ([store(TABLE2, block(OUT + 0x60_0000))], {"O2"}),
    "VALE2IS for a table": (
        [store(TABLE_AT), dsb("ish"), tlbi("VALE2IS"), dsb("ish")],
        {"O1"},
    ),
    "free of a linked table": ([TableFree(0, TABLE3)], {"O4"}),
    # where such monitors and the architecture disagree
    "output, no bbm": ([NEW], {"O2"}),
    "output without AF, no bbm": (
        [BROKEN, *BY_ID, store(PAGE_AT, NO_FLAG), store(PAGE_AT, page(OTHER_OUT))],
        set(),
    ),
    "memory type, no bbm": (
        [store(PAGE_AT, page(OUT, ATTRIBUTES & ~(1 << 3)))],
        {"O2"},
    ),
    "shareability, no bbm": (
        [store(PAGE_AT, page(OUT, ATTRIBUTES | 3 << 8))],
        {"O2"},
    ),
    "contiguous, no bbm": (
        [store(PAGE_AT, page(OUT, ATTRIBUTES | CONTIGUOUS))],
        {"O2"},
    ),
    "no TLBI at all": ([BROKEN, dsb("ish")], {"O1"}),
    "TLBI of another VMID": (
        [Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT)), Isb(0), BROKEN, *BY_ID],
        {"O1"},
    ),
    "VTTBR_EL2 not synchronised": (
        [
            *[Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT)), Isb(0)],
            *[Msr(0, "VTTBR_EL2", vttbr()), BROKEN, *BY_ID],
        ],
        {"O1"},
    ),
    "TLBI by another PE": (
        [
            *LEFT,
            *[Lock(0, "p2m"), BROKEN, Unlock(0, "p2m"), Lock(1, "p2m")],
            *[dsb("ish", pe=1), tlbi("VMALLS12E1IS", pe=1), dsb("ish", pe=1)],
        ],
        set(),
    ),
    "VMID recycled": (
        [
            *[*LEFT, store(OTHER_ROOT + 8, block(OTHER_OUT)), dsb("ish")],
            *[tlbi("ALLE1IS"), dsb("ish"), *enter(root=OTHER_ROOT)],
        ],
        set(),
    ),
    "new VMID for a root": (
        [*LEFT, tlbi("ALLE1IS"), dsb("ish"), *enter(vmid=3)],
        set(),
    ),
    "empty table unlinked": (
        [
            *[store(EMPTY_TABLE_AT), *_by_ipa(EMPTY_IPA), TableFree(0, OTHER3)],
            store(EMPTY_TABLE_AT, block(OTHER_OUT)),
        ],
        set(),
    ),
}


@pytest.mark.parametrize("name", PROBES)
def test_probe(name: str) -> None:
    events, expected = PROBES[name]
    found = {p for p, _, _ in broken([*events, dsb("ish"), RELEASE])}
    assert (found & {"O2"} if "O2" in expected else found) == expected


def test_contiguous_bit_from_bbm_level_1_on() -> None:
    events = [store(PAGE_AT, page(OUT, ATTRIBUTES | CONTIGUOUS)), dsb("ish")]
    assert broken(events, "P2-v8.4") == set()


@pytest.mark.parametrize(("level", "found"), [(1, {"O1"}), (2, {"O1"}), (3, set())])
def test_wrong_level_hint(level: int, found: set[str]) -> None:
    by_ipa = _by_ipa()
    by_ipa[1] = Tlbi(0, "IPAS2E1IS", (0b0100 | level) << 44 | IPA >> 12)
    assert properties([BROKEN, *by_ipa, RELEASE], "P2-v8.4") == found
    assert properties([BROKEN, *by_ipa, RELEASE]) == set()  # no FEAT_TTL


def test_unmapped_page_is_released() -> None:
    events = [BROKEN, dsb("ish"), PageRelease(0, OUT)]
    found = broken(events, alloc_flushes_tlb=False)
    assert {name for name, _, _ in found} == {"O1"}
    assert broken([BROKEN, *BY_ID, events[2]], alloc_flushes_tlb=False) == set()
    elsewhere = [BROKEN, dsb("ish"), PageRelease(0, OUT + 0x1000)]
    assert broken(elsewhere, alloc_flushes_tlb=False) == set()


# -------------------------------------------------- tests of two-stage walks


def _stale_on(pe: int, events: list[Event], before: list[Event]) -> bool:
    ran = machine()
    ran.run([*before, *events])
    kinds = (EntryKind.S2, EntryKind.S12, EntryKind.S12W)
    return any(ran.may_hold(pe, kind, 1, IPA) for kind in kinds)


COW = [BROKEN, dsb("sy"), tlbi("IPAS2E1", IPA), dsb("sy"), tlbi("VMALLE1"), dsb("sy")]
RT = [
    *[BROKEN, dsb("sy"), tlbi("IPAS2E1IS", IPA), dsb("sy")],
    *[tlbi("VMALLE1IS"), dsb("sy")],
]


def test_cowinvt2_dsb_tlbiipa_dsb_tlbivmall_dsb_eret() -> None:
    assert not _stale_on(0, COW, ONE_RAN)
    assert _stale_on(0, COW[:4], ONE_RAN)
    assert _stale_on(0, [*COW[:2], *COW[4:]], ONE_RAN)


@pytest.mark.parametrize("dropped", [None, 1, 2, 3, 4, 5])
def test_mp_rt_el2_dsb_tlbiipais_dsb_tlbiis_dsb(dropped: int | None) -> None:
    events = [e for n, e in enumerate(RT) if n != dropped]
    assert _stale_on(1, events, TWO_RUNNING) == (dropped is not None)


def test_mp_rt_el2_with_local_operations() -> None:
    assert _stale_on(1, list(COW), TWO_RUNNING)


@pytest.mark.parametrize("flush", [[], BY_ID])
def test_from_invalid_needs_no_tlbi(flush: list[Event]) -> None:
    fresh = store(PAGE_AT + 16, page(OTHER_OUT))
    assert broken([fresh, *flush, dsb("ish"), RELEASE]) == set()


def test_break2_the_break_is_by_ipa() -> None:
    other = [store(BLOCK_AT), *_by_ipa(IPA)]
    assert properties([*other, RELEASE]) == {"O1"}
    assert properties([store(BLOCK_AT), *_by_ipa(BLOCK_IPA), RELEASE]) == set()


def test_pkvm_vcpu_run() -> None:
    second = [store(OTHER_ROOT + 8, table(TABLE3)), dsb("ish")]
    other_vm = [Msr(0, "TTBR0_EL1", 0x9000), *enter(vmid=2, root=OTHER_ROOT)]
    assert properties([*second, *other_vm], before=ONE_RAN) == set()
    same_id = [Msr(0, "TTBR0_EL1", 0x9000), *enter(vmid=1, root=OTHER_ROOT)]
    assert properties([*second, *same_id], before=ONE_RAN) >= {"O3", "O5"}
