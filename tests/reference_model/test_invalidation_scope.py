"""What each TLBI is guaranteed to remove, and on which PEs."""

from __future__ import annotations

import pytest
from shorthand import (
    BLOCK_AT,
    BLOCK_IPA,
    EMPTY_IPA,
    EMPTY_TABLE_AT,
    IPA,
    ONE_RAN,
    OTHER3,
    OTHER_ROOT,
    PAGE_AT,
    RELEASE,
    TABLE3,
    TABLE_AT,
    broken,
    dsb,
    store,
    tlbi,
    vttbr,
)

from reference_model.events import Event, Isb, Msr, TableFree, Tlbi

STAGE2, COMBINED = {"S2"}, {"S12", "S12W"}
ALL = STAGE2 | COMBINED

# operation: kinds of a page's entry that it need not remove, rule
LEFT = {
    "ALLE1": (set(), "R_GNJPZ"),
    "VMALLS12E1": (set(), "R_GNJPZ"),
    "VMALLE1": (STAGE2, "R_LGSCG"),
    "ASIDE1": (ALL, "R_NWYRD"),
    "VAE1": (ALL, "R_VMSWQ"),
    "VALE1": (ALL, "R_VMSWQ"),
    "VAAE1": (ALL, "R_ZSXRQ"),
    "VAALE1": (ALL, "R_JXKNN"),
    "IPAS2E1": (COMBINED, "R_TVTYQ"),
    "IPAS2LE1": (COMBINED, "R_VZZVZ"),
    "ALLE2": (ALL, "R_NWYRD"),
    "VAE2": (ALL, "R_NWYRD"),
    "VALE2": (ALL, "R_NWYRD"),
}


def _kinds(found: set[tuple[str, int, str]], pe: int = 0) -> set[str]:
    return {kind for broken_, on, kind in found if (broken_, on) == ("O1", pe)}


@pytest.mark.parametrize("scope", ["", "IS", "OS"])
@pytest.mark.parametrize(
    ("op", "left"),
    [pytest.param(op, *v[:1], id=f"{op}-{v[1]}") for op, v in LEFT.items()],
)
def test_leaf_entries_left_on_a_pe_that_cannot_refill(
    op: str, left: set[str], scope: str
) -> None:
    events = [
        store(PAGE_AT),
        dsb("ish"),
        tlbi(op + scope, IPA if "IPAS2" in op else 0),
        dsb("sy"),
        RELEASE,
    ]
    assert _kinds(broken(events, before=ONE_RAN)) == left


@pytest.mark.parametrize(
    ("op", "freed"),
    [
        pytest.param("ALLE1IS", True, id="ALLE1IS-R_GNJPZ"),
        pytest.param("VMALLS12E1IS", True, id="VMALLS12E1IS-R_GNJPZ"),
        pytest.param("VMALLE1IS", False, id="VMALLE1IS-R_LGSCG"),
        pytest.param("IPAS2E1IS", True, id="IPAS2E1IS-R_VZZVZ"),
        pytest.param("IPAS2LE1IS", False, id="IPAS2LE1IS-R_VZZVZ"),
        pytest.param("VMALLS12E1", False, id="VMALLS12E1-I_DMCXY"),
    ],
)
@pytest.mark.parametrize(
    ("at", "freed_page", "ipa"),
    [
        pytest.param(TABLE_AT, TABLE3, IPA + 0x1000, id="used"),
        pytest.param(EMPTY_TABLE_AT, OTHER3, EMPTY_IPA, id="empty-R_XCLRD"),
    ],
)
def test_table_entries(
    op: str, freed: bool, at: int, freed_page: int, ipa: int
) -> None:
    events = [
        store(at),
        dsb("ishst"),
        tlbi(op, ipa if "IPAS2" in op else 0),
        dsb("ish"),
        TableFree(0, freed_page),
    ]
    assert (broken(events) == set()) == freed


@pytest.mark.parametrize(
    ("op", "left_on"),
    [
        pytest.param("VMALLS12E1", {1}, id="local-I_DMCXY"),
        pytest.param("VMALLS12E1IS", set(), id="IS-R_QRNJC"),
        pytest.param("VMALLS12E1OS", set(), id="OS-R_QRNJC"),
        pytest.param("ALLE1", {1}, id="ALLE1-local"),
        pytest.param("ALLE1IS", set(), id="ALLE1IS"),
    ],
)
def test_scope(op: str, left_on: set[int]) -> None:
    events = [store(PAGE_AT), dsb("ishst"), tlbi(op), dsb("sy"), RELEASE]
    assert {pe for _, pe, _ in broken(events)} == left_on


def _by_ipa(*operations: Tlbi) -> list[Event]:
    return [
        dsb("ishst"),
        *operations,
        dsb("ish"),
        tlbi("VMALLE1IS"),
        dsb("ish"),
        RELEASE,
    ]


@pytest.mark.parametrize(
    ("ipa", "clean"),
    [
        (BLOCK_IPA, True),
        (BLOCK_IPA + 0x1F_F000, True),
        (BLOCK_IPA - 0x1000, False),
        (BLOCK_IPA + 0x20_0000, False),
    ],
)
def test_one_operation_by_ipa_removes_a_whole_block_r_lqlsd(
    ipa: int, clean: bool
) -> None:
    events = [store(BLOCK_AT), *_by_ipa(tlbi("IPAS2E1IS", ipa))]
    assert (broken(events) == set()) == clean


@pytest.mark.parametrize("op", ["IPAS2E1IS", "IPAS2LE1IS"])
def test_each_old_leaf_below_a_removed_table_needs_its_operation_r_tvtyq(
    op: str,
) -> None:
    first, second = tlbi(op, IPA), tlbi(op, IPA + 0x1000)
    removal = store(TABLE_AT)
    leaf = {("O1", 1, "S2"), ("O1", 1, "S12")}
    assert leaf <= broken([removal, *_by_ipa(first)])
    assert leaf <= broken([removal, *_by_ipa(second)])
    # With the last-level operation the table entry stays, and refills both.
    assert (broken([removal, *_by_ipa(first, second)]) == set()) == (op == "IPAS2E1IS")


def _stage2_flush(*between: Event) -> list[Event]:
    return [
        store(PAGE_AT),
        dsb("ishst"),
        *between,
        tlbi("VMALLS12E1IS"),
        dsb("ish"),
        RELEASE,
    ]


def test_vmid_is_that_of_the_synchronised_vttbr() -> None:
    other = Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT))
    own = Msr(0, "VTTBR_EL2", vttbr(1))
    assert broken(_stage2_flush()) == set()
    assert ("O1", 1, "S12") in broken(_stage2_flush(other, Isb(0)))
    # Either VMID may be the one: neither is credited (R_VNRFW).
    assert ("O1", 1, "S12") in broken(_stage2_flush(other))
    assert ("O1", 1, "S12") in broken(_stage2_flush(other, Isb(0), own))
    assert broken(_stage2_flush(other, Isb(0), own, Isb(0))) == set()


def test_alle1_needs_no_vmid() -> None:
    other = Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT))
    events = [other, store(PAGE_AT), dsb("ishst"), tlbi("ALLE1IS"), dsb("ish"), RELEASE]
    assert broken(events) == set()


def test_host_regime_redirects_stage1_operations() -> None:
    host = Msr(0, "HCR_EL2", 1 | 1 << 27 | 1 << 34)
    back = Msr(0, "HCR_EL2", 1)

    def flush(*around: Event) -> list[Event]:
        first = [store(PAGE_AT), dsb("ishst"), tlbi("IPAS2E1IS", IPA), dsb("ish")]
        return [*first, *around, tlbi("VMALLE1IS"), dsb("ish"), RELEASE]

    assert broken(flush()) == set()
    assert ("O1", 1, "S12") in broken(flush(host, Isb(0)))
    assert broken(flush(host, Isb(0), back, Isb(0))) == set()


def test_stage2_operations_ignore_the_host_regime() -> None:
    host = Msr(0, "HCR_EL2", 1 | 1 << 27 | 1 << 34)
    assert broken([host, Isb(0), *_stage2_flush()]) == set()
