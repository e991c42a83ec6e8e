"""EL2's own tables: one stage, always in context, ended by DSB and ISB."""

from __future__ import annotations

import pytest
from shorthand import dsb, store

from reference_model.entries import EntryKind
from reference_model.events import Event, Isb, Msr, Release, TableFree, Tlbi
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Violation

ROOT, TABLE1, TABLE2, TABLE3, OTHER = (0x10_0000 + 0x1_0000 * n for n in range(5))
VA, OUT, OTHER_OUT = 0x0, 0x8000_0000, 0xC000_0000
VALID_PAGE = 1 << 10 | 1 << 6 | 3 << 8 | 3  # AF, AP[1] res1, inner shareable
GLOBAL, NOT_GLOBAL = 0, 1 << 11
NO_EXECUTE = 1 << 54
E2H = 1 << 34
TCR = 64 - 48  # 48-bit, 4K: walks from level 0
MEMORY = {
    ROOT: TABLE1 | 3,
    TABLE1: TABLE2 | 3,
    TABLE2: TABLE3 | 3,
    TABLE3: OUT | VALID_PAGE,
}
END = Release(0, "end")


def _run(
    events: list[Event],
    *,
    profile: str = "P0-v8.0",
    hcr: int = 0,
    leaf: int = OUT | VALID_PAGE,
    asid: int = 0,
) -> list[Violation]:
    registers = {
        "TTBR0_EL2": asid << 48 | ROOT,
        "TCR_EL2": TCR,
        "SCTLR_EL2": 1,
        "HCR_EL2": hcr,
    }
    start = Start(2, {**MEMORY, TABLE3: leaf}, (registers, registers))
    return Machine(ARCHITECTURE_PROFILES[profile], start).run(events)


def _kinds(found: list[Violation]) -> set[tuple[str, int, str, str]]:
    return {(v.broken.value, v.pe, v.kind.value, v.reason) for v in found}


FLUSH = [dsb("ishst"), Tlbi(0, "ALLE2IS"), dsb("ish")]
GONE = store(TABLE3, 0)


def test_unmap_with_a_complete_flush() -> None:
    assert _run([GONE, *FLUSH, Isb(0), END]) == []


@pytest.mark.parametrize("op", ["VMALLS12E1IS", "ALLE1IS", "VMALLE1IS", "IPAS2E1IS"])
def test_other_regimes_are_not_hit(op: str) -> None:
    events = [GONE, dsb("ishst"), Tlbi(0, op), dsb("ish"), Isb(0), END]
    assert _kinds(_run(events)) == {("O1", 0, "S1", ""), ("O1", 1, "S1", "")}


def test_local_flush_leaves_the_other_pe() -> None:
    events = [GONE, dsb("ishst"), Tlbi(0, "ALLE2"), dsb("ish"), Isb(0), END]
    assert _kinds(_run(events)) == {("O1", 1, "S1", "")}


def test_own_accesses_need_an_isb_without_ets2_r_bldzx() -> None:
    assert _kinds(_run([GONE, *FLUSH, END])) == {("O1", 0, "S1", "unsynchronised")}
    leaf = OUT | VALID_PAGE | NO_EXECUTE
    assert _run([GONE, *FLUSH, END], profile="P3-bbml2", leaf=leaf) == []


def test_fetches_need_an_isb_with_ets2_as_well_r_bldzx() -> None:
    found = _run([GONE, *FLUSH, END], profile="P3-bbml2")
    assert _kinds(found) == {("O1", 0, "S1", "unsynchronised")}
    assert _run([GONE, *FLUSH, Isb(0), END], profile="P3-bbml2") == []


def test_table_descriptor_leaves_a_walk_cache() -> None:
    machine = Machine(
        ARCHITECTURE_PROFILES["P0-v8.0"],
        Start(
            1,
            MEMORY,
            ({"TTBR0_EL2": ROOT, "TCR_EL2": TCR, "SCTLR_EL2": 1},),
        ),
    )
    machine.run([store(TABLE2, 0), dsb("ish")])
    assert {e.kind for e in machine.tlbs[0].stale} == {EntryKind.S1, EntryKind.S1W}


def test_replaced_without_a_break_r_whzws() -> None:
    found = _run([store(TABLE3, OTHER_OUT | VALID_PAGE), *FLUSH, Isb(0)])
    assert {(v.broken.value, v.conflict) for v in found} == {("O2", "oa")}


def test_root_switch_without_a_flush() -> None:
    switch: list[Event] = [Msr(0, "TTBR0_EL2", OTHER), Isb(0)]
    assert _kinds(_run(switch)) == {("O5", 0, "S1", "root")}


@pytest.mark.parametrize(("asid", "reasons"), [(1, {"asid"}), (2, set())])
def test_asid_names_one_address_space(asid: int, reasons: set[str]) -> None:
    """With E2H an ASID in use for one root must not come with another."""
    switch: list[Event] = [Msr(0, "TTBR0_EL2", asid << 48 | OTHER), Isb(0)]
    leaf = OUT | VALID_PAGE | NOT_GLOBAL
    found = _run(switch, hcr=E2H, leaf=leaf, asid=1)
    assert {v.reason for v in found} == reasons


def test_global_leaf_over_one_that_was_not_r_whzws() -> None:
    leaf = OUT | VALID_PAGE
    events = [store(TABLE3, leaf), *FLUSH, Isb(0), END]
    found = _run(events, hcr=E2H, leaf=leaf | NOT_GLOBAL, asid=1)
    assert {(v.broken.value, v.conflict) for v in found} == {("O2", "global")}


def test_table_freed_before_the_isb_r_bldzx() -> None:
    """The PE's own walks may use what was there before its DSB."""
    gone = [store(TABLE2, 0), *FLUSH]
    free = TableFree(0, TABLE3)
    assert _kinds(_run([*gone, free])) == {("O4", 0, "S1W", "unsynchronised")}
    assert _run([*gone, Isb(0), free]) == []
    # Fetches go through tables, whatever the leaves below permit.
    assert _kinds(_run([*gone, free], profile="P3-bbml2"))


def test_global_entries_match_every_asid_r_qgkgf() -> None:
    switch: list[Event] = [Msr(0, "TTBR0_EL2", 2 << 48 | OTHER), Isb(0)]
    assert _kinds(_run(switch, hcr=E2H, asid=1)) == {("O5", 0, "S1", "asid")}


@pytest.mark.parametrize("size", [2, 5])
def test_host_tcr_has_the_fields_of_tcr_el1(size: int) -> None:
    """With E2H = 1, IPS lies where DS is without."""
    tcr: list[Event] = [Msr(0, "TCR_EL2", TCR | size << 32), Isb(0)]
    assert _kinds(_run(tcr, hcr=E2H, asid=1)) == {("O5", 0, "S1", "asid")}
    with pytest.raises(Unmodelled, match="FEAT_LPA2"):
        _run([Msr(0, "TCR_EL2", TCR | 1 << 59)], hcr=E2H, asid=1)


def test_cached_field_of_tcr_changed_without_a_tlbi_r_vnrfw() -> None:
    change: list[Event] = [Msr(0, "TCR_EL2", TCR | 3 << 12), Isb(0)]
    assert _kinds(_run(change)) == {("O5", 0, "S1", "root")}


def test_asid_of_8_bits_without_as() -> None:
    switch: list[Event] = [Msr(0, "TTBR0_EL2", 0x101 << 48 | OTHER), Isb(0)]
    leaf = OUT | VALID_PAGE | NOT_GLOBAL
    found = _run(switch, hcr=E2H, leaf=leaf, asid=1)
    assert _kinds(found) == {("O5", 0, "S1", "asid")}


def test_upper_half_of_the_host_is_not_modelled() -> None:
    with pytest.raises(Unmodelled, match="TTBR1_EL2"):
        _run([Msr(0, "TTBR1_EL2", OTHER)], hcr=E2H, asid=1)
    assert _run([Msr(0, "TTBR1_EL2", OTHER)]) == []  # no such half without E2H


def test_replaced_while_translation_was_off() -> None:
    off, on = Msr(0, "SCTLR_EL2", 0), Msr(0, "SCTLR_EL2", 1)
    change = [store(TABLE3, OTHER_OUT | VALID_PAGE), dsb("ish")]
    found = _run([off, Isb(0), *change, on, Isb(0)])
    assert {(v.broken.value, v.pe, v.conflict) for v in found if v.pe == 0} == {
        ("O2", 0, "oa")
    }
    flush: list[Event] = [Tlbi(0, "ALLE2IS"), dsb("ish")]
    found = _run([off, Isb(0), *change, *flush, on, Isb(0)])
    assert {v.pe for v in found} == {1}


def test_granule_is_known_to_an_operation_by_address() -> None:
    change: list[Event] = [Msr(0, "SCTLR_EL2", 0), Isb(0)]
    change += [Msr(0, "TCR_EL2", TCR | 1 << 14), Tlbi(0, "VAE2IS", 0)]
    with pytest.raises(Unmodelled, match="granule"):
        _run(change)
