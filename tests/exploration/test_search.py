"""The answers of the explorer as such: executions, bounds, refusals."""

from __future__ import annotations

import pytest
from laid_out import World, dsb, el1, el2, faulted, isb, msr, tlbi

from reference_model.assumptions import Assumptions
from reference_model.exploration.program import (
    Bounds,
    FaultKind,
    Program,
    Store,
    Thread,
)
from reference_model.exploration.search import explore
from reference_model.unexhausted import Unexhausted
from reference_model.unmodelled import Unmodelled


def _unmap() -> Program:
    world = World()
    world.map1("x", "pa1")
    world.data(pa1=1)
    code = (world.st(0, world.s1("x")), dsb(), isb(), world.ld("r0", "x"))
    return world.program(el1(*code, registers=world.registers()))


def test_a_shortest_execution_ends_as_asked() -> None:
    outcomes = explore(_unmap())
    way = outcomes.shortest(lambda o: o.register(0, "r0") == 1)
    assert way is not None
    assert [(step.pe, step.label.split()[0]) for step in way] == [
        (0, "STR"),
        (0, "DSB"),
        (0, "ISB"),
        (0, "LDR"),
    ]
    assert "S12" in way[-1].what and way[-1].what.endswith("reads 0x1")


def test_no_execution_for_what_cannot_be() -> None:
    assert explore(_unmap()).shortest(lambda o: o.register(0, "r0") == 2) is None


def test_the_bound_is_an_error() -> None:
    with pytest.raises(Unexhausted, match="more than 2 states"):
        explore(_unmap(), Bounds(states=2))


def test_results_do_not_depend_on_the_run() -> None:
    first, second = explore(_unmap()), explore(_unmap())
    assert first.all == second.all
    assert first.shortest(lambda o: True) == second.shortest(lambda o: True)


@pytest.mark.parametrize(
    ("register", "value", "message"),
    [
        ("HCR_EL2", 1 << 34, "E2H"),
        ("TTBR0_EL1", 1, "CnP"),
        ("TCR_EL1", 16 | 1 << 14, "granule"),
        ("TTBR1_EL1", 0, "TTBR1_EL1"),
    ],
)
def test_registers_that_are_not_explored(
    register: str, value: int, message: str
) -> None:
    world = World()
    world.map1("x", "pa1")
    code = (msr(register, value), world.ld("r0", "x"))
    with pytest.raises(Unmodelled, match=message):
        explore(world.program(el2(*code, registers=world.registers())))


@pytest.mark.parametrize(("bit", "message"), [(52, "Contiguous"), (16, "nT")])
def test_descriptors_that_are_not_explored(bit: int, message: str) -> None:
    world = World()
    cell = world.s1("x", level=2)
    world.memory[cell] = 0x4020_0000 | 1 << 10 | 1 | 1 << bit
    with pytest.raises(Unmodelled, match=message):
        explore(world.program(el1(world.ld("r0", "x"), registers=world.registers())))


@pytest.mark.parametrize("name", ["VMALLS12E1ISNXS", "VMALLWS2E1"])
def test_operations_that_are_not_explored(name: str) -> None:
    world = World()
    world.map1("x", "pa1")
    with pytest.raises(Unmodelled, match=name):
        explore(world.program(el2(tlbi(name), registers=world.registers())))


def test_an_assumption_it_cannot_follow_is_refused() -> None:
    with pytest.raises(Unmodelled, match="combined_tlb"):
        explore(_unmap(), assumptions=Assumptions(combined_tlb=False))


@pytest.mark.parametrize("ets", [None, 2])
def test_the_ets_level_may_be_assumed(ets: int | None) -> None:
    world = World()
    world.map1("x", None)
    world.data(pa1=1)
    code = (world.st(world.leaf1("pa1"), world.s1("x")), dsb(), world.ld("r0", "x"))
    program = world.program(el1(*code, registers=world.registers()))
    outcomes = explore(program, assumptions=Assumptions(ets_level=ets))
    assert outcomes.reachable(lambda o: faulted(o, 0, "r0")) == (ets is None)


def test_a_block_translates_every_page_in_it() -> None:
    world = World()
    world.memory[world.s1("x", level=2)] = 0x4020_0000 | 1 << 10 | 1
    world.memory[0x4020_0000 + world.va("x") % (1 << 21)] = 9
    outcomes = explore(
        world.program(el1(world.ld("r0", "x"), registers=world.registers()))
    )
    assert {o.register(0, "r0") for o in outcomes.all} == {9}


def test_an_access_flag_fault_is_not_cached() -> None:
    world = World()
    world.data(pa1=1)
    cell = world.s1("x")
    world.memory[cell] = world.leaf1("pa1", 1 << 10)
    code = (world.st(world.leaf1("pa1"), cell), dsb(), isb(), world.ld("r0", "x"))
    before = explore(world.program(el1(code[-1], registers=world.registers())))
    assert [o.faults[0][2].kind for o in before.all] == [FaultKind.ACCESS_FLAG]
    after = explore(world.program(el1(*code, registers=world.registers())))
    assert {o.register(0, "r0") for o in after.all} == {1}


def test_a_fault_is_precise() -> None:
    """What comes after a faulting access leaves no trace."""
    world = World()
    world.map1("x", None)
    code = (
        Store(world.at("x"), 1, label="STR 1, x"),
        world.st(1, "f"),
        world.ld("r0", "f"),
    )
    thread = Thread(code, world.registers())
    outcomes = explore(world.program(thread, observed=("f",)))
    (only,) = outcomes.all
    assert only.faults[0][:2] == (0, "STR 1, x")
    assert only.cell(world.page("f")) == 0 and not only.registers
