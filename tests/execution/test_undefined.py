"""Undefined behaviour that C code reaches: each kind, and code that is all right.

``f`` is fine with the first argument and undefined with the second one.
"""

from __future__ import annotations

import pytest

from harness.execution.cpu import Cpu
from harness.execution.fault import Fault
from harness.execution.memory import Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution
from harness.frontend.unit import lower_text

CASES: dict[str, tuple[str, str, int, int]] = {
    "signed addition": (
        "signed-overflow",
        "long f(long n) { int i = 2147483647; return i + (int)n; }",
        0,
        1,
    ),
    "signed negation": (
        "signed-overflow",
        "long f(long n) { int i = (int)n - 2147483647; return -i; }",
        0,
        -1,
    ),
    "smallest number by -1": (
        "signed-overflow",
        "long f(long n) { int i = -2147483647 - 1; return i / (int)n; }",
        1,
        -1,
    ),
    "remainder of the smallest number by -1": (
        "signed-overflow",
        "long f(long n) { int i = -2147483647 - 1; return i % (int)n; }",
        1,
        -1,
    ),
    "division": ("division-by-zero", "long f(long n) { return 7 / n; }", 1, 0),
    "unsigned division": (
        "division-by-zero",
        "long f(long n) { return 7 % (unsigned int)n; }",
        1,
        0,
    ),
    "shift by the width": ("bad-shift", "long f(long n) { return 1U << n; }", 31, 32),
    "shift by less than none": (
        "bad-shift",
        "long f(long n) { return 8 >> n; }",
        0,
        -1,
    ),
    "bits of zero": ("bad-shift", "long f(long n) { return __builtin_clzl(n); }", 1, 0),
    "null": (
        "null-dereference",
        "struct s { long a[9]; long b; }; struct s x;\n"
        "long f(long n) { struct s *p = n ? &x : 0; return p->b; }",
        1,
        0,
    ),
    "past an object": (
        "out-of-bounds",
        "static int x[4]; long f(long n) { int *p = x; return p[n]; }",
        3,
        4,
    ),
    "before an object": (
        "out-of-bounds",
        "static int x[4]; long f(long n) { return *(x + n); }",
        0,
        -1,
    ),
    "past a variable": (
        "out-of-bounds",
        "long f(long n) { int x[2] = { 1, 2 }, *p = x; return p[n]; }",
        1,
        2,
    ),
    "past a member": (
        "out-of-bounds",
        "struct { int a[4], b; } x; long f(long n) { return x.a[n]; }",
        3,
        4,
    ),
    "past a row": (
        "out-of-bounds",
        "int x[3][4]; long f(long n) { return x[1][n]; }",
        3,
        4,
    ),
    "place past the end": (
        "out-of-bounds",
        "struct { int a[4], b; } x; long f(long n) { return &x.a[n] - x.a; }",
        4,
        5,
    ),
    "variable of a block": (
        "use-after-free",
        "long f(long n) { long x = 1, *p = &x; { long y = 2; if ( n ) p = &y; } "
        "return *p; }",
        0,
        1,
    ),
    "variable of a loop that is left": (
        "use-after-free",
        "long f(long n) { long x = 1, *p = &x; "
        "while ( 1 ) { long y = 2; if ( n ) p = &y; break; } return *p; }",
        0,
        1,
    ),
    "variable of an earlier pass": (
        "uninitialised-read",
        "long f(long n) { long *p = 0, s = 0; for ( int i = 0; i < 3; i++ ) "
        "{ long y; if ( i && n ) s += *p; y = i; p = &y; s += *p; } return s; }",
        0,
        1,
    ),
    "variable of a block left by goto": (
        "use-after-free",
        "long f(long n) { long x = 1, *p = &x; { long y = 2; if ( n ) p = &y; "
        "goto out; } out: return *p; }",
        0,
        1,
    ),
    "variable of a function": (
        "use-after-free",
        "static long *g(long n) { long x = 1; static long y; return n ? &x : &y; }\n"
        "long f(long n) { return *g(n); }",
        0,
        1,
    ),
    "variable": (
        "uninitialised-read",
        "long f(long n) { long x; if ( n ) x = 1; return x; }",
        1,
        0,
    ),
    "variable in each pass": (
        "uninitialised-read",
        "long f(long n) { long s = 0; for ( int i = 0; i < 2; i++ ) "
        "{ long x; if ( !i || n ) x = i; s += x; } return s; }",
        1,
        0,
    ),
    "variable in each pass of a goto": (
        "uninitialised-read",
        "long f(long n) { int i = 0; again: ; { long x; if ( !i || n ) x = i; "
        "i = x + 1; } if ( i < 3 ) goto again; return i; }",
        1,
        0,
    ),
    "struct in each pass": (
        "uninitialised-read",
        "struct s { long a, b; }; long f(long n) { long s = 0; "
        "for ( int i = 0; i < 2; i++ ) { struct s x; if ( !i || n ) x.b = i; "
        "s += x.b; } return s; }",
        1,
        0,
    ),
    "bits": (
        "uninitialised-read",
        "long f(long n) { struct { unsigned int a:3, b:5; } x; x.a = 1; "
        "if ( n ) x.b = 2; return x.b; }",
        1,
        0,
    ),
    "variable passed over by goto": (
        "uninitialised-read",
        "long f(long n) { if ( n ) goto out; int x = 1; out: return x; }",
        0,
        1,
    ),
    "initialiser before a case": (
        "uninitialised-read",
        "long f(long n) { switch ( n ) { int x = 5; case 0: x = 1; "
        "default: return x; } }",
        0,
        1,
    ),
    "missing result": (
        "missing-return",
        "static long g(long n) { if ( n ) return 1; }\nlong f(long n) { return g(n); }",
        1,
        0,
    ),
    "unreachable": (
        "unreachable",
        "long f(long n) { if ( n ) __builtin_unreachable(); return 1; }",
        0,
        1,
    ),
    "const object": (
        "read-only",
        "static const int x[2] = { 1, 2 }; int y; long f(long n) "
        "{ int *p = n ? (int *)x : &y; *p = 1; return *p; }",
        0,
        1,
    ),
    "const variable": (
        "read-only",
        "long f(long n) { const int x = 1; int y; int *p = n ? (int *)&x : &y; "
        "*p = 2; return x; }",
        0,
        1,
    ),
    "const variable of a loop": (
        "read-only",
        "long f(long n) { long s = 0; for ( int i = 0; i < 3; i++ ) "
        "{ const int x = i; int *p = (int *)&x; if ( n && i == 2 ) *p = 1; s += *p; } "
        "return s; }",
        0,
        1,
    ),
    "string": (
        "read-only",
        'long f(long n) { char x[] = "abc"; char *p = n ? "abc" : x; '
        "*p = 1; return 1; }",
        0,
        1,
    ),
    "truth value": (
        "bad-bool",
        "long f(long n) { _Bool x; *(unsigned char *)&x = n; return x; }",
        1,
        2,
    ),
    "order of objects": (
        "unrelated-pointers",
        "int x[4], y[4]; long f(long n) { int *p = n ? y : x + 4; return x < p; }",
        0,
        1,
    ),
    "distance of objects": (
        "unrelated-pointers",
        "int x[4], y[4]; long f(long n) { int *p = n ? y : x + 4; return p - x; }",
        0,
        1,
    ),
    "order of variables": (
        "unrelated-pointers",
        "long f(long n) { int x[4], y[4]; int *p = n ? y : x + 1; return x < p; }",
        0,
        1,
    ),
    "assignment that overlaps": (
        "overlapping-copy",
        "struct s { long a[2]; }; long f(long n) { union { long a[4]; } x = { { 1 } }; "
        "*(struct s *)&x.a[n] = *(struct s *)&x; return 1; }",
        2,
        1,
    ),
    "memcpy that overlaps": (
        "overlapping-copy",
        "long f(long n) { char x[16] = { 1 }; __builtin_memcpy(x + n, x, 4); "
        "return 1; }",
        4,
        3,
    ),
    "variable argument that is not there": (
        "out-of-bounds",
        "static long g(int n, ...) { long s = 0; __builtin_va_list list; "
        "__builtin_va_start(list, n); while ( n-- ) s += __builtin_va_arg(list, int); "
        "__builtin_va_end(list); return s; } long f(long n) { return g(n, 1, 2); }",
        2,
        3,
    ),
    "variable argument of another size": (
        "uninitialised-read",
        "static long g(int n, ...) { __builtin_va_list list; "
        "__builtin_va_start(list, n); return __builtin_va_arg(list, long); } "
        "long f(long n) { return n ? g(0, 1) : g(0, 1L); }",
        0,
        1,
    ),
    "call of no function": (
        "bad-call",
        "static long g(long n) { return n; } long f(long n) "
        "{ long (*p)(long) = n ? (long (*)(long))&f : g; "
        "if ( n ) p = (void *)((char *)p + 1); return p(1); }",
        0,
        1,
    ),
    "exclusive load": (
        "misaligned",
        "static char x[16]; long f(long n) { unsigned int r; "
        'asm volatile ("ldaxr %w0, %1" : "=r" (r) : "Q" (*(int *)(x + n))); '
        "return r; }",
        4,
        2,
    ),
    "store for other CPUs": (
        "misaligned",
        "static char x[16]; long f(long n) { "
        'asm volatile ("str %1, %0" : "=Q" (*(long *)(x + n)) : "r" (n)); return 1; }',
        8,
        4,
    ),
    "volatile store": (
        "misaligned",
        "static char x[16]; long f(long n) "
        "{ *(volatile long *)(x + n) = 1; return 1; }",
        8,
        4,
    ),
}


def run(text: str, argument: int) -> int | None:
    program = Program(lower_text(f'# 1 "t.c"\n{text}', "t.c"))
    return Execution(program, Memory(), Cpu(), Recorder(), {}).call("f", argument)


@pytest.mark.parametrize("name", CASES)
def test_undefined(name: str) -> None:
    kind, text, fine, wrong = CASES[name]
    assert run(text, fine) is not None
    with pytest.raises(Fault) as caught:
        run(text, wrong)
    assert caught.value.kind == kind
    assert caught.value.coord is not None and caught.value.coord.file == "t.c"
    assert caught.value.stack


DEFINED = {
    "unsigned wraps": "long f(long n) { return (unsigned int)n * 0xffffffffU; }",
    "conversion": "long f(long n) { return (signed char)(n + 300); }",
    # GCC and clang define it, and Xen relies on it.
    "shift into the sign": "long f(long n) { return 1 << 31 << 0 < 0; }",
    "shift of a negative number": "long f(long n) { return -n << 3; }",
    # -fno-strict-aliasing
    "other type": "long f(long n) { int x = 5; return *(short *)&x; }",
    "inactive member": "long f(long n) { union { int a; char b[4]; } x = { n }; "
    "return x.b[0]; }",
    "struct with holes": "struct s { char a; long b; }; long f(long n) "
    "{ struct s x, y; x.a = 1; x.b = n; y = x; return y.b; }",
    "copy to itself": "struct s { long a[4]; }; long f(long n) "
    "{ struct s x = { { n } }, *p = &x; x = *p; return x.a[0]; }",
    "flexible array": "struct s { int n; char a[1]; }; long f(long n) "
    "{ union { struct s s; char a[16]; } x = { { 1 } }; x.a[8] = 3; "
    "return x.s.a[4]; }",
    "equality": "int x, y; long f(long n) { return &x == &y; }",
    "cast order": "int x, y; long f(long n) "
    "{ return ((unsigned long)&x < (unsigned long)&y) & 0; }",
    "variable of a statement expression": "long f(long n) "
    "{ return *({ long x = n; long *p = &x; p; }); }",
    "case in a block of a switch": "long f(long n) { long *p = 0; "
    "switch ( n ) { long x; case 1: x = 2; p = &x; break; } return n == 1; }",
    "packed": "struct __attribute__((packed)) { char a; long b; } x; "
    "long f(long n) { x.b = n; return x.b; }",
}


@pytest.mark.parametrize("name", DEFINED)
def test_defined(name: str) -> None:
    assert run(DEFINED[name], 1) is not None
