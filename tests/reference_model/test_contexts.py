"""Isolation of vCPUs and VMs on the PEs that run them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from shorthand import (
    IPA,
    ONE_RAN,
    OTHER_ROOT,
    OUT,
    PAGE_AT,
    RELEASE,
    ROOT,
    TABLE2,
    TWO_RUNNING,
    VTCR,
    block,
    broken,
    dmb,
    dsb,
    enter,
    machine,
    store,
    table,
    tlbi,
    vttbr,
)

from reference_model.entries import EntryKind
from reference_model.events import (
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Lock,
    Msr,
    Store,
    Zero,
)
from reference_model.machine import Machine, Start
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.violations import Property

OTHER_VCPU: list[Event] = [Msr(0, "TTBR0_EL1", 0x9000), Isb(0)]


def _switch(*flush: Event, drain: bool = True) -> list[Event]:
    drained: list[Event] = [dsb("nsh")] if drain else []
    return [*drained, *OTHER_VCPU, *flush, Isb(0), Eret(0)]


@pytest.mark.parametrize(
    "flush",
    [
        [tlbi("VMALLE1"), dsb("nsh")],
        [tlbi("VMALLS12E1"), dsb("nsh")],
        [tlbi("ALLE1"), dsb("sy")],
        [tlbi("VMALLE1IS"), dsb("ish")],
        [tlbi("VMALLE1IS"), dsb("nsh")],
    ],
)
def test_vcpu_switch_with_a_flush_r_lgscg(flush: list[Event]) -> None:
    assert broken(_switch(*flush), before=ONE_RAN) == set()


@pytest.mark.parametrize(
    "flush",
    [
        pytest.param([], id="none"),
        pytest.param([tlbi("VMALLE1")], id="no-DSB"),
        pytest.param([tlbi("VMALLE1"), dsb("nshst")], id="DSB-NSHST"),
        pytest.param([tlbi("IPAS2E1", IPA), dsb("nsh")], id="stage-2"),
        pytest.param([tlbi("VAE1"), dsb("nsh")], id="one-VA"),
        pytest.param([tlbi("ASIDE1"), dsb("nsh")], id="one-ASID-R_QGKGF"),
        pytest.param([tlbi("ALLE2"), dsb("nsh")], id="other-regime"),
        pytest.param([tlbi("VMALLE1", pe=1), dsb("nsh", pe=1)], id="other-PE"),
    ],
)
def test_vcpu_switch_without_a_flush_r_nwyrd(flush: list[Event]) -> None:
    assert broken(_switch(*flush), before=ONE_RAN) == {("O3", 0, "S1")}


def test_vcpu_switch_before_walks_are_drained_r_lfhqg() -> None:
    events = _switch(tlbi("VMALLE1"), dsb("nsh"), drain=False)
    assert broken(events, before=ONE_RAN) == {("O3", 0, "S1")}
    assert broken(events, before=ONE_RAN, drain_ptw=True) == set()


def test_same_vcpu_again_needs_no_flush() -> None:
    assert broken([dsb("nsh"), Eret(0)], before=ONE_RAN) == set()


def test_other_vcpu_on_the_other_pe_needs_no_flush() -> None:
    assert broken([Eret(1)], before=ONE_RAN) == set()


@pytest.mark.parametrize(
    ("flush", "clean"),
    [
        pytest.param([], False, id="none"),
        pytest.param([tlbi("VMALLE1"), dsb("nsh")], True, id="VMALLE1"),
    ],
)
def test_return_to_a_vcpu_after_another_vm(flush: list[Event], clean: bool) -> None:
    # vCPU 0 of VM 1, VM 2, then vCPU 1 of VM 1: the first one's entries stay.
    start = Start(
        1,
        {ROOT + 8: block(OUT), OTHER_ROOT + 8: block(OUT)},
        ({"HCR_EL2": 1, "VTCR_EL2": 24 | 1 << 6, "VTTBR_EL2": vttbr(1)},),
    )
    leave: list[Event] = [ExceptionEntry(0), dsb("nsh")]
    trace: list[Event] = [
        Eret(0),
        *leave,
        Msr(0, "TTBR0_EL1", 0x1000),
        *enter(vmid=2, root=OTHER_ROOT),
        *leave,
        Msr(0, "TTBR0_EL1", 0x2000),
        Msr(0, "VTTBR_EL2", vttbr(1)),
        Isb(0),
        *flush,
        Eret(0),
    ]
    found = Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start).run(trace)
    assert (found == []) == clean


def _reuse(*flush: Event, pe: int = 0) -> list[Event]:
    fill = store(OTHER_ROOT + 8, block(OUT + 0x4000_0000))
    return [dsb("ish"), fill, *flush, *enter(pe=pe, vmid=1, root=OTHER_ROOT)]


@pytest.mark.parametrize(
    "flush",
    [
        [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")],
        [dsb("ishst"), tlbi("ALLE1IS"), dsb("ish")],
    ],
)
def test_vmid_reuse_after_a_flush_r_qnpqx(flush: list[Event]) -> None:
    assert broken(_reuse(*flush), before=[Eret(1), ExceptionEntry(1), *ONE_RAN]) == (
        {("O5", 1, "S2")}
    )  # PE 1 still has walks in flight that refill from the old root
    drained = [Eret(1), ExceptionEntry(1), dsb("nsh", pe=1), *ONE_RAN]
    found = broken(_reuse(*flush), before=drained)
    assert {f for f in found if f[0] == "O5"} == set()


@pytest.mark.parametrize(
    ("flush", "on"),
    [
        pytest.param([], {0, 1}, id="none"),
        pytest.param([tlbi("VMALLS12E1"), dsb("nsh")], {1}, id="local"),
        pytest.param([tlbi("VMALLE1IS"), dsb("ish")], {0, 1}, id="stage-1-only"),
        pytest.param([tlbi("VMALLS12E1IS")], {0, 1}, id="no-DSB"),
        pytest.param([tlbi("VMALLS12E1IS"), dsb("nsh")], {1}, id="DSB-NSH"),
    ],
)
def test_vmid_reuse_without_a_flush(flush: list[Event], on: set[int]) -> None:
    drained = [Eret(1), ExceptionEntry(1), dsb("nsh", pe=1), *ONE_RAN]
    found = broken(_reuse(dsb("ishst"), *flush), before=drained)
    assert {pe for name, pe, _ in found if name == "O5"} == on


def test_vmids_above_255_alias_without_vs_i_mdgyk() -> None:
    drained = [*ONE_RAN, dsb("nsh")]
    events = [store(OTHER_ROOT + 8, block(OUT)), *enter(vmid=0x101, root=OTHER_ROOT)]
    assert "O5" in {name for name, _, _ in broken(events, before=drained)}
    other = [store(OTHER_ROOT + 8, block(OUT)), *enter(vmid=2, root=OTHER_ROOT)]
    assert broken(other, before=drained) == set()


# ------------------------------------------------- what may be filled, and when


def test_nothing_is_filled_at_el2_r_nrjpp() -> None:
    fresh = machine()
    fresh.run([store(PAGE_AT, 0)])
    assert not fresh.may_hold(0, EntryKind.S2, 1, IPA + 0x1000)


def test_entries_stay_when_out_of_context_r_fxgnq() -> None:
    ran = machine()
    ran.run([*ONE_RAN, dsb("ish")])
    assert ran.may_hold(0, EntryKind.S12, 1, IPA)
    assert not ran.may_hold(1, EntryKind.S12, 1, IPA)


def test_drained_pe_does_not_fill_a_new_page() -> None:
    ran = machine()
    empty = IPA + 0x2000
    ran.run([*ONE_RAN, dsb("ish"), store(PAGE_AT + 16, block(OUT) | 2)])
    assert not ran.may_hold(0, EntryKind.S2, 1, empty)
    ran.run([Eret(0)])
    assert ran.may_hold(0, EntryKind.S2, 1, empty)


def test_walks_in_flight_fill_after_exception_entry() -> None:
    ran = machine()
    ran.run([*ONE_RAN, store(PAGE_AT + 16, block(OUT) | 2)])
    assert ran.may_hold(0, EntryKind.S2, 1, IPA + 0x2000)


# --------------------------------------------------------------- AT_SPECULATE


def test_speculative_at_mixes_registers() -> None:
    # R-C in the wrong order: VTTBR_EL2 of VM 2 while TTBR0_EL1 is VM 1's.
    fill = store(OTHER_ROOT + 8, block(OUT))
    mixed: list[Event] = [
        dsb("nsh"),
        fill,
        dsb("ish"),
        Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT)),
        Isb(0),
        Msr(0, "TTBR0_EL1", 0x9000),
        Isb(0),
        Eret(0),
    ]
    assert broken(mixed, before=ONE_RAN) == set()
    assert "O3" in {p for p, _, _ in broken(mixed, "P4-at-spec", before=ONE_RAN)}


def test_empty_stage2_while_registers_are_switched() -> None:
    empty = 0x1C_0000
    fill = store(OTHER_ROOT + 8, block(OUT))
    guarded: list[Event] = [
        dsb("nsh"),
        fill,
        dsb("ish"),
        Msr(0, "VTTBR_EL2", vttbr(0, empty)),
        Isb(0),
        Msr(0, "TTBR0_EL1", 0x9000),
        Isb(0),
        Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT)),
        Isb(0),
        Eret(0),
    ]
    assert broken(guarded, "P4-at-spec", before=ONE_RAN) == set()


def test_flush_on_a_pe_whose_registers_stay_loaded_at_spec() -> None:
    # On P4 the loaded context refills at EL2 for as long as it is loaded.
    flush: list[Event] = [
        store(PAGE_AT),
        tlbi("VMALLS12E1IS"),
        dsb("ish"),
        RELEASE,
    ]
    drained = [*ONE_RAN, dsb("ish")]
    assert broken(flush, before=drained) == set()
    assert ("O1", 0, "S2") in broken(flush, "P4-at-spec", before=drained)


def _reached(*events: Event, before: Sequence[Event] = TWO_RUNNING) -> set[int]:
    """Return the PEs that can walk a table whose clearing they may not see.

    Of PE 0 that are the walks begun before it entered EL2.
    """
    found = machine().run([*before, *events])
    assert all((v.broken, v.reason) == (Property.O4, "init") for v in found)
    return {v.pe for v in found}


def test_table_linked_before_its_clearing_is_ordered() -> None:
    """What the page held is not known: any descriptor may be found there."""
    clear, link = Zero(0, 0x40_0000, 4096), store(TABLE2 + 24, table(0x40_0000))
    assert _reached(clear, link, dsb("sy")) == {0, 1}
    assert _reached(clear, dsb("ishst"), link) == set()
    assert _reached(clear, dmb("ishst"), link) == set()
    assert _reached(clear, Store(0, link.pa, link.value, release=True)) == set()
    # Nobody walks yet: what counts is a DSB before somebody does.
    assert _reached(clear, link, *enter(), before=()) == {0}
    assert _reached(clear, link, dsb("sy"), *enter(), before=()) == set()


def test_new_table_below_a_new_table() -> None:
    upper, lower = 0x40_0000, 0x41_0000
    clear = [Zero(0, upper, 4096), Zero(0, lower, 4096)]
    inner, outer = store(upper, table(lower)), store(ROOT + 16, table(upper))
    assert _reached(*clear, inner, outer) == {0, 1}
    assert _reached(*clear, inner, dmb("ishst"), outer) == set()
    assert _reached(*clear, dmb("ishst"), inner, outer) == set()


def test_control_register_changed_under_the_same_vmid_r_vnrfw() -> None:
    """VTCR_EL2 fields may be held in entries: the VMID must be flushed."""
    before: list[Event] = [*ONE_RAN, dsb("sy"), Msr(0, "VTCR_EL2", VTCR | 1 << 8)]
    found = machine().run([*before, *enter()])
    assert {(v.broken, v.reason) for v in found} == {(Property.O5, "sysreg")}
    flush = [Isb(0), tlbi("VMALLS12E1IS"), dsb("ish")]
    assert machine().run([*before, *flush, *enter()]) == []


def test_speculative_at_before_the_first_event() -> None:
    """The registers that a trace starts with are loaded: an AT may use them."""
    gone: list[Event] = [store(PAGE_AT), dsb("sy"), RELEASE]
    assert ("O1", 0, "S2") in broken(gone, "P4-at-spec", before=[Lock(0, "a")])
    assert broken(gone, before=[Lock(0, "a")]) == set()
