"""Expressions against a model of C arithmetic on an LP64 machine."""

from __future__ import annotations

import pytest
from building import BOOL, HERE, INT, LONG, UCHAR, UINT, ULONG, evaluate, num, op, var
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.execution.fault import Fault
from harness.ir import nodes as ir
from harness.ir.types import Integer

SCHAR = Integer("signed char", 1, True)
USHORT = Integer("unsigned short", 2, False)
TYPES = [SCHAR, UCHAR, USHORT, INT, UINT, LONG, ULONG]
COMPUTED = [INT, UINT, LONG, ULONG]


COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]


def limits(ctype: Integer) -> tuple[int, int]:
    bits = 8 * ctype.size
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if ctype.signed else (0, 2**bits - 1)


def values(ctype: Integer) -> st.SearchStrategy[int]:
    low, high = limits(ctype)
    edges = [low, low + 1, high, high - 1, 0, 1]
    return st.sampled_from(edges) | st.integers(low, high)


def wrap(value: int, ctype: Integer) -> int:
    low, high = limits(ctype)
    return (value - low) % (high - low + 1) + low


def model(text: str, a: int, b: int, ctype: Integer) -> int | str:
    """Say what C makes of ``a op b``: a value, or the kind of fault."""
    bits = 8 * ctype.size
    low, high = limits(ctype)
    if text in ("/", "%"):
        if b == 0:
            return "division-by-zero"
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        if not low <= quotient <= high:
            return "signed-overflow"
        return quotient if text == "/" else a - quotient * b
    if text in ("<<", ">>"):
        if not 0 <= b < bits:
            return "bad-shift"
        return wrap(a << b, ctype) if text == "<<" else a >> b
    exact = {
        "+": a + b,
        "-": a - b,
        "*": a * b,
        "&": a & b,
        "|": a | b,
        "^": a ^ b,
        "==": int(a == b),
        "!=": int(a != b),
        "<": int(a < b),
        "<=": int(a <= b),
        ">": int(a > b),
        ">=": int(a >= b),
    }[text]
    if low <= exact <= high:
        return exact
    return "signed-overflow" if ctype.signed else wrap(exact, ctype)


OPERATORS = ["+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", *COMPARISONS]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_binary_operators_follow_c(data: st.DataObject) -> None:
    ctype = data.draw(st.sampled_from(COMPUTED))
    text = data.draw(st.sampled_from(OPERATORS))
    a, b = data.draw(values(ctype)), data.draw(values(ctype) | st.integers(0, 70))
    b = wrap(b, ctype)
    result = INT if text in COMPARISONS else ctype
    expected = model(text, a, b, ctype)
    right = var("b", ctype)
    forms = [op(text, var("a", ctype), right, result)]
    forms.append(op(text, var("a", ctype), num(b, ctype), result))
    forms.append(op(text, num(a, ctype), right, result))
    for form in forms:
        try:
            got: int | str = evaluate(form, a=(a, ctype), b=(b, ctype))
        except Fault as fault:
            got = fault.kind
        assert got == expected


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_casts_follow_c(data: st.DataObject) -> None:
    source, target = (data.draw(st.sampled_from([*TYPES, BOOL])) for _ in range(2))
    value = data.draw(st.integers(0, 1) if source is BOOL else values(source))
    expected = int(bool(value)) if target is BOOL else wrap(value, target)
    cast = ir.Cast(var("a", source), target, HERE)
    assert evaluate(cast, a=(value, source)) == expected


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_unary_operators_follow_c(data: st.DataObject) -> None:
    ctype = data.draw(st.sampled_from(COMPUTED))
    a = data.draw(values(ctype))
    assert evaluate(ir.Unary("!", var("a", ctype), INT, HERE), a=(a, ctype)) == (a == 0)
    flipped = evaluate(ir.Unary("~", var("a", ctype), ctype, HERE), a=(a, ctype))
    assert flipped == wrap(~a, ctype)
    negated = ir.Unary("-", var("a", ctype), ctype, HERE)
    if ctype.signed and a == limits(ctype)[0]:
        with pytest.raises(Fault, match="signed overflow"):
            evaluate(negated, a=(a, ctype))
    else:
        assert evaluate(negated, a=(a, ctype)) == wrap(-a, ctype)


def test_overflow_checks_nest() -> None:
    a, b = var("a"), var("b")
    total = op("+", op("*", a, b), op("-", op("*", b, b), op("*", a, a)))
    assert evaluate(total, a=(7, INT), b=(9, INT)) == 63 + 81 - 49


def test_variable_shift_counts_nest() -> None:
    inner = op("<<", var("a", ULONG), var("b"), ULONG)
    outer = op("<<", inner, op(">>", var("c"), var("d")), ULONG)
    types = {"a": (3, ULONG), "b": (4, INT), "c": (16, INT), "d": (2, INT)}
    assert evaluate(outer, **types) == 3 << 4 << 4


def test_logical_operators_do_not_evaluate_too_much() -> None:
    zero = op("/", num(1), var("a"))
    guarded = ir.Logical("&&", op("!=", var("a"), num(0)), zero, INT, HERE)
    assert evaluate(guarded, a=(0, INT)) == 0
    assert evaluate(guarded, a=(1, INT)) == 1
    either = ir.Logical("||", op("==", var("a"), num(0)), zero, INT, HERE)
    assert evaluate(either, a=(0, INT)) == 1
    chosen = ir.Select(var("a"), zero, num(5), INT, HERE)
    assert evaluate(chosen, a=(0, INT)) == 5


def test_expression_nested_too_deeply_is_unsupported() -> None:
    from harness.errors import Unsupported

    deep: ir.Expr = var("a", ULONG)
    for _ in range(400):
        deep = op("+", deep, num(1, ULONG), ULONG)
    with pytest.raises(Unsupported, match="nests too deeply"):
        evaluate(deep, a=(0, ULONG))
