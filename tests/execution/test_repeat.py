"""Folding of event loops: what is folded says the same as what was recorded."""

from __future__ import annotations

import time

from building import (
    HERE,
    ULONG,
    VOID,
    asm,
    at,
    block,
    define,
    execution,
    inp,
    loop,
    num,
    op,
    put,
    var,
    when,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.execution.recorder import Recorder
from harness.execution.repeat import expand
from harness.ir import nodes as ir
from reference_model.coordinates import Coord, Origin
from reference_model.events import (
    Barrier,
    BarrierKind,
    Domain,
    Event,
    Repeat,
    Store,
    Tlbi,
)

PLACES = [Origin(Coord("a.c", line)) for line in range(3)]


def barrier(place: int) -> Event:
    return Barrier(0, BarrierKind.DSB, Domain.ISH, origin=PLACES[place])


@st.composite
def loops(draw: st.DrawFn) -> list[Event]:
    """Draw some loops, regular or not, one after the other."""
    found: list[Event] = []
    for _ in range(draw(st.integers(1, 3))):
        body = draw(st.lists(st.integers(0, 3), min_size=1, max_size=5))
        strides = [draw(st.integers(-1, 2)) for _ in body]
        for turn in range(draw(st.integers(0, 20))):
            for kind, stride in zip(body, strides, strict=True):
                if kind == 0:
                    found.append(barrier(0))
                elif kind == 3:
                    found.append(Store(0, 8 * turn * stride, 1, origin=PLACES[2]))
                else:
                    operand = 1000 + turn * stride
                    event = Tlbi(0, f"OP{kind}", operand, origin=PLACES[kind])
                    found.append(event)
        if draw(st.booleans()):
            found.append(barrier(1))
    return found


def origins(events: list[Event]) -> list[Origin | None]:
    return [event.origin for event in events]


@settings(max_examples=300, deadline=None)
@given(loops(), st.integers(0, 200))
def test_expanded_equals_recorded(events: list[Event], pause: int) -> None:
    recorder = Recorder()
    for number, event in enumerate(events):
        recorder.add(event)
        if number == pause:
            assert list(expand(recorder.events)) == events[: number + 1]
    unfolded = list(expand(recorder.events))
    assert unfolded == events
    assert origins(unfolded) == origins(events)


def test_long_loops_become_one_event() -> None:
    recorder = Recorder()
    for turn in range(1000):
        recorder.add(Tlbi(0, "IPAS2E1IS", 5 + 2 * turn, origin=PLACES[0]))
        recorder.add(barrier(1))
        recorder.add(Tlbi(0, "VMALLE1IS", 0, origin=PLACES[2]))
        recorder.add(barrier(1))
    (event,) = recorder.events
    assert isinstance(event, Repeat)
    assert (event.count, event.strides) == (1000, (2, 0, 0, 0))
    assert event.body[0] == Tlbi(0, "IPAS2E1IS", 5)
    assert event.origin is PLACES[0]


def test_different_places_are_not_folded() -> None:
    recorder = Recorder()
    for turn in range(100):
        place = Origin(Coord("a.c", turn))
        recorder.add(Tlbi(0, "VAE2IS", turn, origin=place))
    assert len(recorder.events) == 100


def test_a_gigabyte_page_by_page() -> None:
    a, i = var("a", ULONG), var("i", ULONG)
    one = asm("tlbi vae2is, %0", (), (inp("r", op(">>", a, num(12, ULONG), ULONG)),))
    flush = define("flush", {"a": ULONG}, one, result=VOID)
    body = block(
        when(op(">=", i, num(262144, ULONG)), block(ir.Break(HERE))),
        ir.Call(None, "flush", (a,), VOID, at(7)),
        put("a", op("+", a, num(4096, ULONG), ULONG)),
        put("i", op("+", i, num(1, ULONG), ULONG)),
    )
    f = define(
        "f",
        {"a": ULONG},
        put("i", num(0, ULONG)),
        loop(body),
        asm("dsb ish"),
        result=VOID,
    )
    run = execution(f, flush)
    start = time.monotonic()
    run.call("f", 1 << 40)
    spent = time.monotonic() - start
    repeat, last = run.recorder.events
    assert isinstance(repeat, Repeat)
    assert (repeat.count, repeat.strides) == (262144, (1,))
    assert repeat.body == (Tlbi(0, "VAE2IS", 1 << 28),)
    assert isinstance(last, Barrier)
    assert spent < 20  # a second on an idle machine
