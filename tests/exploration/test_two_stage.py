"""Two-stage and EL2 tests whose answers are published, and their neighbours."""

from __future__ import annotations

import pytest
from laid_out import (
    ERET,
    GLOBAL,
    HVC,
    REPEAT,
    World,
    dmb,
    dsb,
    el1,
    el2,
    faulted,
    isb,
    msr,
    tlbi,
)

from reference_model.exploration.program import (
    Instruction,
    Order,
    Outcome,
    Program,
    Thread,
)
from reference_model.exploration.search import explore


def _mapped(valid: bool = True) -> World:
    world = World(stages=2)
    world.map1("x", "ipa1")
    world.map2("ipa1", "pa1" if valid else None)
    world.data(pa1=1)
    return world


IPAS = _mapped().tlbi_ipa("IPAS2E1", "ipa1")
IPAS_IS = _mapped().tlbi_ipa("IPAS2E1IS", "ipa1")
S1, S1_IS = tlbi("VMALLE1"), tlbi("VMALLE1IS")
BOTH, BOTH_IS = tlbi("VMALLS12E1"), tlbi("VMALLS12E1IS")


def _alone(*between: Instruction, make: bool = False) -> set[bool]:
    """Change stage 2 at EL2, return to the guest: does its load fault?"""
    world = _mapped(not make)
    value = world.leaf2("pa1") if make else 0
    store = world.st(value, world.s2("ipa1"))
    code = (store, *between, ERET, world.ld("r0", "x"))
    outcomes = explore(world.program(el2(*code, registers=world.registers())))
    return {faulted(outcome, 0, "r0") for outcome in outcomes.all}


@pytest.mark.parametrize(
    ("between", "stale"),
    [
        ((dsb(), IPAS, dsb(), S1, dsb()), False),  # CoWinvT2+…-tlbivmall-dsb-eret
        ((dsb(), IPAS, dsb()), True),  # combined entries stay
        ((dsb(), S1, dsb()), True),
        ((dsb(), BOTH, dsb()), False),
        ((dsb("NSHST"), BOTH, dsb("NSH")), False),
        ((dsb(), BOTH), True),
        ((dsb(), BOTH, dsb("ISHST")), True),
        ((dsb(), BOTH, dsb("LD")), True),
        ((dsb(),), True),
    ],
)
def test_a_removed_leaf_on_the_same_pe(
    between: tuple[Instruction, ...], stale: bool
) -> None:
    assert _alone(*between) == ({True, False} if stale else {True})


@pytest.mark.parametrize(
    ("between", "spurious"),
    [
        ((), True),  # CoWTf.inv.EL2+po
        ((dsb(), IPAS, dsb()), False),  # CoWinvT2+dsb-tlbiipa-dsb-eret as shipped
        ((dsb(), BOTH_IS, dsb()), False),  # CoWTv2.2.inv+dsb-tlbivmidis-dsb-eret
        ((dsb("ISHST"),), False),  # R_SPVBD
        ((dsb("LD"),), True),
    ],
)
def test_a_new_leaf_on_the_same_pe(
    between: tuple[Instruction, ...], spurious: bool
) -> None:
    assert (True in _alone(*between, make=True)) == spurious


def _told(*between: Instruction, world: World | None = None) -> bool:
    """Remove a leaf, tell a guest on another PE: may it still use it?"""
    world = world or _mapped()
    registers = world.registers()
    first = el2(
        world.st(0, world.s2("ipa1")),
        *between,
        world.st(1, "flag"),
        registers=registers,
    )
    second = el1(
        world.ld("r0", "flag"), dsb(), isb(), world.ld("r1", "x"), registers=registers
    )

    def stale(outcome: Outcome) -> bool:
        return outcome.register(1, "r0") == 1 and outcome.register(1, "r1") == 1

    return explore(world.program(first, second)).reachable(stale)


@pytest.mark.parametrize(
    ("between", "stale"),
    [
        ((dsb(), IPAS_IS, dsb(), S1_IS, dsb()), False),  # MP.RT.EL2
        ((dsb(), IPAS, dsb(), S1_IS, dsb()), True),  # MP.invRT2+dsb-tlbiipa-…
        ((dsb(), IPAS_IS, dsb()), True),  # MP.invRT2+dsb-tlbiipais-dsb
        ((dsb(), IPAS_IS, dsb(), S1, dsb()), True),
        ((dsb(), IPAS_IS, S1_IS, dsb()), True),
        ((dsb(), IPAS_IS, dsb("NSH"), S1_IS, dsb()), True),
        ((dsb(), IPAS_IS, dsb("ISHST"), S1_IS, dsb()), True),
        ((dsb(), S1_IS, dsb(), IPAS_IS, dsb()), True),
        ((dsb(), BOTH_IS, dsb()), False),
        ((dsb("ISHST"), BOTH_IS, dsb("ISH")), False),
        ((dsb("NSHST"), BOTH_IS, dsb()), True),
        ((dmb("ST"), BOTH_IS, dsb()), True),
        ((dsb(), BOTH_IS, dsb("NSH")), True),
        ((dsb(), BOTH_IS, dsb("ISHST")), True),
        ((dsb(), BOTH, dsb()), True),
    ],
)
def test_a_removed_leaf_on_another_pe(
    between: tuple[Instruction, ...], stale: bool
) -> None:
    assert _told(*between) == stale


def test_break2_news1() -> None:
    """A stage-1 leaf made after stage 2 was broken leads nowhere."""
    world = _mapped()
    world.map1("x", None)
    registers = world.registers()
    make = world.st(world.leaf1("ipa1"), world.s1("x"))
    code = (world.st(0, world.s2("ipa1")), dsb(), IPAS_IS, dsb(), S1_IS, dsb(), make)
    program = world.program(
        el2(*code, registers=registers),
        el1(world.ld("r1", "x"), registers=registers),
    )
    assert not explore(program).reachable(lambda o: o.register(1, "r1") == 1)


def _two_vms(vmid: int, *maintenance: Instruction) -> Program:
    world = _mapped()
    world.map1("x", "ipa1", "vm2")
    world.map2("ipa1", "pa2", "vm2")
    world.data(pa2=2)
    other = world.registers("vm2", vmid)
    switch = [msr(name, other[name]) for name in ("TTBR0_EL1", "VTTBR_EL2")]
    load = world.ld("r0", "x"), world.ld("r1", "x")
    code = (load[0], HVC, dsb(), *maintenance, *switch, ERET, load[1])
    return world.program(el1(*code, registers=world.registers()))


@pytest.mark.parametrize(
    ("program", "mixed"),
    [
        (_two_vms(2), False),  # pKVM.vcpu_run
        (_two_vms(1), True),
        (_two_vms(1, tlbi("VMALLS12E1"), dsb()), False),
        (_two_vms(1, tlbi("VMALLE1"), dsb()), True),
        (_two_vms(1, tlbi("ALLE1"), dsb()), False),
    ],
)
def test_the_next_vm_sees_its_own_memory(program: Program, mixed: bool) -> None:
    outcomes = explore(program)
    assert outcomes.reachable(lambda o: o.register(0, "r1") != 2) == mixed


def test_a_stage_2_fault_is_handled_once() -> None:
    world = _mapped(valid=False)
    handler = (
        world.st(world.leaf2("pa1"), world.s2("ipa1"), order=Order.RELEASE),
        dsb("ISHST"),
        ERET,
        world.ld("r1", "x"),
    )
    thread = Thread((world.ld("r0", "x"),), world.registers(), on_fault=handler)
    outcomes = explore(world.program(thread))
    assert outcomes.always(lambda o: faulted(o, 0, "r0") and o.register(0, "r1") == 1)


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_new_leaf_of_el2_itself(synchronised: bool) -> None:
    """pKVM.create_hyp_mappings.inv.l3."""
    world = World()
    world.map_hyp("x", None)
    world.data(pa1=1)
    store = world.st(world.leaf1("pa1", GLOBAL), world.hyp("x"), order=Order.RELEASE)
    barriers = (dsb(), isb()) if synchronised else (dsb(),)
    registers = world.registers(hyp=True)
    thread = el2(store, *barriers, world.ld("r0", "x"), registers=registers)
    outcomes = explore(world.program(thread))
    assert outcomes.reachable(lambda o: faulted(o, 0, "r0")) != synchronised


@pytest.mark.parametrize("repeated", [True, False])
def test_the_erratum_leaves_stores_in_flight(repeated: bool) -> None:
    """REPEAT_TLBI: a store through the old entry reaches the recycled page."""
    world = World(stages=2, profile=REPEAT)
    world.map1("x", "ipa1")
    world.map2("ipa1", "pa1")
    world.data(pa1=0)
    registers = world.registers()
    again = (tlbi("VALE2IS"), dsb("ISH")) if repeated else ()
    code = (
        world.st(0, world.s2("ipa1")),
        dsb("ISHST"),
        BOTH_IS,
        dsb("ISH"),
        *again,
        world.ld("r0", "pa1"),
        dsb(),
        world.ld("r1", "pa1"),
    )
    first = el2(*code, registers=registers)
    second = el1(world.ld("r2", "f"), world.st(7, "x"), registers=registers)
    found = explore(world.program(first, second))

    def corrupted(outcome: Outcome) -> bool:
        return outcome.register(0, "r0") == 0 and outcome.register(0, "r1") == 7

    assert found.reachable(corrupted) != repeated
