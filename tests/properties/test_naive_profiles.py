"""The machine and the enumerating one agree on other machines than P0.

On those with level hints and ranges, REPEAT_TLBI or AT_SPECULATE, in traces
that also clear memory and run loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_machine import NaiveMachine
from small_world import (
    A2,
    A3,
    B2,
    B3,
    MEMORY,
    PES,
    REGISTERS,
    ROOT_A,
    ROOT_B,
    sensible,
    start,
    traces,
)
from test_naive_agreement import Found, plain

from reference_model.events import (
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Msr,
    Repeat,
    Tlbi,
    Zero,
)
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES, Profile
from reference_model.repeated import expand

pytestmark = pytest.mark.long

_P0 = ARCHITECTURE_PROFILES["P0-v8.0"]
_P1 = ARCHITECTURE_PROFILES["P1-repeat"]
_P4 = ARCHITECTURE_PROFILES["P4-at-spec"]
PROFILES: dict[str, tuple[Profile, frozenset[str]]] = {
    "P0-v8.0": (_P0, frozenset({"copies"})),
    "nTLBPA": (replace(_P0, ntlbpa=True), frozenset()),
    "operands": (
        replace(_P0, ttl=True, tlb_range=True),
        frozenset({"ttl", "ranges", "copies"}),
    ),
    "P1-repeat": (replace(_P1, ntlbpa=True), frozenset({"repeat"})),
    "P4-at-spec": (replace(_P4, ntlbpa=True), frozenset({"speculative"})),
}


def machine_says(profile: Profile, trace: Sequence[Event]) -> Found:
    """Run the machine."""
    run = Machine(profile, start()).run(trace)
    found = set()
    for v in run:
        name, kind = v.broken.value, v.kind.value
        if v.reason in ("fb", "mixed"):
            name += f" {v.reason}"
        found.add((v.index, name, v.pe, "S12" if name == "M7" else kind))
    return plain(found)


def naive_says(features: frozenset[str], trace: Sequence[Event]) -> Found:
    """Run the enumerating machine; a loop is what it stands for."""
    naive = NaiveMachine(PES, MEMORY, [dict(r) for r in REGISTERS], features)
    for number, event in enumerate(trace):
        for single in expand(event) if isinstance(event, Repeat) else [event]:
            naive.index = number - 1
            naive.step(single)
    return plain(naive.violations)


# ----------------------------------------------------------------- strategies

HINTS = [0, 0, 0, 0b0111, 0b0111, 0b0110, 0b0101, 0b0100, 0b1011, 0b0011]
SPECIAL = ("Zero", "Repeat", "VALE2IS", "Msr")


@st.composite
def operands(draw: st.DrawFn, event: Tlbi) -> Tlbi:
    """Draw another operand, or the form for a range."""
    hint = draw(st.sampled_from(HINTS))
    if draw(st.integers(0, 3)):
        return replace(event, operand=event.operand | hint << 44)
    number, scale = draw(st.sampled_from([(0, 0), (0, 0), (1, 0), (15, 0), (7, 1)]))
    granule = draw(st.sampled_from([1, 1, 1, 1, 2, 0]))
    fields = granule << 46 | scale << 44 | number << 39 | (hint & 3) << 37
    return replace(event, op="R" + event.op, operand=event.operand | fields)


@st.composite
def special(draw: st.DrawFn, pe: int) -> list[Event]:
    """Draw what the other traces do not have."""
    match draw(st.sampled_from(SPECIAL)):
        case "Zero":
            page = draw(st.sampled_from([A3, A3, A2, B3, B2, ROOT_A]))
            start_at, size = draw(st.sampled_from([(0, 16), (8, 8), (0, 8)]))
            return [Zero(pe, page + start_at, size)]
        case "Repeat":
            ish = Barrier(pe, BarrierKind.DSB, Domain.ISH)
            op = draw(st.sampled_from(["IPAS2E1IS", "IPAS2LE1IS", "IPAS2E1"]))
            by_ipa = Tlbi(pe, op, draw(st.sampled_from([0, 1, 0x200])))
            step = [Tlbi(pe, "VMALLE1IS")] if draw(st.booleans()) else []
            body: tuple[Event, ...] = (by_ipa, ish, *step)
            count = draw(st.sampled_from([1, 2, 3, 8]))
            return [Repeat(pe, body, count, (1, *(0 for _ in body[1:])))]
        case "Msr":
            vmid, root = draw(st.sampled_from([(1, ROOT_A), (2, ROOT_B), (2, ROOT_B)]))
            vcpu = draw(st.sampled_from([0x5000, 0x6000, 0x7000]))
            changes: list[Event] = [
                Msr(pe, "VTTBR_EL2", vmid << 48 | root),
                Msr(pe, "TTBR0_EL1", vcpu),
            ]
            return [*draw(st.permutations(changes)), Isb(pe)]
        case _:
            return [Tlbi(pe, "VALE2IS"), Barrier(pe, BarrierKind.DSB, Domain.ISH)]


@st.composite
def wider(draw: st.DrawFn) -> list[Event]:
    """Draw a trace with everything."""
    found: list[Event] = []
    el2 = [True] * PES
    for event in draw(traces):
        if isinstance(event, Tlbi) and "IPAS2" in event.op and draw(st.booleans()):
            event = draw(operands(event))
        if draw(st.integers(0, 7)) == 0:
            pe = draw(st.sampled_from([pe for pe in range(PES) if el2[pe]] or [-1]))
            found += draw(special(pe)) if pe >= 0 else []
        if isinstance(event, Eret | ExceptionEntry):
            el2[event.pe] = isinstance(event, ExceptionEntry)
        found.append(event)
    return sensible(found)


thorough = settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("name", PROFILES)
@thorough
@given(trace=wider())
def test_same_violations(name: str, trace: list[Event]) -> None:
    profile, features = PROFILES[name]
    trace = [*(Isb(pe) for pe in range(PES)), *trace]
    expected = naive_says(features, trace)
    clashes = [index for index, broken, _, _ in expected if broken == "O5"]
    if clashes:  # from there on, VMs share entries
        trace = trace[: min(clashes) + 1]
        expected = naive_says(features, trace)
    assert machine_says(profile, trace) == expected


def test_the_traces_are_not_dull() -> None:
    seen: set[str] = set()

    @settings(thorough, max_examples=250)
    @given(wider())
    def look(trace: list[Event]) -> None:
        seen.update(type(event).__name__ for event in trace)
        seen.update(e.op for e in trace if isinstance(e, Tlbi) and e.op[0] == "R")
        trace = [*(Isb(pe) for pe in range(PES)), *trace]
        for name in ("P1-repeat", "P4-at-spec"):
            seen.update(
                broken for _, broken, _, _ in machine_says(PROFILES[name][0], trace)
            )

    look()
    assert {"O1", "O2", "O3", "O3 mixed", "O4", "M7"} <= seen
    assert {"Zero", "Repeat"} <= seen
    assert any(name.startswith("RIPAS2") for name in seen)
