"""The explorer and the reference machine agree on what a TLB may hold.

Both take the same trace.  The machine lets walkers see old values until a DSB;
the explorer lets stores be performed at any time until then.  Stage 1 is off, so
that the guest reaches every IPA and no other combined entry than theirs exists.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference_model import events as ev
from reference_model.assumptions import Assumptions
from reference_model.entries import EntryKind
from reference_model.events import Access, BarrierKind, Domain
from reference_model.exploration.filling import held
from reference_model.exploration.held import GRANULE, HeldKind
from reference_model.exploration.program import (
    Barrier,
    Eret,
    ExceptionEntry,
    Instruction,
    Isb,
    Load,
    Msr,
    Physical,
    Program,
    Store,
    Thread,
    Tlbi,
    Virtual,
)
from reference_model.exploration.state import State
from reference_model.exploration.steps import Steps, start
from reference_model.exploration.world import World
from reference_model.machine import Machine, Start
from reference_model.operands import encode_ipa
from reference_model.profiles import ARCHITECTURE_PROFILES, Profile

VTCR = 25 | 1 << 6  # 39-bit IPA from level 1
ROOTS = {1: 0x1000_0000, 2: 0x1100_0000}
MIDDLE, LEAVES, SPARE = 0x1000_1000, 0x1000_2000, 0x1000_3000
PAGES = (0x5000_0000, 0x5000_1000)
IPAS = (0x0040_0000, 0x0040_1000)
LEAF = 1 << 10 | 0b11 << 6 | 0xF << 2
# Walks begun before an exception: each has its own idea when they end.
READINGS = Assumptions(dsb_transitive=False, drain_ptw=True)
KINDS = {
    EntryKind.S2: HeldKind.S2,
    EntryKind.S2W: HeldKind.S2W,
    EntryKind.S12: HeldKind.S12,
}


def _index(ipa: int, level: int) -> int:
    return GRANULE.index(ipa, level) * 8


MEMORY = {
    ROOTS[1] + _index(IPAS[0], 1): MIDDLE | 3,
    ROOTS[2] + _index(IPAS[0], 1): MIDDLE | 3,  # two VMIDs, tables in common
    MIDDLE + _index(IPAS[0], 2): LEAVES | 3,
    LEAVES + _index(IPAS[0], 3): PAGES[0] | LEAF | 3,
    LEAVES + _index(IPAS[1], 3): PAGES[1] | LEAF | 3,
    SPARE + _index(IPAS[0], 3): PAGES[1] | LEAF | 3,
}
STORES = [
    (LEAVES + _index(IPAS[0], 3), 0),
    (LEAVES + _index(IPAS[0], 3), PAGES[1] | LEAF | 3),
    (LEAVES + _index(IPAS[1], 3), 0),
    (MIDDLE + _index(IPAS[0], 2), 0),
    (MIDDLE + _index(IPAS[0], 2), SPARE | 3),
    (MIDDLE + _index(IPAS[0], 2), LEAVES | 3),
    (SPARE + _index(IPAS[0], 3), 0),
]
OPS = [
    *(
        (op + scope, encode_ipa(ipa))
        for op in ("IPAS2E1", "IPAS2LE1")
        for scope in ("", "IS")
        for ipa in IPAS
    ),
    *(
        (op + scope, 0)
        for op in ("VMALLE1", "VMALLS12E1", "ALLE1")
        for scope in ("", "IS")
    ),
]


def _registers(vmid: int) -> dict[str, int]:
    return {"HCR_EL2": 1, "VTCR_EL2": VTCR, "VTTBR_EL2": ROOTS[vmid] | vmid << 48}


@dataclass(frozen=True, repr=False)
class Trace:
    """Who does what, in order; every PE starts at EL2 and enters its guest."""

    profile: Profile
    events: tuple[tuple[int, Instruction], ...]

    def __repr__(self) -> str:
        return "\n".join(f"{pe} {_event(pe, one)}" for pe, one in self.events)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    profile = draw(st.sampled_from(["P0-v8.0", "P3-bbml2", "P2-v8.4"]))
    inside = [draw(st.booleans()) for _ in range(2)]
    found: list[tuple[int, Instruction]] = []
    for pe, entered in enumerate(inside):
        found.append((pe, Eret()))
        if not entered:
            found += [(pe, ExceptionEntry()), (pe, _dsb(Domain.SY))]
    for _ in range(draw(st.integers(1, 8))):
        pe = draw(st.integers(0, 1))
        found += [(pe, one) for one in draw(_step(inside, pe))]
    return Trace(ARCHITECTURE_PROFILES[profile], tuple(found))


def _dsb(domain: Domain, access: Access = Access.ALL) -> Barrier:
    return Barrier(BarrierKind.DSB, domain, access)


@st.composite
def _step(draw: st.DrawFn, inside: list[bool], pe: int) -> list[Instruction]:
    what = draw(st.integers(0, 9))
    if what < 3:
        pa, value = draw(st.sampled_from(STORES))
        return [Store(Physical(pa), value)]
    if what < 6:
        name, operand = draw(st.sampled_from(OPS))
        return [Tlbi(name, operand)]
    if what < 9:
        domain = draw(st.sampled_from([Domain.NSH, Domain.ISH, Domain.SY]))
        access = draw(st.sampled_from([Access.ALL, Access.ALL, Access.ST, Access.LD]))
        return [_dsb(domain, access)]
    if inside[pe]:
        inside[pe] = False
        return [ExceptionEntry()]
    if draw(st.booleans()):
        vmid = draw(st.sampled_from([1, 2]))
        change = Msr("VTTBR_EL2", _registers(vmid)["VTTBR_EL2"])
        return [change, Isb()] if draw(st.booleans()) else [change]
    inside[pe] = True
    return [Eret()]


# --------------------------------------------------------------------- machine


def _event(pe: int, one: Instruction) -> ev.Event:
    match one:
        case Store(address=Physical(pa), value=int(value)):
            return ev.Store(pe, pa, value)
        case Tlbi():
            return ev.Tlbi(pe, one.op, one.operand)
        case Barrier():
            return ev.Barrier(pe, one.kind, one.domain, one.access)
        case Msr():
            return ev.Msr(pe, one.register, one.value)
        case Isb():
            return ev.Isb(pe)
        case Eret():
            return ev.Eret(pe)
    return ev.ExceptionEntry(pe)


def _machine(trace: Trace) -> set[tuple[int, EntryKind, int, int]]:
    given = tuple(_registers(1) for _ in range(2))
    machine = Machine(trace.profile, Start(2, MEMORY, given), READINGS)
    machine.run(_event(pe, one) for pe, one in trace.events)
    return {
        (pe, kind, vmid, ipa)
        for pe in range(2)
        for kind in KINDS
        for vmid in ROOTS
        for ipa in IPAS
        if machine.may_hold(pe, kind, vmid, ipa)
    }


# -------------------------------------------------------------------- explorer


def _explorer(trace: Trace) -> set[tuple[int, EntryKind, int, int]]:
    """Let the trace's steps happen in order, stores at any time after theirs."""
    loads = tuple(Load(f"r{n}", Virtual(ipa)) for n, ipa in enumerate(IPAS))
    codes = [tuple(one for at, one in trace.events if at == pe) for pe in range(2)]
    # The loads never run; their addresses are what the explorer walks for.
    program = Program(
        tuple(
            Thread((*code, *_back(code), *loads), _registers(1), 2) for code in codes
        ),
        MEMORY,
        profile=trace.profile,
    )
    world = World(program, Assumptions(drain_ptw=True))
    steps = Steps(world)
    places = [
        sum(other == pe for other, _ in trace.events[:at])
        for at, (pe, _) in enumerate(trace.events)
    ]
    states = {_without_start(start(world))}
    for at, (pe, one) in enumerate(trace.events):
        states = _performed(steps, states, trace.events[:at], places)
        if isinstance(one, Store):
            continue
        states = {
            after for state in states for after in _after(steps, state, pe, places[at])
        }
    states = _performed(steps, states, trace.events, places)
    found = set()
    for state in states:
        for pe, each in enumerate(state.pes):
            for entry in world.tlbs.entries(held(each)):
                for kind, known in KINDS.items():
                    for ipa in IPAS:
                        last = entry.start + GRANULE.level_bytes(entry.level)
                        where = entry.page == ipa if entry.leaf else entry.start <= ipa
                        if entry.kind is known and where and ipa < last:
                            found.add((pe, kind, entry.vmid, ipa))
    return found


def _back(code: tuple[Instruction, ...]) -> tuple[Instruction, ...]:
    crossings = [one for one in code if isinstance(one, Eret | ExceptionEntry)]
    return (Eret(),) if isinstance(crossings[-1], ExceptionEntry) else ()


def _without_start(state: State) -> State:
    """Start with empty TLBs, like the machine."""
    return state._replace(pes=tuple(pe._replace(sets=(0,)) for pe in state.pes))


def _after(steps: Steps, state: State, pe: int, place: int) -> set[State]:
    code = steps.world.code(pe, ())
    return {after for _, after in steps.of_place(state, pe, code, place)}


def _performed(
    steps: Steps,
    states: set[State],
    events: tuple[tuple[int, Instruction], ...],
    places: list[int],
) -> set[State]:
    found, new = set(states), set(states)
    while new:
        grown: set[State] = set()
        for state in new:
            for at, (pe, one) in enumerate(events):
                done = state.pes[pe].done >> places[at] & 1
                if isinstance(one, Store) and not done:
                    grown |= _after(steps, state, pe, places[at])
        new = grown - found
        found |= new
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(traces())
def test_both_hold_the_same(trace: Trace) -> None:
    explorer, machine = _explorer(trace), _machine(trace)
    assert not explorer - machine
    assert not machine - explorer
