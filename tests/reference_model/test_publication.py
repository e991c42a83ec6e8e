"""Cleared pages that walks reach before their clearing is sure to be seen (F8.4)."""

from __future__ import annotations

import pytest
from shorthand import MEMORY, TABLE2, dmb, dsb, registers, store, table, vttbr

from reference_model.events import Eret, Event, Isb, Msr, Zero
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start

NEW = 0x70_0000
CLEAR = Zero(0, NEW, 0x2000)


def _found(*events: Event, inner: tuple[int, ...] = (0, 0)) -> set[tuple[int, str]]:
    start = Start(2, MEMORY, (registers(0), registers(1)), inner=inner)
    run = Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start).run([Eret(1), *events])
    return {(v.pe, v.reason) for v in run}


@pytest.mark.parametrize(
    ("barrier", "reasons"),
    [
        (dsb("ishst"), set()),
        (dsb("nsh"), set()),
        (dmb("ish"), {(0, "init")}),
        (Isb(0), {(0, "init")}),
    ],
    ids=["dsb ishst", "dsb nsh", "dmb ish", "isb"],
)
def test_root_needs_a_dsb(barrier: Event, reasons: set[tuple[int, str]]) -> None:
    """No descriptor links a root, so the order of stores does not help."""
    enter: list[Event] = [Msr(0, "VTTBR_EL2", vttbr(2, NEW)), Isb(0), Eret(0)]
    assert _found(CLEAR, barrier, *enter) == reasons


def test_other_inner_domains_are_not_reached() -> None:
    link = store(TABLE2 + 24, table(NEW))
    assert _found(CLEAR, dsb("ish"), link) == set()
    assert _found(CLEAR, dsb("ish"), link, inner=(0, 1)) == {(1, "init")}
    assert _found(CLEAR, dsb("osh"), link, inner=(0, 1)) == set()
    assert _found(CLEAR, dsb("ish", pe=1), link) == {(1, "init")}
