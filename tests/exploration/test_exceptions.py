"""Walks that were begun before an exception, and TLBIs that come after it."""

from __future__ import annotations

import pytest
from laid_out import ERET, World, dmb, dsb, isb, msr, tlbi

from reference_model.exploration.program import (
    ExceptionEntry,
    Instruction,
    Store,
    Thread,
)
from reference_model.exploration.search import explore


def _switched(*between: Instruction, other: tuple[Instruction, ...] = ()) -> set[int]:
    """Return what x reads after EL2 loaded the stage 1 of another vCPU."""
    world = World(stages=2)
    world.map1("x", "ipa1", "vm1")
    world.map1("x", "ipa2", "vm2")
    world.map2("ipa1", "p")
    world.map2("ipa2", "q")
    world.data(p=1, q=2)
    root = world.root("vm2", "s1")
    code = (
        world.ld("r0", "x"),
        ExceptionEntry(label="HVC"),
        *between,
        msr("TTBR0_EL1", root),
        ERET,
        world.ld("r1", "x"),
    )
    threads = [Thread(code, world.registers())]
    if other:
        threads.append(Thread(other, world.registers(), el=2))
    found = explore(world.program(*threads)).all
    return {value for o in found if isinstance(value := o.register(0, "r1"), int)}


@pytest.mark.parametrize("op", ["VMALLE1", "VMALLE1IS", "VMALLS12E1IS", "ALLE1IS"])
def test_walks_begun_before_it_end_with_a_tlbi(op: str) -> None:
    """R-C and R-F: nothing that such a walk made outlives the operation."""
    assert _switched(dsb("NSHST"), tlbi(op), dsb("NSH"), isb()) == {2}


@pytest.mark.parametrize("last", [(), (dsb("NSHST"),)])
def test_an_operation_not_complete_removes_nothing(
    last: tuple[Instruction, ...],
) -> None:
    assert _switched(dsb("NSHST"), tlbi("VMALLE1"), *last) == {1, 2}


def test_no_operation_at_all() -> None:
    assert _switched(dsb(), isb()) == {1, 2}


def test_a_walk_outlives_an_operation_of_another_pe() -> None:
    """R_LFHQG: the PE has to end it by a DSB of its own (F3.6)."""
    other = (tlbi("VMALLE1IS"), dsb())
    assert _switched(other=other) == {1, 2}


@pytest.mark.parametrize("barrier", [(), (dmb("ST"),), (dsb("ST"),)])
def test_a_handler_may_run_before_what_only_a_dmb_st_orders(
    barrier: tuple[Instruction, ...],
) -> None:
    """A DMB ST orders the fault after stores, not the loads of its handler."""
    world = World()
    world.map1("z", None)
    world.data(f=0, g=0)
    store = Store(world.at("z"), 1, label="STR 1, z")
    code = (world.st(1, "f"), *barrier, store)
    first = Thread(code, world.registers(), on_fault=(world.ld("r0", "g"),))
    second = Thread((world.st(1, "g"), dmb(), world.ld("r1", "f")), {})
    found = explore(world.program(first, second)).reachable(
        lambda o: o.register(0, "r0") == 0 and o.register(1, "r1") == 0
    )
    assert found == (barrier != (dsb("ST"),))
