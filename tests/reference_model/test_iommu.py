"""IOMMUs that walk a VM's stage 2 (F8.4, F8.5)."""

from __future__ import annotations

import pytest
from shorthand import (
    MEMORY,
    OTHER_OUT,
    PAGE_AT,
    RELEASE,
    TABLE3,
    TABLE_AT,
    VTCR,
    dsb,
    page,
    registers,
    store,
    table,
    tlbi,
    vttbr,
)

from reference_model.assumptions import Assumptions
from reference_model.events import CacheOp, Event, IommuFlush, TableFree, Zero
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.shareability import Iommu
from reference_model.start import Start
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Violation

IOMMU = 1  # walkers are numbered after the PEs
CPUS: list[Event] = [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")]
CLEAN = CacheOp(0, "DC CVAC", PAGE_AT)


def _run(
    *events: Event, coherent: bool = True, dvm: bool = False
) -> set[tuple[str, int, str]]:
    start = Start(1, MEMORY, (registers(),), iommus=(Iommu(vttbr(), VTCR, coherent),))
    assumptions = Assumptions(smmu_dvm=dvm)
    machine = Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start, assumptions)
    return {(v.broken.value, v.pe, v.kind.value) for v in machine.run(events)}


def test_its_tlb_needs_a_flush_of_its_own() -> None:
    gone = store(PAGE_AT)
    assert _run(gone, *CPUS, RELEASE) == {("O1", IOMMU, "S2")}
    assert _run(gone, *CPUS, IommuFlush(0), RELEASE) == set()
    # A flush before the store is visible finds the old value again.
    assert _run(gone, IommuFlush(0), *CPUS, RELEASE) == {("O1", IOMMU, "S2")}


def test_broadcast_tlbis_reach_it_with_dvm() -> None:
    assert _run(store(PAGE_AT), *CPUS, RELEASE, dvm=True) == set()


def test_replaced_without_a_break() -> None:
    found = _run(store(PAGE_AT, page(OTHER_OUT)))
    assert found == {("O2", IOMMU, "S2")}
    by_the_book = [store(PAGE_AT), *CPUS, IommuFlush(0)]
    assert _run(*by_the_book, store(PAGE_AT, page(OTHER_OUT))) == set()


def test_table_freed_before_its_flush() -> None:
    gone = [store(TABLE_AT), *CPUS]
    free = TableFree(0, TABLE3)
    assert _run(*gone, free) == {("O4", IOMMU, "S2W")}
    assert _run(*gone, IommuFlush(0), free) == set()


@pytest.mark.parametrize(
    ("before_dsb", "clean"), [([CLEAN], True), ([], False)], ids=["DC CVAC", "none"]
)
def test_walker_that_is_not_coherent(before_dsb: list[Event], clean: bool) -> None:
    events = [store(PAGE_AT), *before_dsb, dsb("sy"), *CPUS, IommuFlush(0), RELEASE]
    found = _run(*events, coherent=False)
    assert found == (set() if clean else {("O1", IOMMU, "S2")})
    # Cleaned after the last DSB is not cleaned for sure.
    late = [store(PAGE_AT), dsb("sy"), *CPUS, IommuFlush(0), CLEAN, RELEASE]
    assert _run(*late, coherent=False) == {("O1", IOMMU, "S2")}


def _unclean(*events: Event, memory: dict[int, int] = MEMORY) -> list[Violation]:
    iommus = (Iommu(vttbr(), VTCR, coherent=False),)
    start = Start(2, memory, (registers(), registers()), iommus=iommus)
    return Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start).run(events)


@pytest.mark.parametrize("barrier", ["sy", "ish", "ishst", "nsh"])
def test_a_clean_is_complete_after_a_dsb_of_its_pe(barrier: str) -> None:
    """It takes a DSB for loads and stores, of the PE that cleaned."""
    gone = store(PAGE_AT)
    flush: list[Event] = [*CPUS, IommuFlush(0), RELEASE]
    own = _unclean(gone, CLEAN, dsb(barrier), IommuFlush(0), RELEASE)
    seen = {v.broken.value for v in own if v.pe == 2}
    assert seen == (set() if barrier in ("sy", "ish") else {"O1"})
    elsewhere = CacheOp(1, "DC CVAC", PAGE_AT)
    assert _unclean(gone, elsewhere, dsb(barrier), *flush)
    done = dsb("sy", pe=1)
    assert _unclean(gone, elsewhere, done, dsb("sy"), *flush) == []


NEW = TABLE3 + 0x5000
LINK: list[Event] = [
    store(TABLE_AT + 24, table(NEW)),
    CacheOp(0, "DC CVAC", TABLE_AT + 24),
    dsb("sy"),
]


@pytest.mark.parametrize(
    ("lines", "reasons"), [(64, set()), (63, {"init"}), (0, {"init"})]
)
def test_table_linked_before_it_was_cleaned(lines: int, reasons: set[str]) -> None:
    cleans = [CacheOp(0, "DC CVAC", NEW + 64 * n) for n in range(lines)]
    found = _unclean(Zero(0, NEW, 4096), *cleans, dsb("sy"), *LINK, RELEASE)
    assert {v.reason for v in found} == reasons
    assert {v.pe for v in found} <= {2}


def test_old_descriptor_of_a_new_table_is_not_cleaned_away() -> None:
    memory = {**MEMORY, NEW: page(OTHER_OUT)}
    cleared = [store(NEW), dsb("sy"), *LINK, RELEASE]
    found = _unclean(*cleared, memory=memory)
    assert {(v.broken.value, v.pe) for v in found} == {("O1", 2)}
    clean = [store(NEW), CacheOp(0, "DC CVAC", NEW), dsb("sy"), *LINK, RELEASE]
    assert _unclean(*clean, memory=memory) == []


def test_flush_of_an_iommu_that_is_not_there() -> None:
    with pytest.raises(Unmodelled, match="IOMMU 3"):
        _run(IommuFlush(0, 3))
