"""Right entries that TLB maintenance drops, counted by the machine."""

from __future__ import annotations

import pytest

from reference_model.events import (
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    Store,
    Tlbi,
)
from reference_model.machine import Machine, Start
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.refills import Refills, refills

ROOT, L2, L3, PAGE = 0x8000_0000, 0x8000_1000, 0x8000_2000, 0x9000_0000
TABLE, LEAF = 3, 0x7FF
VMID = 1 << 48
REGISTERS = {
    "VTTBR_EL2": VMID | ROOT,
    # 39-bit IPA, start at level 1.
    "VTCR_EL2": 25 | 1 << 6 | 1 << 31,
    "HCR_EL2": 1 | 1 << 31,
}
DSB = Barrier(0, BarrierKind.DSB, Domain.ISH)


def _machine(pages: int, pes: int = 1) -> Machine:
    memory = {ROOT: L2 | TABLE, L2: L3 | TABLE}
    memory |= {L3 + 8 * n: PAGE + 4096 * n | LEAF for n in range(pages)}
    start = Start(pes, memory, (REGISTERS,) * pes)
    return Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start)


def _trace(*operations: Tlbi) -> list[Event]:
    return [Eret(0), *operations, DSB]


@pytest.mark.parametrize("pages", [1, 3, 40])
def test_a_full_flush_drops_all(pages: int) -> None:
    found = refills(_machine(pages), _trace(Tlbi(0, "VMALLS12E1IS")))
    assert found == Refills(2 * pages, 2 * pages)


def test_a_stage1_flush_leaves_what_is_by_ipa() -> None:
    assert refills(_machine(3), _trace(Tlbi(0, "VMALLE1IS"))) == Refills(3, 6)


def test_an_operation_by_ipa_drops_one() -> None:
    assert refills(_machine(3), _trace(Tlbi(0, "IPAS2E1IS", 1))) == Refills(1, 6)


def test_what_is_out_of_date_is_no_refill() -> None:
    trace: list[Event] = [Eret(0), Store(0, L3, 0), DSB, Tlbi(0, "VMALLS12E1IS"), DSB]
    assert refills(_machine(3), trace) == Refills(4, 4)


def test_a_broadcast_drops_on_every_cpu() -> None:
    local, broadcast = Tlbi(0, "VMALLS12E1"), Tlbi(0, "VMALLS12E1IS")
    trace = [Eret(1), Eret(0)]
    assert refills(_machine(2, pes=2), [*trace, local, DSB]) == Refills(4, 4)
    assert refills(_machine(2, pes=2), [*trace, broadcast, DSB]) == Refills(8, 8)


def test_an_entry_dropped_by_two_operations_counts_once() -> None:
    trace = _trace(Tlbi(0, "IPAS2E1IS", 1), Tlbi(0, "VMALLS12E1IS"))
    assert refills(_machine(2), trace) == Refills(4, 4)
