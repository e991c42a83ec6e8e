"""The reductions leave out no outcome and add none."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from laid_out import P0, REPEAT, World, dmb, dsb, el1, isb
from random_programs import programs

from reference_model.exploration.program import Bounds, Program, Store
from reference_model.exploration.search import explore
from reference_model.profiles import Profile
from reference_model.unexhausted import Unexhausted


def _by_dependency() -> Program:
    """A store whose address comes late, and a load of the same page by its PA."""
    world = World()
    world.map1("x", "pa1")
    world.data(pa1=1, f=0)
    load = world.ld("r3", "f")
    store = Store(world.at("x"), 5, address_from=("r3",))
    code = (load, store, world.ld("r0", "pa1"))
    return world.program(el1(*code, registers=world.registers()))


def _late_store(profile: Profile) -> Program:
    """A store translated before, and performed after, its page is taken away."""
    world = World(profile=profile)
    world.map1("x", "pa1")
    world.data(pa1=1, f=0)
    registers = world.registers()
    flush = world.tlbi_va("VAE1IS", "x")
    code = (world.st(0, world.s1("x")), dsb(), flush, dsb(), world.st(1, "f"))
    first = el1(*code, world.ld("r1", "pa1"), registers=registers)
    second = el1(world.ld("r0", "f"), dmb(), world.st(7, "x"), registers=registers)
    return world.program(first, second, observed=("pa1",))


def _fault_before_maintenance() -> Program:
    """A TLBI after an access that may fault need not be executed at all."""
    world = World()
    world.map1("x", None)
    world.data(pa1=1, f=0)
    registers = world.registers()
    own = (world.ld("r0", "x"), world.tlbi_va("VAE1", "x"), dsb(), world.st(1, "f"))
    make = world.st(world.leaf1("pa1"), world.s1("x"))
    return world.program(el1(*own, registers=registers), el1(make, registers=registers))


def _seen_by_own_walks() -> Program:
    """A DSB of the non-shareable domain: seen by its own PE's walks first."""
    world = World()
    world.map1("x", "pa1")
    world.data(pa1=1, f=0)
    registers = world.registers()
    code = (
        world.st(0, world.s1("x")),
        dsb("NSHST"),
        world.tlbi_va("VAE1", "x"),
        dsb("NSH"),
        isb(),
        world.ld("r0", "x"),
    )
    other = (world.ld("r1", "x"), world.ld("r2", "f"))
    return world.program(
        el1(*code, registers=registers), el1(*other, registers=registers)
    )


@pytest.mark.parametrize(
    "program",
    [
        _by_dependency(),
        _late_store(P0),
        _late_store(REPEAT),
        _fault_before_maintenance(),
        _seen_by_own_walks(),
    ],
)
def test_corners_have_the_same_outcomes(program: Program) -> None:
    assert explore(program).all == explore(program, reduced=False).all
    assert explore(program).all


SMALL = Bounds(states=1200)


def _compare(program: Program) -> None:
    try:
        slow = explore(program, SMALL, reduced=False)
    except Unexhausted:
        assume(False)
    fast = explore(program, SMALL)
    assert fast.all == slow.all
    assert fast.states <= slow.states


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_two_pes_have_the_same_outcomes(program: Program) -> None:
    _compare(program)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(pes=3))
def test_three_pes_have_the_same_outcomes(program: Program) -> None:
    _compare(program)
