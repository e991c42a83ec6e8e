"""What has no part in the result: origins, idle PEs, other memory, pauses."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import IPAS, MEMORY, PES, REGISTERS, ROOT_A, registers, traces
from test_monotone import Placed, sparingly, strengthened

from reference_model.coordinates import Coord, Origin
from reference_model.entries import EntryKind
from reference_model.events import (
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    Event,
    IrqMask,
    Isb,
    Lock,
    Store,
    Tlbi,
    Unlock,
)
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start
from reference_model.violations import Violation

IDLE = PES  # a PE that stays in the hypervisor, with VMID 9 loaded
OUTSIDE = 0x90_0000
START = Start(
    PES + 1, dict(MEMORY), (*REGISTERS, registers(9, ROOT_A + 0x80_0000, 0x8000))
)
Said = list[tuple[object, ...]]
few = settings(sparingly, max_examples=50)
every_profile = pytest.mark.parametrize(
    "profile", ["P0-v8.0", "P1-repeat", "P2-v8.4", "P3-bbml2", "P4-at-spec"]
)


def machine(profile: str) -> Machine:
    """Return a machine of the two PEs and the idle one."""
    return Machine(ARCHITECTURE_PROFILES[profile], START)


def said(violations: Iterable[Violation], at: Callable[[int], int]) -> Said:
    """Return what violations say; ``at`` tells which event an index is."""
    return [
        (
            v.broken,
            at(v.index),
            v.pe,
            v.kind,
            v.vmid,
            at(v.since) if v.since >= 0 else -1,
            v.reason,
            v.conflict,
            v.count,
            v.low,
            v.high,
        )
        for v in violations
    ]


def same(index: int) -> int:
    """Return the index itself."""
    return index


# -------------------------------------------------------------------- origins


@every_profile
@few
@given(traces, st.data())
def test_origins_do_not_matter(
    profile: str, trace: list[Event], data: st.DataObject
) -> None:
    lines = st.integers(1, 9)
    named = [
        replace(
            event, origin=Origin(Coord("xen/p2m.c", data.draw(lines), 1), "f", (), True)
        )
        for event in trace
    ]
    there = said(machine(profile).run(trace), same)
    assert said(machine(profile).run(named), same) == there


# ----------------------------------------------------------------- irrelevant

_FULL = Barrier(IDLE, BarrierKind.DSB, Domain.SY)
IRRELEVANT: list[list[Event]] = [
    [IrqMask(0, True)],
    [CacheOp(0, "DC CVAC", ROOT_A)],
    [CacheOp(1, "DC CIVAC", OUTSIDE)],
    [Isb(IDLE)],
    [_FULL],
    [Barrier(IDLE, BarrierKind.DMB, Domain.ISH)],
    [Tlbi(IDLE, "VMALLS12E1IS"), _FULL],  # under VMID 9
    [Tlbi(IDLE, "VMALLE1IS"), _FULL],
    [Tlbi(IDLE, "IPAS2E1IS", 0), _FULL],
    [Tlbi(IDLE, "ALLE1"), _FULL],  # local
    [Tlbi(IDLE, "VALE2IS"), _FULL],
    [Store(IDLE, OUTSIDE, 3)],
    [Lock(IDLE, "own"), Store(IDLE, OUTSIDE, 0), Unlock(IDLE, "own")],
]


@every_profile
@few
@given(traces, st.data())
def test_what_an_idle_pe_does_is_irrelevant(
    profile: str, trace: list[Event], data: st.DataObject
) -> None:
    extra = data.draw(st.sampled_from(IRRELEVANT))
    at = data.draw(st.integers(0, len(trace) - 1))
    longer = [*trace[:at], *extra, *trace[at:]]

    def original(index: int) -> int:
        return index if index < at else index - len(extra)

    without = said(machine(profile).run(trace), same)
    assert said(machine(profile).run(longer), original) == without


@every_profile
@few
@given(traces, st.data())
def test_other_memory_is_irrelevant(
    profile: str, trace: list[Event], data: st.DataObject
) -> None:
    pe, at = trace[-1].pe, len(trace) - 1
    value = data.draw(st.sampled_from([0, 3, ROOT_A | 3]))
    longer = [*trace[:at], Store(pe, OUTSIDE, value), trace[at]]

    def original(index: int) -> int:
        return index - (index > at)

    without = said(machine(profile).run(trace), same)
    assert said(machine(profile).run(longer), original) == without


# -------------------------------------------------------------------- entries


def held(trace: Placed, profile: str) -> set[tuple[int, str, int, int]]:
    """Return what the PEs may hold at the end."""
    run = machine(profile)
    run.run(event for _, event in trace.events)
    return {
        (pe, kind.value, vmid, ipa)
        for pe in range(PES)
        for kind in (EntryKind.S2, EntryKind.S2W, EntryKind.S12, EntryKind.S12W)
        for vmid in (1, 2)
        for ipa in IPAS
        if run.may_hold(pe, kind, vmid, ipa)
    }


@every_profile
@few
@given(strengthened())
def test_more_maintenance_never_adds_an_entry(
    profile: str, pair: tuple[Placed, Placed]
) -> None:
    weak, strong = pair
    assert held(strong, profile) <= held(weak, profile)


# --------------------------------------------------------------------- pauses


@pytest.mark.parametrize(
    "saved", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
@every_profile
@few
@given(trace=traces, cut=st.integers(0, 40))
def test_a_trace_resumes_from_a_copy(
    saved: Callable[[Machine], Machine], profile: str, trace: list[Event], cut: int
) -> None:
    first = machine(profile)
    first.run(trace[:cut])
    resumed = saved(first)
    whole = machine(profile)
    whole.run(trace)
    assert said(resumed.run(trace[cut:]), same) == said(whole.violations, same)
    # What the copy did has not changed what it was made of.
    assert said(first.run(trace[cut:]), same) == said(whole.violations, same)
    for run in (first, resumed):
        assert _state(run) == _state(whole)


def _state(run: Machine) -> list[list[tuple[str, int, int]]]:
    return [[(e.kind.value, e.vmid, e.link.ia) for e in tlb.stale] for tlb in run.tlbs]
