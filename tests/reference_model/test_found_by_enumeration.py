"""Traces on which the machine was once wrong, as small as they get.

An enumerating machine or an order of two PEs' events has found them.
"""

from __future__ import annotations

import pytest
from shorthand import (
    MEMORY,
    ONE_RAN,
    OTHER_OUT,
    OTHER_ROOT,
    OUT,
    PAGE_AT,
    RELEASE,
    TABLE_AT,
    block,
    broken,
    dsb,
    machine,
    page,
    properties,
    store,
    table,
    tlbi,
    vttbr,
)

from reference_model.events import Eret, Event, Isb, Msr
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start


def test_the_later_of_two_stores_is_published_first() -> None:
    events = [
        store(PAGE_AT, page(OTHER_OUT), pe=1),
        store(PAGE_AT, page(OUT)),
        dsb("ish"),
        dsb("ish", pe=1),
    ]
    assert machine().run([*events, RELEASE]) == []


def test_a_pe_that_cannot_walk_makes_no_copies_r_tjqvp() -> None:
    # Drained and at EL2 from before the store until the flush is complete.
    flush: list[Event] = [tlbi("VMALLS12E1IS"), dsb("ish")]
    change = store(TABLE_AT, block(OTHER_OUT))
    events = [dsb("ish"), change, *flush, Eret(0), RELEASE]
    assert broken(events, before=ONE_RAN) == set()


def test_at_speculate_fills_from_the_start() -> None:
    run = machine("P4-at-spec").run([store(PAGE_AT), RELEASE])
    assert {v.broken.value for v in run} == {"O1"}


def test_at_speculate_fills_beside_what_is_held() -> None:
    # PE 0 holds entries of VM 1, loads VM 2, replaces a table of VM 1, and then
    # loads VM 1 again: what it fills conflicts with what it has kept.
    other = OTHER_ROOT + 0x1000
    start = Start(
        1,
        {**MEMORY, other: page(OTHER_OUT), OTHER_ROOT + 8: block(OUT)},
        ({"HCR_EL2": 1, "VTCR_EL2": 24 | 1 << 6, "VTTBR_EL2": vttbr()},),
    )
    events: list[Event] = [
        Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT)),
        Isb(0),
        store(TABLE_AT, table(other)),
        Msr(0, "VTTBR_EL2", vttbr()),
    ]
    run = Machine(ARCHITECTURE_PROFILES["P4-at-spec"], start).run(events)
    assert "O2" in {v.broken.value for v in run}


@pytest.mark.parametrize("profile", ["P0-v8.0", "P3-bbml2"])
def test_a_table_descriptor_serves_until_the_other_operation_acts(profile: str) -> None:
    # Each of two operations removes one leaf; the L form leaves the table to
    # the other one, and until that acts the first leaf may be filled again (M5).
    def flush(first: str) -> set[str]:
        ops = [tlbi(first, 0x4000_0000), tlbi("IPAS2E1IS", 0x4000_1000)]
        last = [dsb("ish"), tlbi("VMALLE1IS"), dsb("ish"), RELEASE]
        return properties([store(TABLE_AT), dsb("ishst"), *ops, *last], profile)

    assert flush("IPAS2E1IS") == set()
    assert flush("IPAS2LE1IS") == {"O1"}
