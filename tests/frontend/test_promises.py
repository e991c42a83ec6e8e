"""A function that does not do what its attributes promise is not modelled."""

from __future__ import annotations

import pytest

from harness.frontend.unit import lower_text
from harness.ir.nodes import UnsupportedStatement


def _refused(text: str, name: str = "f") -> bool:
    body = lower_text(text, "x.c").functions[name].body
    return any(isinstance(each, UnsupportedStatement) for each in body.statements)


@pytest.mark.parametrize(
    "text",
    [
        "__attribute__((const)) int f(void);"
        'int f(void) { asm volatile ("isb"); return 0; }',
        "int g; static inline __attribute__((__pure__)) int f(void) { return g = 1; }",
        "void g(void); int __attribute__((const)) f(int a) { g(); return a; }",
        "int __attribute__((const)) f(void (*g)(void)) { g(); return 0; }",
        "struct s { int a; } g; __attribute__((pure)) int f(struct s *p)"
        " { *p = g; return 0; }",
        "__attribute__((noreturn)) void f(int a) { if (a) return; for ( ; ; ) ; }",
        "_Noreturn void f(void) { }",
        "void f(void) { while (1) break; } void f(void) __attribute__((noreturn));",
    ],
)
def test_a_broken_promise_is_not_modelled(text: str) -> None:
    assert _refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "__attribute__((const)) int g(int a);"
        "__attribute__((const)) int f(int a) { while (a > 9) a /= 2; return g(a); }",
        'const int f(void) { asm volatile ("isb"); return 0; }',
        "int g; int __attribute__((pure)) f(int *p) { return g + *p; }",
        "int __attribute__((const)) f(int a)"
        ' { int b; asm ("clz %w0, %w1" : "=r" (b) : "r" (a)); return b; }',
        "_Noreturn void g(void); _Noreturn void f(void) { g(); }",
        "__attribute__((noreturn)) void f(void) { __builtin_trap(); }",
        "void f(void (*__attribute__((noreturn)) g)(void)) { g(); }",
        "typedef void (*t)(void) __attribute__((const)); void f(t g) { g(); }",
    ],
)
def test_what_is_promised_and_kept_is_taken(text: str) -> None:
    assert not _refused(text)
