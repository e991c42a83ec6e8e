"""The orders that are left out show nothing that the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_world import BEGINNINGS, dsbs, phrases, sensible, start, stores, tlbis

from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    Lock,
    Release,
    Unlock,
)
from reference_model.interleavings import interleavings
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES

LONGEST = 4
Found = set[tuple[object, ...]]


def every_order(traces: Sequence[Sequence[Event]]) -> Iterator[list[tuple[int, int]]]:
    """Enumerate all merges that locks allow, naively."""

    def go(
        at: tuple[int, ...], held: tuple[str, ...], done: list[tuple[int, int]]
    ) -> Iterator[list[tuple[int, int]]]:
        stuck = True
        for number, trace in enumerate(traces):
            if at[number] == len(trace):
                continue
            event = trace[at[number]]
            now = held
            if isinstance(event, Lock):
                if event.name in held:
                    continue
                now = (*held, event.name)
            if isinstance(event, Unlock):
                now = tuple(name for name in held if name != event.name)
            stuck = False
            after = (*at[:number], at[number] + 1, *at[number + 1 :])
            yield from go(after, now, [*done, (number, at[number])])
        if stuck:
            yield done

    yield from go((0,) * len(traces), (), [])


def naive(traces: list[list[Event]], before: list[Event], profile: str) -> Found:
    """Run every order; leave out what is not relied upon yet."""
    found: Found = set()
    for order in every_order(traces):
        trace = [*before, *(traces[n][at] for n, at in order)]
        machine = Machine(ARCHITECTURE_PROFILES[profile], start())
        for v in machine.run(trace):
            at, since = v.index - len(before), v.since - len(before)
            if at >= 0 and since >= 0 and isinstance(trace[v.index], Release):
                author = order[since][0]
                to_come = [
                    place
                    for place in ((author, n) for n in range(len(traces[author])))
                    if place[1] > order[since][1]
                    and isinstance(traces[author][place[1]], Release)
                ]
                foreign = author != order[at][0]
                if foreign and to_come and to_come[0] not in order[:at]:
                    continue
            place = order[at] if at >= 0 else (-1, at)
            found.add(
                (v.broken, place, v.pe, v.kind, v.vmid, v.conflict, v.reason),
            )
    return found


def reduced(traces: list[list[Event]], before: list[Event], profile: str) -> Found:
    """Run one order of each class."""
    machine = ARCHITECTURE_PROFILES[profile]
    result = interleavings(start(), traces, machine, before=before)
    assert result.exhausted
    return {
        (
            s.violation.broken,
            s.place,
            s.violation.pe,
            s.violation.kind,
            s.violation.vmid,
            s.violation.conflict,
            s.violation.reason,
        )
        for s in result.violations
    }


@st.composite
def steps(draw: st.DrawFn, pe: int) -> list[Event]:
    """Draw some of the steps of one change, in their order."""
    first = draw(stores(pe))
    ishst = Barrier(pe, BarrierKind.DSB, Domain.ISH, Access.ST)
    ish = Barrier(pe, BarrierKind.DSB, Domain.ISH)
    events: list[Event] = [
        Lock(pe, "l"),
        first,
        draw(st.sampled_from([ishst, ish])),
        draw(tlbis(pe)),
        ish,
        draw(tlbis(pe)),
        draw(dsbs(pe)),
        Release(pe, "point"),
        draw(stores(pe)),
        Unlock(pe, "l"),
        Eret(pe),
    ]
    kept = draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    return [event for event, keep in zip(events, kept, strict=True) if keep]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]]]:
    """Draw what came before, and a short trace for each PE."""
    before = list(draw(st.sampled_from(BEGINNINGS)))
    if draw(st.booleans()):
        before += [e for p in draw(st.lists(phrases(), max_size=2)) for e in p]
    before = sensible([*before, *(ExceptionEntry(pe) for pe in (0, 1))])
    traces: list[list[Event]] = []
    for pe in (0, 1):
        if draw(st.integers(0, 2)):
            mine = draw(steps(pe))
        else:
            drawn = draw(st.lists(phrases(), min_size=2, max_size=6))
            mine = [replace(e, pe=pe) for p in drawn for e in p if e.pe == 0]
        traces.append(sensible([*before, *mine])[len(before) :][:LONGEST])
    return before, traces


@pytest.mark.parametrize("profile", ["P0-v8.0", "P1-repeat", "P3-bbml2", "P4-at-spec"])
@settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(worlds())
def test_the_same_violations(
    profile: str, world: tuple[list[Event], list[list[Event]]]
) -> None:
    before, traces = world
    assert reduced(traces, before, profile) == naive(traces, before, profile)
