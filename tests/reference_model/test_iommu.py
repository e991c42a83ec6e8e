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
    tlbi,
    vttbr,
)

from reference_model.assumptions import Assumptions
from reference_model.events import CacheOp, Event, IommuFlush, TableFree
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.shareability import Iommu
from reference_model.start import Start
from reference_model.unmodelled import Unmodelled

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


def test_flush_of_an_iommu_that_is_not_there() -> None:
    with pytest.raises(Unmodelled, match="IOMMU 3"):
        _run(IommuFlush(0, 3))
