"""Control flow: loops, switches, every shape of goto, calls."""

from __future__ import annotations

import pytest
from building import (
    HERE,
    INT,
    UINT,
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
    when,
)

from harness.errors import BoundError, Unsupported
from harness.execution.fault import Fault
from harness.execution.run import Limits
from harness.ir import nodes as ir
from harness.ir.types import Function, Pointer

BREAK = ir.Break(HERE)
CONTINUE = ir.Continue(HERE)


def goto(label: str) -> ir.Goto:
    return ir.Goto(label, HERE)


def label(name: str) -> ir.Label:
    return ir.Label(name, HERE)


def add(name: str, value: int) -> ir.SetLocal:
    return put(name, op("+", var(name), num(value)))


def times10(digit: int) -> ir.SetLocal:
    """Append a digit to the trace in ``t``."""
    return put("t", op("+", op("*", var("t"), num(10)), num(digit)))


def run(*body: ir.Statement, x: int = 0) -> int | None:
    return execution(define("f", {"x": INT}, put("t", num(0)), *body)).call("f", x)


def case(*values: int, body: ir.Block) -> tuple[tuple[tuple[int, int], ...], ir.Block]:
    return tuple((value, value) for value in values), body


def test_continue_runs_the_step() -> None:
    body = block(
        when(op(">=", var("i"), num(5)), block(BREAK)),
        when(op("==", var("i"), num(2)), block(CONTINUE)),
        put("t", op("+", op("*", var("t"), num(10)), var("i"))),
    )
    assert run(put("i", num(0)), loop(body, block(add("i", 1))), give(var("t"))) == 134


def test_do_while_zero_runs_once_and_continue_leaves_it() -> None:
    body = block(times10(1), when(var("x"), block(CONTINUE)), times10(2))
    once = loop(body, block(when(ir.Unary("!", num(0), INT, HERE), block(BREAK))))
    assert run(once, give(var("t")), x=0) == 12
    assert run(once, give(var("t")), x=1) == 1


@pytest.mark.parametrize(("x", "trace"), [(0, 123), (1, 23), (2, 3), (5, 3), (9, 3)])
def test_switch_falls_through(x: int, trace: int) -> None:
    cases = (
        case(0, body=block(times10(1))),
        case(1, body=block(times10(2))),
        case(2, 5, body=block(times10(3), BREAK)),
    )
    assert run(ir.Switch(var("x"), cases, 2, HERE), give(var("t")), x=x) == trace


@pytest.mark.parametrize(("x", "trace"), [(0, 1), (1, 2), (7, 4), (-3, 3), (-1, 3)])
def test_switch_with_breaks_and_ranges(x: int, trace: int) -> None:
    cases = (
        case(0, body=block(times10(1), BREAK)),
        case(1, body=block(when(var("x"), block(times10(2), BREAK), block(BREAK)))),
        (((-4, -1),), block(times10(3), BREAK)),
        ((), block(times10(4), BREAK)),
    )
    assert run(ir.Switch(var("x"), cases, 3, HERE), give(var("t")), x=x) == trace


def test_break_in_the_middle_of_a_case() -> None:
    inner = when(op("==", var("x"), num(1)), block(BREAK))
    cases = (case(1, 2, body=block(times10(1), inner, times10(2), BREAK)),)
    switch = ir.Switch(var("x"), cases, None, HERE)
    assert run(switch, times10(9), give(var("t")), x=1) == 19
    assert run(switch, times10(9), give(var("t")), x=2) == 129
    assert run(switch, times10(9), give(var("t")), x=3) == 9


@pytest.mark.parametrize("falls", [False, True])
def test_continue_inside_a_switch_belongs_to_the_loop(falls: bool) -> None:
    cases = (
        case(1, body=block(times10(1), *(() if falls else (BREAK,)))),
        case(2, body=block(times10(2), CONTINUE)),
        case(3, body=block(times10(3), BREAK)),
    )
    body = block(
        when(op(">", var("i"), num(3)), block(BREAK)),
        ir.Switch(var("i"), cases, None, HERE),
        times10(9),
    )
    trace = run(put("i", num(1)), loop(body, block(add("i", 1))), give(var("t")))
    assert trace == (12239 if falls else 19239)


def test_goto_forwards_out_of_two_loops() -> None:
    inner = loop(block(times10(1), when(var("x"), block(goto("out"))), BREAK))
    outer = loop(block(inner, times10(2), BREAK))
    tail = (times10(3), label("out"), times10(4), give(var("t")))
    assert run(outer, *tail, x=1) == 14
    assert run(outer, *tail, x=0) == 1234


def test_goto_backwards() -> None:
    body = (
        label("again"),
        times10(1),
        add("x", -1),
        when(var("x"), block(goto("again"))),
        give(var("t")),
    )
    assert run(*body, x=3) == 111


def test_goto_into_a_loop() -> None:
    body = block(
        times10(1),
        label("inside"),
        times10(2),
        add("x", -1),
        when(op("<=", var("x"), num(0)), block(BREAK)),
    )
    assert run(goto("inside"), loop(body), times10(7), give(var("t")), x=2) == 2127


def test_goto_into_and_out_of_if_arms() -> None:
    branch = when(
        var("x"),
        block(times10(1), goto("other"), times10(8)),
        block(times10(2), label("other"), times10(3)),
    )
    assert run(branch, times10(4), give(var("t")), x=1) == 134
    assert run(branch, times10(4), give(var("t")), x=0) == 234


def test_goto_between_switch_cases() -> None:
    cases = (
        case(0, body=block(times10(1), goto("two"))),
        case(1, body=block(times10(2), BREAK)),
        case(2, body=block(times10(3), label("two"), times10(4))),
        ((), block(times10(5))),
    )
    body = (ir.Switch(var("x"), cases, 3, HERE), times10(6), give(var("t")))
    found = [run(*body, x=x) for x in range(4)]
    assert found == [1456, 26, 3456, 56]


def test_continue_and_break_in_a_loop_with_goto() -> None:
    body = block(
        add("x", 1),
        when(op("==", var("x"), num(2)), block(CONTINUE)),
        when(op("==", var("x"), num(4)), block(BREAK)),
        times10(1),
        when(op("==", var("x"), num(9)), block(goto("out"))),
    )
    steps = (loop(body, block(times10(7))), times10(5), label("out"), give(var("t")))
    assert run(*steps) == 177175


def test_structured_loop_inside_a_function_with_goto() -> None:
    inner = loop(
        block(when(op(">=", var("i"), num(3)), block(BREAK)), times10(1)),
        block(add("i", 1)),
    )
    body = (
        when(op("<", var("x"), num(0)), block(goto("out"))),
        put("i", num(0)),
        inner,
        label("out"),
        give(var("t")),
    )
    assert run(*body, x=1) == 111
    assert run(*body, x=-1) == 0


def test_return_leaves_everything() -> None:
    body = loop(block(loop(block(give(num(5)))), goto("x")))
    assert run(body, label("x"), give(num(1))) == 5


def test_goto_to_nowhere_is_unsupported_when_reached() -> None:
    body = (when(var("x"), block(goto("nowhere"))), give(num(3)))
    assert run(*body, x=0) == 3
    with pytest.raises(Unsupported, match="unknown label 'nowhere'"):
        run(*body, x=1)


def test_unsupported_constructs_count_only_when_reached() -> None:
    hard = ir.UnsupportedStatement("computed goto", at(7))
    body = (when(var("x"), block(hard)), give(num(3)))
    assert run(*body, x=0) == 3
    with pytest.raises(Unsupported, match=r"test.c:7: computed goto"):
        run(*body, x=1)
    value = ir.UnsupportedExpr("va_arg", INT, at(8))
    chosen = give(ir.Select(var("x"), value, num(4), INT, HERE))
    assert run(chosen, x=0) == 4
    with pytest.raises(Unsupported, match=r"test.c:8: va_arg"):
        run(chosen, x=1)


# ---------------------------------------------------------------------- bounds


def test_endless_loop_is_named() -> None:
    endless = define("f", {}, loop(block(), line=7), result=VOID)
    run = execution(endless, limits=Limits(steps=1000))
    with pytest.raises(BoundError) as caught:
        run.call("f")
    assert caught.value.message == "loop at test.c:7 does not end within 1000 steps"


def test_endless_goto_is_bounded() -> None:
    f = define("f", {}, label("a"), goto("a"), result=VOID)
    with pytest.raises(BoundError, match="does not end within 100 steps"):
        execution(f, limits=Limits(steps=100)).call("f")


def test_seconds_are_bounded() -> None:
    f = define("f", {}, loop(block()), result=VOID)
    with pytest.raises(BoundError, match=r"does not end within 0\.05 seconds"):
        execution(f, limits=Limits(steps=10**12, seconds=0.05)).call("f")


def recursion(depth: int) -> tuple[ir.FunctionDef, Limits]:
    call = ir.Call(None, "f", (op("+", var("x"), num(1)),), VOID, at(4))
    f = define("f", {"x": INT}, call, result=VOID)
    return f, Limits(depth=depth)


def test_endless_recursion_is_bounded() -> None:
    f, limits = recursion(200)
    with pytest.raises(BoundError, match="nest deeper than 200: 'f' recurses"):
        execution(f, limits=limits).call("f", 0)


def test_recursion_past_python_is_bounded() -> None:
    f, limits = recursion(10**6)
    with pytest.raises(BoundError, match="calls nest deeper"):
        execution(f, limits=limits).call("f", 0)


def test_branching_recursion_is_bounded() -> None:
    call = ir.Call(None, "f", (op("+", var("x"), num(1)),), VOID, at(4))
    leaf = when(op(">", var("x"), num(100)), block(give()))
    f = define("f", {"x": INT}, leaf, call, call, result=VOID)
    with pytest.raises(BoundError, match="'f' does not end within 5000 steps"):
        execution(f, limits=Limits(steps=5000)).call("f", 0)


def test_a_bound_counts_for_each_call_anew() -> None:
    step = when(op(">=", var("i"), num(600)), block(BREAK))
    f = define("f", {}, put("i", num(0)), loop(block(step, add("i", 1))), give(num(0)))
    run = execution(f, limits=Limits(steps=1000))
    assert [run.call("f") for _ in range(5)] == [0] * 5


# ----------------------------------------------------------------------- calls


def test_calls_through_pointers() -> None:
    ctype = Pointer(Function(INT, (INT,)))
    g = define("g", {"x": INT}, give(op("*", var("x"), num(2))))
    call = ir.Call("r", var("p", ctype), (num(21),), INT, at(5))
    f = define("f", {"p": ctype}, call, give(var("r")))
    run = execution(f, g)
    assert run.call("f", run.address("g")) == 42
    for wrong in (0, 0x1234, run.address("g") + 4, run.address("g") + 16):
        with pytest.raises(Fault) as caught:
            run.call("f", wrong)
        assert caught.value.kind == "bad-call"
        assert caught.value.coord == at(5)
    two = define("h", {"x": INT, "y": INT}, give(num(0)))
    run = execution(f, two)
    with pytest.raises(Fault, match="with 1 arguments"):
        run.call("f", run.address("h"))


def test_unmodelled_call_names_function_and_place() -> None:
    f = define("f", {}, ir.Call(None, "printk", (num(1),), VOID, at(5)), give(num(0)))
    with pytest.raises(Unsupported) as caught:
        execution(f).call("f")
    assert str(caught.value) == "test.c:5: call of 'printk', which is not modelled"


def test_value_of_a_function_that_returned_none() -> None:
    g = define("g", {}, when(num(0), block(give(num(1)))))
    f = define("f", {}, ir.Call("r", "g", (), INT, at(5)), give(var("r")))
    with pytest.raises(Fault) as caught:
        execution(f, g).call("f")
    assert (caught.value.kind, caught.value.coord) == ("missing-return", at(5))


def test_model_without_a_result_is_unsupported() -> None:
    f = define("f", {}, ir.Call("r", "g", (), INT, at(5)), give(var("r")))
    with pytest.raises(Unsupported, match="the result of 'g', which is not modelled"):
        execution(f, boundary={"g": lambda _: None}).call("f")


def test_model_results_are_brought_into_range() -> None:
    f = define("f", {}, ir.Call("r", "g", (), UINT, at(5)), give(var("r")), result=UINT)
    declared = {"g": Function(UINT, ())}
    run = execution(f, boundary={"g": lambda _: -1}, declared=declared)
    assert run.call("f") == 0xFFFFFFFF
