"""C that a compiler refuses is refused here, in one line with its place."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError, Unsupported
from harness.execution.program import Program
from harness.frontend.unit import lower_text


def _lowered(text: str) -> None:
    unit = lower_text(text, "x.c")
    Program(unit)
    for name in list(unit.functions):
        assert unit.functions[name] is not None


@pytest.mark.parametrize(
    "text",
    [
        "struct s { int a:-1; };",
        "struct s { int a:0; };",
        "struct s { int a:33; };",
        "struct s { _Bool a:2; };",
        'char c[] = L"x"; char f(void) { return c[0]; }',
        'void f(void) { char c[] = u"x"; c[0] = 1; }',
        'char c[] = "\\ud800"; char f(void) { return c[0]; }',
        'char c[] = "\\U00110000"; char f(void) { return c[0]; }',
        "int f(void) { return L'x'; }",
        'void f(void) { asm volatile (L"isb"); }',
        'void f(void) { asm volatile ("isb" : : : "\\ud800"); }',
    ],
)
def test_it_is_refused(text: str) -> None:
    with pytest.raises((HarnessError, Unsupported)):
        _lowered(text)


@pytest.mark.parametrize(
    "text",
    [
        "struct s { int a:32; _Bool b:1; int :0; unsigned long c:64; };",
        'char c[] = u8"x\\u00e9"; char f(void) { return c[0]; }',
    ],
)
def test_what_is_right_is_taken(text: str) -> None:
    _lowered(text)
