"""Every named reading changes some result, and the default is as stated."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from shorthand import (
    ATTRIBUTES,
    BLOCK_AT,
    BLOCK_IPA,
    IPA,
    MEMORY,
    NT,
    ONE_RAN,
    OTHER_OUT,
    OTHER_ROOT,
    OUT,
    PAGE_AT,
    RELEASE,
    ROOT,
    TABLE2,
    TABLE3,
    TWO_RUNNING,
    VTCR,
    WRITE,
    block,
    dsb,
    enter,
    page,
    registers,
    store,
    table,
    tlbi,
    vttbr,
)

from reference_model.assumptions import Assumptions
from reference_model.events import (
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Lock,
    Msr,
    PageRelease,
    Release,
    Tlbi,
    Unlock,
)
from reference_model.issued import Issued
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.regimes import Regime
from reference_model.shareability import Iommu
from reference_model.start import Start
from reference_model.tlbi import decode_operation
from reference_model.violations import Violation

DRAINED: list[Event] = [*TWO_RUNNING, dsb("sy")]
GONE = store(PAGE_AT)
BY_IPA: list[Event] = [tlbi("IPAS2E1IS", IPA), dsb("ish")]
ALL_STAGES: list[Event] = [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")]
EL2_FLUSH: list[Event] = [dsb("ishst"), Tlbi(0, "ALLE2IS"), dsb("ish")]
NXS = Tlbi(0, "VMALLS12E1ISNXS")
EL2 = {"TTBR0_EL2": ROOT, "TCR_EL2": 64 - 39, "SCTLR_EL2": 1}
READ_ONLY = page(OUT, ATTRIBUTES & ~WRITE)


def _of(
    events: list[Event],
    before: list[Event],
    profile: str = "P0-v8.0",
    start: Start | None = None,
    **values: Any,
) -> list[Violation]:
    start = start or Start(2, MEMORY, (registers(0), registers(1)))
    assumptions = replace(Assumptions(), **values)
    machine = Machine(ARCHITECTURE_PROFILES[profile], start, assumptions)
    return machine.run([*before, *events])


WITH_CNP = [
    Msr(0, "VTTBR_EL2", vttbr() | 1),
    Isb(0),
    Msr(1, "VTTBR_EL2", vttbr() | 1),
    Isb(1),
    Eret(0),
    Eret(1),
    ExceptionEntry(0),
    ExceptionEntry(1),
    dsb("sy"),
    dsb("sy", 1),
]
BOTH_OUT: list[Event] = [*DRAINED, ExceptionEntry(1), dsb("sy", 1)]
LINKED = store(TABLE2 + 24, table(TABLE3))
EL2_START = Start(1, {ROOT: 0x4000_0401 | 1 << 6 | 1 << 54}, (EL2,))
SHARED = Start(1, MEMORY, (registers(),), iommus=(Iommu(vttbr(), VTCR),))
TWO_ROOTS = Start(
    2, {**MEMORY, OTHER_ROOT + 8: table(TABLE2)}, (registers(0), registers(1))
)
NO_HANDLER = replace(
    Start(2, MEMORY, (registers(0), registers(1))), conflict_aborts_handled=False
)

# Name, the value that is not the default, how the run goes, and whether the
# default value (True) or the other one (False) finds more.
CASES: dict[str, tuple[Any, dict[str, Any], bool]] = {
    "combined_tlb": (
        False,
        {"events": [GONE, dsb("sy"), *BY_IPA, RELEASE], "before": DRAINED},
        True,
    ),
    "one_ipas2_per_block": (
        False,
        {
            "events": [
                store(BLOCK_AT),
                dsb("ishst"),
                tlbi("IPAS2E1IS", BLOCK_IPA),
                dsb("ish"),
                tlbi("VMALLE1IS"),
                dsb("ish"),
                RELEASE,
            ],
            "before": DRAINED,
        },
        False,
    ),
    "ntlbpa_any_tlbi": (
        False,
        {
            "events": [
                GONE,
                dsb("ish"),
                tlbi("VMALLE1IS"),
                dsb("ish"),
                LINKED,
                dsb("ish"),
                tlbi("IPAS2E1IS", IPA),
                dsb("ish"),
                tlbi("VMALLE1IS"),
                dsb("ish"),
                RELEASE,
            ],
            "before": DRAINED,
        },
        False,
    ),
    "alloc_flushes_tlb": (
        False,
        {"events": [GONE, dsb("sy"), PageRelease(0, OUT)], "before": DRAINED},
        False,
    ),
    "drain_ptw": (
        True,
        {
            "events": [
                GONE,
                dsb("ishst"),
                tlbi("VMALLS12E1IS"),
                store(PAGE_AT, page(OTHER_OUT)),
            ],
            "before": ONE_RAN,
        },
        True,
    ),
    "single_pe": (
        True,
        {
            "events": [GONE, dsb("sy"), tlbi("VMALLS12E1"), dsb("nsh"), RELEASE],
            "before": DRAINED,
        },
        True,
    ),
    "dsb_transitive": (
        False,
        {
            "events": [
                Lock(0, "p2m"),
                GONE,
                Unlock(0, "p2m"),
                ExceptionEntry(1),
                Lock(1, "p2m"),
                dsb("ishst", 1),
                tlbi("VMALLS12E1IS", pe=1),
                dsb("ish", 1),
                *enter(0),
                Release(1, "end"),
            ],
            "before": DRAINED,
        },
        False,
    ),
    "dsb_nsh_completes_is": (
        True,
        {
            "events": [GONE, dsb("sy"), tlbi("VMALLS12E1IS"), dsb("nsh"), RELEASE],
            "before": DRAINED,
        },
        True,
    ),
    "nxs_invalidates_xs1": (
        True,
        {
            "events": [GONE, dsb("sy"), NXS, dsb("ish"), RELEASE],
            "before": DRAINED,
        },
        True,
    ),
    "nt_cacheable": (
        False,
        {
            "events": [
                store(BLOCK_AT, block(OUT + 0x20_0000, ATTRIBUTES | NT)),
                *ALL_STAGES,
                store(BLOCK_AT, block(OUT + 0x20_0000)),
                dsb("ish"),
                RELEASE,
            ],
            "before": DRAINED,
            "profile": "P2-v8.4",
        },
        True,
    ),
    "bbml2_noabort": (
        True,
        {
            "events": [store(BLOCK_AT, table(TABLE3 + 0x2000)), dsb("ish")],
            "before": DRAINED,
            "profile": "P3-bbml2",
            "start": replace(
                NO_HANDLER,
                memory={**MEMORY, TABLE3 + 0x2000: page(OUT + 0x20_0000)},
            ),
        },
        True,
    ),
    "local_tlbi_covers_cnp_sharers": (
        False,
        {
            "events": [GONE, dsb("sy"), tlbi("VMALLS12E1"), dsb("nsh"), RELEASE],
            "before": WITH_CNP,
        },
        False,
    ),
    "ets_level": (
        2,
        {
            "events": [store(ROOT), *EL2_FLUSH, RELEASE],
            "before": [],
            "start": EL2_START,
        },
        True,
    ),
    "permission_change_deferral": (
        False,
        {
            "events": [
                store(PAGE_AT, READ_ONLY),
                dsb("ish"),
                store(PAGE_AT + 8, 0),
                *ALL_STAGES,
                RELEASE,
            ],
            "before": DRAINED,
        },
        False,
    ),
    "repeat_tlbi_s2_forms": (
        True,
        {
            "events": [
                GONE,
                dsb("sy"),
                tlbi("VMALLE1IS"),
                dsb("ish"),
                *BY_IPA,
                RELEASE,
            ],
            "before": DRAINED,
            "profile": "P1-repeat",
        },
        False,
    ),
    "bbm_ro_same_content": (
        False,
        {
            "events": [store(PAGE_AT, page(OTHER_OUT, ATTRIBUTES & ~WRITE))],
            "before": DRAINED,
            "start": Start(
                2,
                {**MEMORY, PAGE_AT: READ_ONLY},
                (registers(0), registers(1)),
            ),
        },
        True,
    ),
    "out_of_context_no_fill": (
        False,
        {"events": [GONE, *ALL_STAGES[1:], dsb("sy"), RELEASE], "before": BOTH_OUT},
        False,
    ),
    "smmu_dvm": (
        True,
        {"events": [GONE, *ALL_STAGES, RELEASE], "before": [], "start": SHARED},
        True,
    ),
    "altp2m": (
        True,
        {
            "events": [*enter(1, root=OTHER_ROOT)],
            "before": BOTH_OUT,
            "start": TWO_ROOTS,
        },
        True,
    ),
}
# By VA or ASID nothing is known of a guest's entries: the pure rules have it.
# From Hyp mode the one operation on all stage-1 entries is on stage 2 as well.
ELSEWHERE = {"asid_tlbi_walkcache", "a32_tlbi_program_order"}


@pytest.mark.parametrize("name", CASES)
def test_reading_changes_a_result(name: str) -> None:
    other, run, default_finds_more = CASES[name]
    assert other != getattr(Assumptions(), name)
    with_default = {v.key for v in _of(**run)}
    with_other = {v.key for v in _of(**run, **{name: other})}
    if default_finds_more:
        assert with_other < with_default
    else:
        assert with_default < with_other


def test_every_reading_has_a_case() -> None:
    assert {f.name for f in fields(Assumptions)} == set(CASES) | ELSEWHERE


def test_aarch32_operations_act_on_the_pe_itself_in_order() -> None:
    """Of two that no DSB parts, the first is done when the second is (F1.18)."""

    def issued(pe: int, time: int, **values: Any) -> Issued:
        operation = decode_operation("TLBIIPAS2")
        scope = frozenset({0, 1})
        reading = replace(Assumptions(), **values)
        vmids, regimes = frozenset({1}), frozenset({Regime.EL10})
        return Issued(operation, pe, time, time, vmids, scope, None, regimes, reading)

    assert issued(0, 1).ordered_before(issued(0, 2), 0)
    assert not issued(0, 1).ordered_before(issued(0, 2), 1)
    assert not issued(0, 2).ordered_before(issued(0, 1), 0)
    other = issued(0, 1, a32_tlbi_program_order=False)
    assert not other.ordered_before(issued(0, 2), 0)
