"""Single-stage tests: TLBI completion, own PE, publication, coherence."""

from __future__ import annotations

import pytest
from laid_out import (
    ETS2,
    P0,
    World,
    dmb,
    dsb,
    el1,
    faulted,
    isb,
    tlbi,
)

from reference_model.exploration.program import Instruction, Order, Outcome
from reference_model.exploration.search import explore
from reference_model.profiles import Profile

FLUSH = World().tlbi_va("VAAE1IS", "x")


def _own(*between: Instruction, make: bool, profile: Profile = P0) -> set[bool]:
    """Change x's leaf, load x on the same PE: does it fault?"""
    world = World(profile=profile)
    world.map1("x", None if make else "pa1")
    world.data(pa1=1)
    value = world.leaf1("pa1") if make else 0
    code = (world.st(value, world.s1("x")), *between, world.ld("r0", "x"))
    outcomes = explore(world.program(el1(*code, registers=world.registers())))
    return {faulted(outcome, 0, "r0") for outcome in outcomes.all}


@pytest.mark.parametrize(
    ("between", "profile", "faults"),
    [
        ((dsb(), FLUSH, dsb(), isb()), P0, {True}),  # V2I-UP-DSB-TLBI-DSB-ISB
        ((dsb(), FLUSH, dsb()), P0, {True, False}),  # V2I-UP-DSB-TLBI-DSB
        ((dsb(), FLUSH, dsb()), ETS2, {True}),
        ((dsb(), FLUSH, dsb("LD"), isb()), P0, {True, False}),
        ((dsb(), FLUSH, dsb("ST"), isb()), P0, {True, False}),
        ((dsb("ST"), FLUSH, dsb(), isb()), P0, {True}),
        ((dsb("LD"), FLUSH, dsb(), isb()), P0, {True, False}),
        ((dmb(), FLUSH, dsb(), isb()), P0, {True, False}),
        ((dsb(), isb()), P0, {True, False}),  # CoWinvT+dsb-isb
    ],
)
def test_valid_to_invalid(
    between: tuple[Instruction, ...], profile: Profile, faults: set[bool]
) -> None:
    assert _own(*between, make=False, profile=profile) == faults


@pytest.mark.parametrize(
    ("between", "profile", "faults"),
    [
        ((dsb(), isb()), P0, {False}),  # I2V-UP-DSB-ISB
        ((dsb(),), P0, {True, False}),  # I2V-UP-DSB
        ((dsb(),), ETS2, {False}),
        ((), P0, {True, False}),
        ((), ETS2, {False}),
        ((dsb("ST"), isb()), P0, {False}),  # I2V-W-DSB.ST-ISB-R
        ((dsb("LD"), isb()), P0, {True, False}),
    ],
)
def test_invalid_to_valid(
    between: tuple[Instruction, ...], profile: Profile, faults: set[bool]
) -> None:
    assert _own(*between, make=True, profile=profile) == faults


DSB_ISB = (dsb(), isb())


@pytest.mark.parametrize(
    ("order", "stale"),
    [((), True), ((dmb("LD"),), False), ((dsb(),), False), (DSB_ISB, False)],
)
@pytest.mark.parametrize("op", [FLUSH, tlbi("VMALLE1IS")])
def test_shootdown(
    order: tuple[Instruction, ...], stale: bool, op: Instruction
) -> None:
    """MP+shoot+{po,DMBLD,DSB,DSB-ISB}[+VMALL]: accesses in flight elsewhere."""
    world = World()
    world.map1("x", "pa1")
    world.data(pa1=1)
    registers = world.registers()
    change = (world.st(0, world.s1("x")), dsb(), op, dsb(), world.st(1, "flag"))
    program = world.program(
        el1(*change, registers=registers),
        el1(world.ld("r0", "flag"), *order, world.ld("r1", "x"), registers=registers),
    )

    def asked(outcome: Outcome) -> bool:
        return outcome.register(1, "r0") == 1 and outcome.register(1, "r1") == 1

    assert explore(program).reachable(asked) == stale


@pytest.mark.parametrize(
    ("between", "seen"), [((), True), ((dmb("ST"),), False), ((dsb(),), False)]
)
def test_a_table_is_linked_after_its_contents(
    between: tuple[Instruction, ...], seen: bool
) -> None:
    """ROT.inv+{po,dmbst,dsb}: the new table with its old, invalid leaf."""
    world = World()
    world.data(pa1=1)
    leaf, link = world.s1("x"), world.s1("x", level=2)
    table = world.memory.pop(link)
    registers = world.registers()
    store = world.st(world.leaf1("pa1"), leaf)
    program = world.program(
        el1(store, *between, world.st(table, link), registers=registers),
        el1(world.ld("r1", "x"), registers=registers),
    )

    def level_3(outcome: Outcome) -> bool:
        found = outcome.register(1, "r1")
        return not isinstance(found, int) and found.level == 3

    assert explore(program).reachable(level_3) == seen


@pytest.mark.parametrize(("asid", "stale"), [(1, False), (2, True)])
def test_an_asid_selects(asid: int, stale: bool) -> None:
    """CoWinvTa1.1 and CoWinvTa2.1: TLBI ASIDE1IS."""
    world = World()
    world.map1("x", "pa1")
    world.data(pa1=1)
    op = tlbi("ASIDE1IS", asid << 48)
    code = (world.st(0, world.s1("x")), dsb(), op, dsb(), isb(), world.ld("r0", "x"))
    registers = world.registers(asid=1)
    outcomes = explore(world.program(el1(*code, registers=registers)))
    assert outcomes.reachable(lambda o: o.register(0, "r0") == 1) == stale


@pytest.mark.parametrize("told", [True, False])
def test_break_before_make(told: bool) -> None:
    """BBM+dsb-tlbiis-dsb and MP.BBM1+…: the old page only before."""
    world = World()
    world.map1("x", "pa1")
    world.data(pa1=1, pa2=2)
    registers = world.registers()
    broken = (world.st(0, world.s1("x")), dsb(), FLUSH, dsb())
    made = (world.st(world.leaf1("pa2"), world.s1("x")), dsb(), world.st(1, "flag"))
    reader = (world.ld("r0", "flag"), dsb(), isb(), world.ld("r1", "x"))
    program = world.program(
        el1(*broken, *made, registers=registers), el1(*reader, registers=registers)
    )

    def old(outcome: Outcome) -> bool:
        after = outcome.register(1, "r0") == 1 or not told
        return after and outcome.register(1, "r1") != 2

    assert explore(program).reachable(old) != told


def test_an_old_read_is_done_before_the_page_changes() -> None:
    """RBS+dsb-tlbiis-dsb."""
    world = World()
    world.map1("x", "pa1")
    world.data(pa1=1)
    registers = world.registers()
    code = (world.st(0, world.s1("x")), dsb(), FLUSH, dsb(), world.st(2, "pa1"))
    program = world.program(
        el1(*code, registers=registers), el1(world.ld("r1", "x"), registers=registers)
    )
    assert not explore(program).reachable(lambda o: o.register(1, "r1") == 2)


@pytest.mark.parametrize(
    ("order", "barrier", "reached"),
    [
        (Order.PLAIN, (), True),
        (Order.PLAIN, (dmb("ST"),), True),
        (Order.PLAIN, (dmb("NSH"),), True),
        (Order.PLAIN, (dmb("ISH"),), False),
        (Order.RELEASE, (), False),
    ],
)
def test_message_passing_as_ever(
    order: Order, barrier: tuple[Instruction, ...], reached: bool
) -> None:
    """Load buffering between data and flag: only some orders forbid it."""
    world = World()
    world.data(a=0, f=0)
    program = world.program(
        el1(world.ld("r0", "a"), *barrier, world.st(1, "f", order=order), registers={}),
        el1(world.ld("r1", "f"), dmb(), world.st(1, "a"), registers={}),
    )

    def both(outcome: Outcome) -> bool:
        return outcome.register(0, "r0") == 1 and outcome.register(1, "r1") == 1

    assert explore(program).reachable(both) == reached
