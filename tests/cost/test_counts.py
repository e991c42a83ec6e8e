"""Counts of what a run executed."""

from __future__ import annotations

from harness.cost.classes import classify
from harness.cost.counts import Counts, count
from reference_model.coordinates import Coord, Origin
from reference_model.events import (
    Barrier,
    BarrierKind,
    Domain,
    Event,
    IrqMask,
    Isb,
    Msr,
    Repeat,
    Tlbi,
)

HERE = Origin(Coord("p2m.c", 1))


def _tlbi(op: str, *, pe: int = 0, own: bool = True) -> Tlbi:
    return Tlbi(pe, op, origin=HERE if own else None)


def test_each_kind_of_instruction_is_counted() -> None:
    events: list[Event] = [
        Msr(0, "VTTBR_EL2", 1, origin=HERE),
        Msr(0, "HCR_EL2", 1, origin=HERE),
        Isb(0, origin=HERE),
        _tlbi("VMALLE1"),
        _tlbi("IPAS2E1IS"),
        _tlbi("VMALLE1"),
        Barrier(0, BarrierKind.DSB, Domain.ISH, origin=HERE),
        Barrier(0, BarrierKind.DMB, Domain.ISH, origin=HERE),
    ]
    assert count(events) == Counts(
        (("IPAS2E1IS", 1), ("VMALLE1", 2)), dsb=1, isb=1, vttbr=1
    )


def test_what_the_scenario_models_around_the_code_is_not_counted() -> None:
    assert count([_tlbi("VMALLE1", own=False), Isb(0)]) == Counts()


def test_passes_of_a_loop_count_each() -> None:
    loop = Repeat(0, (_tlbi("IPAS2E1IS"),), 512, (1,))
    assert count([loop]).tlbi == (("IPAS2E1IS", 512),)


def test_the_longest_stretch_with_irqs_masked() -> None:
    masked, unmasked = IrqMask(0, True), IrqMask(0, False)
    one, loop = _tlbi("VMALLE1"), Repeat(0, (_tlbi("IPAS2E1IS"),), 5, (1,))
    events: list[Event] = [one, masked, one, unmasked, one, masked, loop, one, unmasked]
    assert count(events).irqs_off == 6


def test_another_cpu_is_not_masked() -> None:
    events: list[Event] = [IrqMask(0, True), _tlbi("VMALLE1", pe=1)]
    assert count(events).irqs_off == 0


def test_tlbis_are_classified_by_what_they_remove() -> None:
    counts = Counts(
        (
            ("ALLE1IS", 1),
            ("ALLE2", 2),
            ("IPAS2E1IS", 3),
            ("IPAS2LE1", 4),
            ("RIPAS2E1IS", 5),
            ("VAE1IS", 6),
            ("VMALLE1", 7),
            ("VMALLS12E1", 8),
            ("VMALLS12E1OS", 9),
        )
    )
    found = classify(counts)
    assert (found.every, found.el2, found.ipa, found.range) == (1, 2, 7, 5)
    assert (found.stage1, found.full) == (13, 17)
    assert found.local == 2 + 4 + 7 + 8
    assert found.total == 45
