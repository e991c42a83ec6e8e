"""What only replaced descriptors lead to: conflicts, stage 1, VMIDs, HCR_EL2.FB."""

from __future__ import annotations

import pytest
from shorthand import (
    BLOCK_AT,
    EMPTY_TABLE_AT,
    HCR,
    IPA,
    ONE_RAN,
    OTHER3,
    OTHER_OUT,
    OTHER_ROOT,
    OUT,
    ROOT,
    TABLE2,
    TABLE_AT,
    VTCR,
    block,
    dsb,
    enter,
    machine,
    page,
    registers,
    store,
    table,
    tlbi,
    vttbr,
)

from reference_model.events import Eret, Event, ExceptionEntry, Isb, Msr
from reference_model.machine import Machine, Start
from reference_model.profiles import ARCHITECTURE_PROFILES

FLUSH: list[Event] = [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")]


def _conflicts(events: list[Event]) -> set[tuple[int, str]]:
    run = machine().run([Eret(1), *events])
    return {(v.pe, v.conflict) for v in run if v.broken.value == "O2"}


def test_entry_below_an_unhooked_table_conflicts_with_what_it_held() -> None:
    # The walk goes on from the cached table entry and reads the new block.
    unhook, reuse = store(ROOT + 8), store(TABLE_AT, block(OTHER_OUT))
    assert _conflicts([unhook, reuse]) == {(1, "oa")}
    assert _conflicts([unhook, dsb("ish"), reuse]) == {(1, "oa")}
    assert _conflicts([unhook, *FLUSH, reuse]) == set()


def test_table_linked_before_its_clearing_is_visible() -> None:
    begin: list[Event] = [
        store(EMPTY_TABLE_AT),
        *FLUSH,
        store(OTHER3, page(OTHER_OUT)),
        *FLUSH,
        store(OTHER3),
    ]
    link = store(TABLE_AT, table(OTHER3))
    assert _conflicts([*begin, link]) == {(1, "oa")}
    assert _conflicts([*begin, dsb("ishst"), link]) == set()


def test_equal_replaced_values_do_not_conflict() -> None:
    again = store(TABLE2 + 8, block(OUT + 0x20_0000))
    assert _conflicts([store(ROOT + 8), store(BLOCK_AT), again]) == set()


# ------------------------------------------------- stage 1 without any mapping


@pytest.mark.parametrize(
    ("flush", "foreign"),
    [
        pytest.param([], True, id="stale-entry-left"),
        pytest.param(FLUSH, False, id="flushed"),
    ],
)
def test_stage1_is_fetched_through_stale_entries(
    flush: list[Event], foreign: bool
) -> None:
    # The only mapping goes while no guest runs; then two vCPUs run in turn.
    start = Start(1, {ROOT + 8: block(OUT)}, (registers(0),))
    trace: list[Event] = [
        *ONE_RAN,
        dsb("ish"),
        store(ROOT + 8),
        dsb("ish"),
        tlbi("VMALLE1"),
        dsb("nsh"),
        *flush,
        Msr(0, "TTBR0_EL1", 0x9000),
        Eret(0),
        ExceptionEntry(0),
        dsb("nsh"),
        Msr(0, "TTBR0_EL1", 0xA000),
        Eret(0),
    ]
    found = Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start).run(trace)
    assert ("vcpu" in {v.reason for v in found}) == foreign


# --------------------------------------------------------------------- VMIDs


@pytest.mark.parametrize(
    ("flush", "kinds"),
    [
        pytest.param([], {"S2W"}, id="none"),
        pytest.param([tlbi("IPAS2LE1IS", IPA), dsb("ish")], {"S2W"}, id="last-level"),
        pytest.param(FLUSH, set(), id="flushed"),
    ],
)
def test_vmid_reused_while_a_table_entry_is_held(
    flush: list[Event], kinds: set[str]
) -> None:
    start = Start(
        1, {ROOT + 8: table(TABLE2), OTHER_ROOT + 8: block(OUT)}, (registers(0),)
    )
    trace = [*ONE_RAN, dsb("ish"), *flush, *enter(root=OTHER_ROOT)]
    found = Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start).run(trace)
    assert {v.kind.value for v in found if v.broken.value == "O5"} == kinds


# ----------------------------------------------------------------- HCR_EL2.FB


def _there_and_back(hcr: int, *back: Event) -> set[str]:
    """Let vCPU 0 run on PE 0, on PE 1, and on PE 0 again."""
    loaded = {
        "VTTBR_EL2": vttbr(),
        "VTCR_EL2": VTCR,
        "HCR_EL2": hcr,
        "TTBR0_EL1": 0x5000,
    }
    start = Start(2, {ROOT + 8: block(OUT)}, (loaded, loaded))
    trace: list[Event] = [
        *ONE_RAN,
        dsb("nsh"),
        Eret(1),
        ExceptionEntry(1),
        dsb("nsh", pe=1),
        *back,
        Eret(0),
    ]
    found = Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start).run(trace)
    assert {(v.broken.value, v.pe) for v in found} <= {("O3", 0)}
    return {v.reason for v in found}


WITHOUT_FB = HCR & ~(1 << 9)


def test_guest_tlbis_are_broadcast_with_fb() -> None:
    assert _there_and_back(HCR) == set()


@pytest.mark.parametrize(
    ("flush", "found"),
    [
        pytest.param([], {"fb"}, id="none"),
        pytest.param([tlbi("VMALLE1")], {"fb"}, id="no-DSB"),
        pytest.param([tlbi("VMALLE1"), dsb("nsh")], set(), id="VMALLE1"),
        pytest.param([tlbi("IPAS2E1", IPA), dsb("nsh")], {"fb"}, id="stage-2"),
        pytest.param(
            [tlbi("VMALLE1IS", pe=1), dsb("ish", pe=1)], set(), id="by-the-other-PE"
        ),
        pytest.param(
            [tlbi("VMALLE1", pe=1), dsb("nsh", pe=1)], {"fb"}, id="on-the-other-PE"
        ),
    ],
)
def test_return_to_a_pe_without_fb(flush: list[Event], found: set[str]) -> None:
    assert _there_and_back(WITHOUT_FB, *flush) == found


def test_fb_counts_where_the_vcpu_was_away() -> None:
    set_here = [Msr(0, "HCR_EL2", HCR), Isb(0)]
    assert _there_and_back(WITHOUT_FB, *set_here) == {"fb"}
