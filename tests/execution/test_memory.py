"""Memory: what C may touch, and the events of physical memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from building import (
    HERE,
    INT,
    POINTER,
    UCHAR,
    UINT,
    ULONG,
    VOID,
    at,
    block,
    define,
    execution,
    give,
    loop,
    num,
    op,
    put,
    var,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BoundError, Unsupported
from harness.execution.fault import Fault
from harness.execution.memory import Memory
from harness.execution.recorder import Query, Recorder
from harness.execution.run import Execution
from harness.execution.string import STRING_FUNCTIONS
from harness.ir import nodes as ir
from harness.ir.types import Array, CType, Function, Member, Pointer, Record
from reference_model.coordinates import Coord, Frame
from reference_model.events import Store, Unlock, Zero

VA, PA = 0x8000_0000_0000, 0x4000_0000
LOAD = define(
    "load",
    {"p": POINTER},
    give(ir.Load(var("p", POINTER), ULONG, at(3)), line=3),
    result=ULONG,
)
STORE = define(
    "store",
    {"p": POINTER, "v": ULONG},
    ir.Store(var("p", POINTER), var("v", ULONG), ULONG, at(4)),
    result=VOID,
)


def fault(run: Execution, function: str, *arguments: int) -> Fault:
    with pytest.raises(Fault) as caught:
        run.call(function, *arguments)
    return caught.value


def test_loads_and_stores_reach_memory() -> None:
    run = execution(LOAD, STORE)
    region = run.memory.add(64, "table")
    run.call("store", region.base + 8, 1 << 63)
    assert run.call("load", region.base + 8) == 1 << 63
    assert run.recorder.events == []


@pytest.mark.parametrize("offset", [0x0, 0x18, 0x2F38])
def test_null(offset: int) -> None:
    for name, args in (("load", (offset,)), ("store", (offset, 1))):
        found = fault(execution(LOAD, STORE), name, *args)
        assert found.kind == "null-dereference"
        assert found.coord == at(3 if name == "load" else 4)


@pytest.mark.parametrize("offset", [-1, 57, 64, 4096, 5000, 1 << 15])
def test_out_of_bounds(offset: int) -> None:
    run = execution(LOAD, STORE)
    base = run.memory.add(64, "table", zero=True).base
    run.memory.add(64, "other", zero=True)
    assert fault(run, "load", base + offset).kind == "out-of-bounds"
    assert fault(run, "store", base + offset, 1).kind == "out-of-bounds"


def test_out_of_bounds_names_the_object() -> None:
    run = execution(LOAD)
    base = run.memory.add(64, "table", zero=True).base
    message = str(fault(run, "load", base + 64))
    assert message == "test.c:3: load up to byte 72 of 'table' of 64 bytes"


def test_uninitialised_memory_and_partial_initialisation() -> None:
    run = execution(LOAD, STORE)
    base = run.memory.add(16, "word").base
    assert fault(run, "load", base).kind == "uninitialised-read"
    run.memory.store(base, 4, 7)
    assert fault(run, "load", base).kind == "uninitialised-read"
    run.memory.store(base + 4, 4, 1)
    assert run.call("load", base) == 7 | 1 << 32


def test_use_after_free_and_poison() -> None:
    run = execution(LOAD, STORE)
    region = run.memory.add(64, "table", zero=True)
    run.memory.free(region)
    assert fault(run, "load", region.base).kind == "use-after-free"
    run.memory.add_physical(VA, PA, 1 << 20, zero=True)
    run.memory.poison(VA + 0x1000, 0x1000)
    assert fault(run, "load", VA + 0x1008).kind == "use-after-free"
    assert fault(run, "store", VA + 0x1FF8, 1).kind == "use-after-free"
    assert run.call("load", VA + 0x2000) == 0
    run.memory.unpoison(VA + 0x1000, 0x1000)
    assert run.call("load", VA + 0x1008) == 0


def test_variables_of_a_returned_function_are_gone() -> None:
    address = ir.FrameAddress("x", POINTER, HERE)
    g = define("g", {}, give(address), result=POINTER, memory={"x": ULONG})
    call = ir.Call("p", "g", (), POINTER, HERE)
    load = ir.Load(var("p", POINTER), ULONG, at(9))
    f = define("f", {}, call, give(load, 9), result=ULONG)
    found = fault(execution(f, g), "f")
    assert (found.kind, found.coord) == ("use-after-free", at(9))


def test_frames_are_fresh_in_each_call() -> None:
    place = ir.FrameAddress("x", POINTER, HERE)
    read = give(ir.Load(place, ULONG, HERE), 3)
    f = define("f", {"x": ULONG}, read, result=ULONG, memory={"x": ULONG})
    run = execution(f)
    assert [run.call("f", n) for n in (3, 4)] == [3, 4]
    bare = define("g", {}, read, result=ULONG, memory={"x": ULONG})
    assert fault(execution(bare), "g").kind == "uninitialised-read"
    before = len(run.memory.chunks)
    run.call("f", 5)
    assert len(run.memory.chunks) == before


def test_large_frames() -> None:
    place = ir.FrameAddress("x", POINTER, HERE)
    last = op("+", place, num(16376, ULONG), POINTER)
    f = define(
        "f",
        {},
        ir.Store(last, num(5, ULONG), ULONG, HERE),
        give(ir.Load(last, ULONG, HERE)),
        result=ULONG,
        memory={"x": Array(ULONG, 2048)},
    )
    run = execution(f)
    assert run.call("f") == 5
    assert not run.memory.chunks


def test_uninitialised_local_has_place_and_stack() -> None:
    g = define(
        "g",
        {"x": INT},
        ir.If(var("x"), block(put("y", num(1))), block(), HERE),
        give(var("y"), 6),
    )
    f = define(
        "f", {"x": INT}, ir.Call("r", "g", (var("x"),), INT, at(8)), give(var("r"))
    )
    run = execution(f, g)
    assert run.call("f", 1) == 1
    found = fault(run, "f", 0)
    assert (found.kind, found.coord) == ("uninitialised-read", at(6))
    assert "'y'" in found.what
    assert found.stack == (Frame("g", at(8)), Frame("f", Coord("", 0)))


def test_read_only_text() -> None:
    text = ir.Global("s", Array(UCHAR, 3), True, HERE, text=b"ab\0")
    f = define(
        "f", {}, ir.Store(ir.GlobalAddress("s", POINTER, HERE), num(1), UCHAR, at(3))
    )
    assert fault(execution(f, globals_={"s": text}), "f").kind == "read-only"


# -------------------------------------------------------------------- bit-fields


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bit_fields_keep_their_neighbours(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([1, 2, 4, 8]))
    shift = data.draw(st.integers(0, 8 * size - 1))
    width = data.draw(st.integers(1, 8 * size - shift))
    old = data.draw(st.integers(0, 2 ** (8 * size) - 1))
    new = data.draw(st.integers(0, 2**width - 1))
    bits = ir.BitField(size, shift, width)
    place = var("p", POINTER)
    f = define(
        "f",
        {"p": POINTER, "v": ULONG},
        ir.StoreBits(place, bits, var("v", ULONG), HERE),
        give(ir.LoadBits(place, bits, ULONG, HERE)),
        result=ULONG,
    )
    run = execution(f)
    base = run.memory.add(size, "word").base
    run.memory.poke(base, size, old)
    assert run.call("f", base, new) == new
    mask = (2**width - 1) << shift
    assert run.memory.peek(base, size) == old & ~mask | new << shift


def test_bit_fields_are_initialised_bit_by_bit() -> None:
    place = ir.FrameAddress("x", POINTER, HERE)
    low, high = ir.BitField(8, 0, 12), ir.BitField(8, 12, 4)
    f = define(
        "f",
        {"n": INT},
        ir.StoreBits(place, low, num(5, ULONG), HERE),
        give(
            ir.Select(
                var("n"),
                ir.LoadBits(place, low, ULONG, HERE),
                ir.LoadBits(place, high, ULONG, HERE),
                ULONG,
                HERE,
            )
        ),
        result=ULONG,
        memory={"x": ULONG},
    )
    assert execution(f).call("f", 1) == 5
    assert fault(execution(f), "f", 0).kind == "uninitialised-read"


def test_signed_bit_field() -> None:
    load = ir.LoadBits(var("p", POINTER), ir.BitField(4, 3, 5), INT, HERE)
    f = define("f", {"p": POINTER}, give(load))
    run = execution(f)
    base = run.memory.add(4, "word").base
    run.memory.poke(base, 4, 0b11111 << 3)
    assert run.call("f", base) == -1


# --------------------------------------------------------------- physical memory


def physical(*functions: ir.FunctionDef) -> Execution:
    recorder = Recorder(touched=lambda coord: coord.line == 4)
    run = execution(*functions, recorder=recorder, boundary=dict(STRING_FUNCTIONS))
    run.memory.add_physical(VA, PA, 1 << 30, zero=True)
    return run


def test_stores_to_physical_memory_are_events() -> None:
    run = physical(STORE)
    run.call("store", VA + 0x1008, 0x123)
    (event,) = run.recorder.events
    assert event == Store(0, PA + 0x1008, 0x123)
    assert event.origin is not None
    assert (event.origin.coord, event.origin.function) == (at(4), "store")
    assert event.origin.in_patch
    with pytest.raises(Fault) as caught:
        run.call("store", VA + 0x100C, 0x5)  # no table walk sees it as a whole
    assert caught.value.kind == "misaligned"


def test_packed_store_across_two_words_is_two_events() -> None:
    (plain,) = STORE.body.statements
    assert isinstance(plain, ir.Store)
    run = physical(replace(STORE, body=block(replace(plain, packed=True))))
    run.call("store", VA + 0x1008, 0x123)
    run.cpu.pe = 3
    run.call("store", VA + 0x100C, 0x5)
    assert run.recorder.events[1:] == [
        Store(3, PA + 0x1008, 5 << 32 | 0x123),
        Store(3, PA + 0x1010, 0),
    ]


def test_narrow_stores_give_the_whole_word() -> None:
    bits = ir.BitField(8, 1, 1)
    place = var("p", POINTER)
    f = define(
        "f",
        {"p": POINTER},
        ir.Store(op("+", place, num(2, ULONG), POINTER), num(0xAB), UCHAR, HERE),
        ir.StoreBits(place, bits, num(1), HERE),
        result=VOID,
    )
    run = physical(f)
    run.call("f", VA)
    assert run.recorder.events == [Store(0, PA, 0xAB0000), Store(0, PA, 0xAB0002)]


def test_two_windows_show_the_same_memory() -> None:
    run = physical(STORE, LOAD)
    told: list[tuple[int, int]] = []
    run.memory.add_physical(
        0x7000_0000_0000, PA, 1 << 20, lambda pa, size: told.append((pa, size))
    )
    run.call("store", 0x7000_0000_1000, 77)
    assert run.call("load", VA + 0x1000) == 77
    assert run.memory.peek_physical(PA + 0x1000) == 77
    assert told == [(PA + 0x1000, 8)]


def test_string_functions_on_physical_memory() -> None:
    types: tuple[CType, ...] = (POINTER, INT, ULONG)
    f = define(
        "f",
        {"p": POINTER, "c": INT},
        ir.Call(
            None, "memset", (var("p", POINTER), var("c"), num(4096, ULONG)), VOID, at(4)
        ),
        result=VOID,
    )
    run = physical(f)
    run.program.unit.declared["memset"] = Function(POINTER, types)
    run.call("f", VA + 0x2000, 0)
    (event,) = run.recorder.events
    assert event == Zero(0, PA + 0x2000, 4096)
    assert event.origin is not None
    assert (event.origin.function, event.origin.coord) == ("f", at(4))
    run.recorder.forget()
    run.call("f", VA + 0x2000, 0x1FF)
    assert len(run.recorder.events) == 512
    assert run.recorder.events[3] == Store(0, PA + 0x2018, 2**64 - 1)


def test_struct_copy_keeps_what_is_uninitialised() -> None:
    memory = Memory()
    source, target = memory.add(16, "a").base, memory.add(16, "b", zero=True).base
    memory.store(source, 8, 5)
    memory.copy(target, source, 16)
    assert memory.load(target, 8) == 5
    with pytest.raises(Fault, match="8 uninitialised bytes of 'b' at offset 0x8"):
        memory.load(target + 8, 8)


def test_struct_copy_to_physical_memory_is_stores() -> None:
    f = define(
        "f",
        {"p": POINTER, "q": POINTER},
        ir.Copy(var("p", POINTER), var("q", POINTER), 16, HERE),
        ir.ZeroMemory(var("p", POINTER), 16, HERE),
        result=VOID,
    )
    run = physical(f)
    base = run.memory.add(16, "source").base
    run.memory.poke(base, 16, 1 | 2 << 64)
    run.call("f", VA, base)
    assert run.recorder.events == [
        Store(0, PA, 1),
        Store(0, PA + 8, 2),
        Zero(0, PA, 16),
    ]


def test_large_regions_are_sparse() -> None:
    memory = Memory()
    region = memory.add(1 << 40, "frame table", zero=True)
    memory.store(region.base + (1 << 39), 8, 7)
    assert memory.load(region.base + (1 << 39), 8) == 7
    assert memory.load(region.base, 8) == 0
    assert len(memory.chunks) == 2
    with pytest.raises(Fault):
        memory.load(region.base + (1 << 40), 1)


def test_placed_regions_must_not_overlap() -> None:
    memory = Memory()
    memory.add(0x1800, "a", base=0x5000_0000)
    with pytest.raises(BoundError, match="'b' would overlap 'a'"):
        memory.add(8, "b", base=0x5000_1000)
    with pytest.raises(BoundError, match="page boundary"):
        memory.add(8, "c", base=0x6000_0008)
    memory.add(8, "d", base=0x5000_2000)


# -------------------------------------------------------------- globals, structs


def test_initial_content_of_globals() -> None:
    target = ir.Global("t", INT, True, HERE, (ir.Initial(0, INT, num(7)),))
    pointer = ir.Global(
        "p",
        Array(POINTER, 3),
        True,
        HERE,
        (
            ir.Initial(0, POINTER, ir.GlobalAddress("t", POINTER, HERE)),
            ir.Initial(8, POINTER, ir.FunctionAddress("f", POINTER, HERE)),
            ir.Initial(16, UINT, num(5, UINT), ir.BitField(4, 4, 4)),
        ),
    )
    base = ir.GlobalAddress("p", POINTER, HERE)
    f = define("f", {}, give(ir.Load(ir.Load(base, POINTER, HERE), INT, HERE)))
    run = execution(f, globals_={"t": target, "p": pointer})
    assert run.call("f") == 7
    place = run.address("p")
    assert run.memory.load(place + 8, 8) == run.address("f")
    assert run.memory.load(place + 16, 8) == 0x50


def test_extern_values_are_unsupported_until_poked() -> None:
    known = ir.Global("hwcaps", ULONG, False, HERE)
    opaque = ir.Global("blob", Array(ULONG, None), False, HERE)
    f = define(
        "f", {}, give(ir.Load(ir.GlobalAddress("hwcaps", POINTER, HERE), ULONG, at(3)))
    )
    g = define(
        "g", {}, give(ir.Load(ir.GlobalAddress("blob", POINTER, HERE), ULONG, at(3)), 3)
    )
    run = execution(f, g, globals_={"hwcaps": known, "blob": opaque})
    with pytest.raises(Unsupported, match="the value of 'hwcaps'"):
        run.call("f")
    run.memory.poke(run.address("hwcaps"), 8, 9)
    assert run.call("f") == 9
    with pytest.raises(Unsupported, match=r"test.c:3: the content of 'blob'"):
        run.call("g")


PAIR = Record("struct", "pair", [Member("a", ULONG, 0), Member("b", ULONG, 8)], 16, 8)


def test_structs_travel_by_content() -> None:
    x = ir.FrameAddress("x", Pointer(PAIR), HERE)
    swap = define(
        "swap",
        {"x": PAIR},
        ir.Store(
            ir.FrameAddress("y", POINTER, HERE),
            ir.Load(op("+", x, num(8, ULONG), POINTER), ULONG, HERE),
            ULONG,
            HERE,
        ),
        ir.Store(
            op("+", ir.FrameAddress("y", POINTER, HERE), num(8, ULONG), POINTER),
            ir.Load(x, ULONG, HERE),
            ULONG,
            HERE,
        ),
        give(ir.FrameAddress("y", POINTER, HERE)),
        result=PAIR,
        memory={"x": PAIR, "y": PAIR},
    )
    z = ir.FrameAddress("z", Pointer(PAIR), HERE)
    twice = define(
        "twice",
        {"x": PAIR},
        ir.Call(None, "swap", (x,), PAIR, HERE, z),
        ir.Call(None, "model", (z,), PAIR, HERE, z),
        give(z),
        result=PAIR,
        memory={"x": PAIR, "z": PAIR},
    )
    run = execution(
        swap,
        twice,
        boundary={"model": lambda call: call.arguments[0] + 1},
        declared={"model": Function(PAIR, (PAIR,))},
    )
    assert run.call("swap", 3 | 4 << 64) == 4 | 3 << 64
    assert run.call("twice", 3 | 4 << 64) == 5 | 3 << 64


# ------------------------------------------------------------- recorder, boundary


def test_watched_reads_are_queries() -> None:
    place = var("p", POINTER)
    bits = ir.LoadBits(place, ir.BitField(8, 20, 4), ULONG, HERE)
    f = define("f", {"p": POINTER}, give(bits), result=ULONG)
    recorder = Recorder()
    run = execution(f, LOAD, recorder=recorder)
    region = run.memory.add(64, "cpuinfo", zero=True)
    recorder.watch((region.base + 8, 16), "mm64")
    run.memory.poke(region.base + 8, 8, 3 << 20)
    for _ in range(2):
        assert run.call("f", region.base + 8) == 3
    run.call("load", region.base)
    run.call("load", region.base + 16)
    assert recorder.queries == [
        Query("memory", ("mm64", 0, 20, 4), 3),
        Query("memory", ("mm64", 8, 0, 64), 0),
    ]


def test_boundary_events_have_the_call_as_origin() -> None:
    call = ir.Call(None, "unlock", (num(1, ULONG),), VOID, at(5))
    inner = define("inner", {}, call, result=VOID)
    outer = define("outer", {}, ir.Call(None, "inner", (), VOID, at(9)), result=VOID)
    run = execution(
        inner, outer, boundary={"unlock": lambda c: c.emit(Unlock(c.pe, "p2m"))}
    )
    run.call("outer")
    (event,) = run.recorder.events
    assert event.origin is not None
    assert (event.origin.coord, event.origin.function) == (at(5), "inner")
    assert event.origin.stack == (Frame("inner", at(9)), Frame("outer", Coord("", 0)))


def test_boundary_may_call_back() -> None:
    call = ir.Call("r", "model", (num(4),), INT, at(5))
    f = define("f", {}, call, give(var("r")))
    run = execution(f, STORE, boundary={})
    run.memory.add_physical(VA, PA, 1 << 20)
    run.boundary = {"model": lambda c: run.call("store", VA, c.arguments[0]) or 7}
    assert run.call("f") == 7
    (event,) = run.recorder.events
    assert event.origin is not None
    assert [frame.function for frame in event.origin.stack] == ["store", "model", "f"]
    assert event.origin.stack[0].call == at(5)


def test_division_by_zero_keeps_the_execution_usable() -> None:
    f = define("f", {"x": UINT}, give(op("/", num(6, UINT), var("x", UINT), UINT), 3))
    run = execution(f)
    found = fault(run, "f", 0)
    assert (found.kind, found.coord) == ("division-by-zero", at(3))
    assert run.call("f", 2) == 3


def test_loops_over_physical_memory_are_quick() -> None:
    i = var("i", ULONG)
    place = op("+", var("p", POINTER), op("*", i, num(8, ULONG), ULONG), POINTER)
    body = block(
        ir.If(op(">=", i, num(512, ULONG)), block(ir.Break(HERE)), block(), HERE),
        ir.Store(place, i, ULONG, HERE),
        put("i", op("+", i, num(1, ULONG), ULONG)),
    )
    f = define("f", {"p": POINTER}, put("i", num(0, ULONG)), loop(body), result=VOID)
    run = physical(f)
    run.call("f", VA)
    assert len(run.recorder.events) == 512
    assert run.recorder.events[511] == Store(0, PA + 511 * 8, 511)
