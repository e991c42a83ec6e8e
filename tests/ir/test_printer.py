"""The text form of IR."""

from __future__ import annotations

from harness.frontend.unit import lower_text
from harness.ir import nodes as ir
from harness.ir.printer import print_expression, print_function, print_unit
from harness.ir.types import Integer, Pointer
from reference_model.coordinates import Coord

HERE = Coord("a.c", 3)
LONG = Integer("long", 8, True)


def test_expressions() -> None:
    address = ir.GlobalAddress("g", Pointer(LONG), HERE)
    load = ir.Load(address, LONG, HERE, volatile=True)
    bits = ir.LoadBits(address, ir.BitField(8, 12, 36), LONG, HERE)
    total = ir.Binary("+", load, ir.Const(1 << 20, LONG, HERE), LONG, HERE)
    assert print_expression(total) == "([volatile long @g] + 0x100000)"
    assert print_expression(bits) == "[long @g 64:47..12]"
    assert print_expression(ir.UnsupportedExpr("x", LONG, HERE)) == "unsupported<x>"


def test_nested_statements_are_indented() -> None:
    text = (
        "int g(int); int f(int a) {\n"
        "  for (int i = 0; i < a; i++)\n"
        "    switch (i) { case 1 ... 3: return 2; default: g(i); }\n"
        "  return 0;\n"
        "}\n"
    )
    unit = lower_text(text, "a.c")
    assert print_function(unit.functions["f"]) == (
        "int f(a: int)\n"
        "  var i: int\n"
        "  i = 0  # a.c:2\n"
        "  loop  # a.c:2\n"
        "    if !(i < a)  # a.c:2\n"
        "      break  # a.c:2\n"
        "    switch i  # a.c:3\n"
        "    case 1..3:\n"
        "      return 2  # a.c:3\n"
        "    case default:\n"
        "      g(i)  # a.c:3\n"
        "  step\n"
        "    i = (i + 1)  # a.c:2\n"
        "  return 0  # a.c:4\n"
    )


def test_unit_lists_functions_then_globals_by_name() -> None:
    unit = lower_text("int z = 1; extern int e; void f(void) { z = 2; } int b;", "a.c")
    assert print_unit(unit) == (
        "void f()\n  [int @z] = 2  # a.c:1\n\nint b\n\nint z\n  int +0 = 1\n"
    )
