"""Lowering, seen in the printed IR."""

from __future__ import annotations

import inspect
import pickle
import sys
from textwrap import dedent

import pytest

from harness.errors import ParseError
from harness.frontend.unit import lower_text
from harness.ir.nodes import FunctionDef, Unit
from harness.ir.printer import print_function, print_global

TYPES = """
typedef struct { unsigned long gfn; } gfn_t;
typedef union { unsigned long bits; struct { unsigned long v:1, t:1, x:62; }; } pte_t;
struct pair { long a, b; };
long g(long); void h(void); struct pair make(long); long take(struct pair); pte_t *e;
"""


def lower(text: str) -> Unit:
    return lower_text(f'# 1 "types.h"\n{TYPES}\n# 1 "t.c"\n{text}', "t.c")


def body(text: str, name: str = "f") -> str:
    """Return the statements of ``name``, without variables and places."""
    lines = print_function(lower(text).functions[name]).splitlines()[1:]
    lines = [line for line in lines if not line.startswith("  var ")]
    return "\n".join(line[2:].partition("  # ")[0] for line in lines)


def same(text: str, expected: str) -> None:
    assert body(text) == dedent(expected).strip()


def problem(text: str) -> str:
    with pytest.raises(ParseError) as caught:
        lower(text).functions["f"]
    return str(caught.value)


# ------------------------------------------------------------------------- places


def test_every_statement_has_its_place() -> None:
    text = "void f(long a)\n{\n    if ( a )\n        h();\n    g(\n      2);\n}\n"
    printed = print_function(lower(text).functions["f"])
    assert printed == (
        "void f(a: long)\n  if a  # t.c:3\n    h()  # t.c:4\n  g(2)  # t.c:5\n"
    )


def test_place_inside_an_included_file() -> None:
    text = '# 40 "a/b.h" 1\nstatic void f(void) { h(); }\n# 2 "t.c" 2\n'
    assert lower(text).functions["f"].coord.file == "a/b.h"
    assert lower(text).functions["f"].coord.line == 40


# ------------------------------------------------------------------- side effects


def test_side_effects_become_statements() -> None:
    same(
        "long f(long a) { return a++ + g(a ? g(1) : 2); }",
        """
        t = a
        a = (t + 1)
        if a
          t__2 = g(1)
          t__3 = t__2
        else
          t__3 = 2
        t__4 = g(t__3)
        return (t + t__4)
        """,
    )


def test_right_operand_runs_under_the_left_one() -> None:
    same(
        "void f(long a) { if ( a && g(a) ) h(); }",
        """
        t__2 = (a != 0)
        if t__2
          t = g(a)
          t__2 = (t != 0)
        if t__2
          h()
        """,
    )


def test_volatile_is_read_once_and_marked() -> None:
    same(
        "long f(long *p) { return *(volatile long *)p & 1; }",
        """
        t = [volatile long (volatile long *)p]
        return (t & 1)
        """,
    )
    same("void f(volatile int *p) { *p = 1; }", "[volatile int p] = 1")


def test_constant_condition_leaves_one_branch() -> None:
    same("void f(void) { if ( sizeof(long) == 4 ) h(); else g(1); }", "g(1)")
    same("void f(void) { do { h(); } while ( 0 ); }", "h()")
    same(
        "long f(void) { return 0 ? undefined_builtin_long : 3; }".replace(
            "undefined_builtin_long", "__builtin_frob(1)"
        ),
        "return 3",
    )


def test_break_of_a_macro_loop_stays_its_own() -> None:
    same(
        "void f(long a) { do { if ( a ) break; h(); } while ( 0 ); }",
        """
        loop
          if a
            break
          h()
        step
          if 1
            break
        """,
    )


def test_label_in_a_dead_branch_keeps_it() -> None:
    same(
        "void f(void) { goto in; if ( 0 ) { in: h(); } }",
        """
        goto in
        if 0
          in:
          h()
        """,
    )


def test_switch_merges_cases() -> None:
    same(
        """
        void f(unsigned char a) {
            switch ( a ) { case 1: case 3 ... 5: h(); break; default: case 9: g(1); }
        }
        """,
        """
        switch (int)a
        case 1, 3..5:
          h()
          break
        case 9, default:
          g(1)
        """,
    )


# ------------------------------------------------------------------------ structs


def test_struct_of_one_scalar_is_that_scalar() -> None:
    unit = lower(
        "gfn_t f(gfn_t g, gfn_t *p) { gfn_t n = { g.gfn + p->gfn }; return n; }"
    )
    assert print_function(unit.functions["f"]).partition("\n")[0] == (
        "unsigned long f(g: unsigned long, p: struct gfn_t *)"
    )
    same(
        "gfn_t f(gfn_t g, gfn_t *p){ gfn_t n = { g.gfn + p->gfn }; *p = n; return n; }",
        """
        n = (g + [unsigned long (unsigned long *)p])
        [unsigned long p] = n
        return n
        """,
    )


def test_struct_argument_is_a_private_copy() -> None:
    same(
        "long f(struct pair *p){ struct pair q = make(1); return take(*p) + take(q); }",
        """
        [struct pair &q] = make(1)
        copy &argument from p, 16 bytes
        t = take(&argument)
        copy &argument__2 from &q, 16 bytes
        t__2 = take(&argument__2)
        return (t + t__2)
        """,
    )
    same(
        "long f(void) { return take(make(2)); }",
        """
        [struct pair &result] = make(2)
        t = take(&result)
        return t
        """,
    )


def test_small_initialiser_is_one_store() -> None:
    same(
        "void f(unsigned long a) { pte_t p = { .x = a, .v = 1 }; *e = p; }",
        """
        [unsigned long (unsigned long *)&p] = (1 | ((a & 0x3fffffffffffffff) << 2))
        copy [union pte_t * @e] from &p, 8 bytes
        """,
    )


def test_bit_field_assignment_keeps_the_rest() -> None:
    same("void f(pte_t *p) { p->t = 1; }", "[(unsigned long *)p 64:1..1] = 1")


def test_address_of_a_member_leaves_the_pointer_a_local() -> None:
    unit = lower("long *f(struct pair *p, long n) { long *q = &n; return &p->b; }")
    assert [p.in_memory for p in unit.functions["f"].parameters] == [False, True]


# ---------------------------------------------------------------------------- asm


def test_asm_operands() -> None:
    same(
        """
        void f(unsigned long a, struct pair *p) {
            asm volatile ("tlbi ipas2e1is, %x1" "; dsb ish" : [out] "=r" (p->a)
                          : "r" (a + 1), "Q" (p->b) : "memory", "cc");
        }
        """,
        """
        t = (long *)p
        asm volatile 'tlbi ipas2e1is, %x1; dsb ish', [out] "=r" t__2, "r" (a + 1), \
"Q" [(p + 8)], clobbers memory cc
        [long t] = t__2
        """.replace('"Q" [(p + 8)]', '"Q" (p + 8)'),
    )


def test_asm_reads_what_it_updates() -> None:
    same(
        'void f(long *p) { long a = 1; asm ("nop" : "+r" (a), "+r" (*p), "+Q" (*p)); }',
        """
        a = 1
        t = [long p]
        asm 'nop', "+r" a, "+r" t, "+Q" [p]
        [long p] = t
        """,
    )


def test_asm_without_outputs_is_volatile() -> None:
    same('void f(void) { asm ("isb"); }', "asm volatile 'isb'")


def test_asm_goto_names_its_labels() -> None:
    same(
        'void f(void) { asm goto ("b %l[out]" : : : "memory" : out); out: ; }',
        "asm volatile 'b %l[out]', clobbers memory, goto out\nout:",
    )


def test_register_variable_is_read_by_asm() -> None:
    same(
        'long f(void) { register long sp asm ("sp"); return sp & ~7L; }',
        """
        asm 'mov %0, sp', "=r" t
        return (t & -8)
        """,
    )


# ------------------------------------------------------------------- globals, names


def test_statics_and_strings() -> None:
    unit = lower(
        'void f(void) { static long n = 3; { static long n; n++; } } char *s = "a" "b";'
    )
    assert unit.functions["f"].name == "f"
    names = [name for name in unit.globals if name.startswith(("f.", "string."))]
    assert names[:1] == [n for n in names if n.startswith("string.")]
    assert names[1:] == ["f.n", "f.n.2"]
    assert unit.globals[names[0]].text == b"ab\0"
    assert print_global(unit.globals["f.n"]) == "long f.n\n  long +0 = 3\n"


def test_global_initial_content() -> None:
    unit = lower(
        'struct pair t[2] __attribute__((section(".data"), aligned(64))) ='
        " { [1] = { .b = sizeof(gfn_t) } }; long *q = &t[1].b; void (*fn)(void) = h;"
        " extern long other;"
    )
    assert print_global(unit.globals["t"]) == (
        "struct pair [2] t in .data aligned 64\n  long +24 = 8\n"
    )
    assert print_global(unit.globals["q"]).endswith("+0 = (@t + 24)\n")
    assert print_global(unit.globals["fn"]).endswith("+0 = @h\n")
    assert not unit.globals["other"].defined


def test_string_names_do_not_depend_on_order() -> None:
    text = 'char *a; void f(void) { a = "x"; } void k(void) { a = "y"; }'
    first, second = lower(text), lower(text)
    one = [print_function(first.functions[n]) for n in ("f", "k")]
    two = [print_function(second.functions[n]) for n in ("k", "f")]
    assert one == two[::-1]


def test_shadowed_names_are_told_apart() -> None:
    same(
        "long f(long a) { { long a = 1; g(a); } { long a; a = 2; g(a); } return a; }",
        """
        a__2 = 1
        g(a__2)
        a__3 = 2
        g(a__3)
        return a
        """,
    )


def test_functions_are_lowered_when_asked_for() -> None:
    unit = lower("void f(void) { h(); } void bad(void) { missing(); }")
    assert list(unit.functions) == ["f", "bad"] and "f" in unit.functions
    assert unit.functions["f"] is unit.functions["f"]
    assert unit.functions.get("gone") is None
    with pytest.raises(ParseError, match="'missing' is not declared"):
        unit.functions["bad"]


def test_unit_can_be_pickled() -> None:
    unit = lower("long f(long a) { return g(a); }")
    copy = pickle.loads(pickle.dumps(unit))
    assert print_function(copy.functions["f"]) == print_function(unit.functions["f"])


def test_declared_functions_and_constants() -> None:
    unit = lower("enum { A = 3, B, C = -1UL >> 60 }; void h(void) { }")
    assert unit.constants == {"A": 3, "B": 4, "C": 15}
    assert "h" not in unit.declared and str(unit.declared["g"]) == "long (long)"


def test_probe_that_is_no_constant_is_left_out() -> None:
    text = '# 1 "<probes>"\nenum { P = (nowhere) };\n# 1 "<probes>"\nenum { Q = (4) };'
    assert lower(text).constants == {"Q": 4}


# ----------------------------------------------------------------------- not modelled


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("long v[a]; v[0] = 1;", "array of variable length"),
        ("float x = 1.0;", "type 'float'"),
        ("__builtin_frob(1);", "'__builtin_frob'"),
        ("__atomic_load(&a, &a, 0);", "'__atomic_load'"),
        ("goto *(void *)a;", "computed goto"),
        ("void *p = &&out; out: ;", "computed goto"),
        ("long x __attribute__((cleanup(h)));", "attribute 'cleanup'"),
        ("x: ; { __label__ x; x: h(); }", "second label 'x'"),
    ],
)
def test_what_is_not_modelled_says_so(statement: str, what: str) -> None:
    text = body(f"void f(long a) {{ g(1); {statement} g(2); }}")
    assert f"unsupported<{what}" in text
    assert text.startswith("g(1)") and text.endswith("g(2)")


def test_use_of_a_broken_declaration_is_not_modelled() -> None:
    text = "float x; typedef int v4 __attribute__((vector_size(16)));"
    assert body(f"{text} void f(void) {{ v4 y; x = 1; }}").count("unsupported<") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("void f(void) { missing = 1; }", "t.c:1: 'missing' is not declared"),
        (
            "void f(gfn_t *p) {\n p->mfn = 1; }",
            "t.c:2: 'struct gfn_t' has no member 'mfn'",
        ),
        ("void f(void) { g(1, 2); }", "t.c:1: call with 2 arguments, 1 expected"),
        (
            "void f(struct pair p) { g(p); }",
            "t.c:1: cannot convert 'struct pair' to 'long'",
        ),
        ("void f(gfn_t p) { g(p); }", "t.c:1: cannot convert 'struct gfn_t' to 'long'"),
        ("void f(long a) { *a = 1; }", "t.c:1: value of type 'long' is no pointer"),
        ("void f(struct gone *p) { p->x = 1; }", "(incomplete type)"),
        ('void f(void) { _Static_assert(0, "no"); }', 'static assertion fails: "no"'),
        ('_Static_assert(sizeof(long) == 4, "no");', "t.c:1: static assertion fails"),
        ("void f(void) { } void f(void) { }", "t.c:1: 'f' is defined twice"),
        ("void f(void)\n{ return 1 +; }", "t.c:2: syntax error: invalid expression"),
        ("#pragma pack(3)\nvoid f(void) { }", "'#pragma pack(3)' is not supported"),
        ("#pragma pack(pop)\nvoid f(void) { }", "is not supported"),
        ("void f(void) { case 1: ; }", "t.c:1: case label outside of a switch"),
        ("void f(void) { return `; }", "t.c:1: cannot read '`; }' as C"),
    ],
)
def test_what_is_wrong_is_an_error(text: str, message: str) -> None:
    assert message in problem(text)


def test_deep_nesting_is_an_error() -> None:
    deep = "(" * 4000 + "1" + ")" * 4000
    assert "nested too deeply" in problem(f"long f(void) {{ return {deep}; }}")


def test_long_chain_is_not_modelled() -> None:
    chain = " + ".join(["a"] * 3000)
    assert "unsupported<expression this long>" in body(
        f"long f(long a) {{ return {chain}; }}"
    )


def test_names_do_not_matter() -> None:
    text = "static long f(long entry) { long table = g(entry); return table; }"
    renamed = text.replace("entry", "zz1").replace("table", "zz2")
    assert body(renamed) == body(text).replace("entry", "zz1").replace("table", "zz2")


def test_lowering_has_room_amid_deep_calls() -> None:
    unit = lower(f"long f(long a) {{ return {'g(' * 20}a{')' * 20}; }}")

    def descend(depth: int) -> FunctionDef:
        return unit.functions["f"] if not depth else descend(depth - 1)

    used = len(inspect.stack(0))
    printed = print_function(descend(sys.getrecursionlimit() - used - 40))
    assert printed.count("g(") == 20


# ------------------------------------------------------------------------ assembly


def test_asm_behind_a_condition_is_no_label() -> None:
    text = 'void f(long *p) { if ( *p ) asm ("isb"); while ( *p ) asm ("dsb sy"); }'
    assert "asm volatile 'isb'" in body(text)
    assert "asm volatile 'dsb sy'" in body(text)


def test_register_variable_that_is_written_is_a_bound_operand() -> None:
    same(
        'long f(long a) { register long r asm ("w0") = a; long b; '
        'asm ("hvc #0" : "+r" (r), "=r" (b)); return r; }',
        """
        r = a
        asm 'hvc #0', "+r" in x0 r, "=r" b
        return r
        """,
    )


# ------------------------------------------------------------------------- switches


def test_switch_with_labels_in_nested_blocks_jumps() -> None:
    text = body("void f(long a) { switch ( a ) { case 1: { h(); default: h(); } } }")
    assert text.splitlines() == [
        "switch a",
        "case 1:",
        "  goto <case 0 of switch 1>",
        "case default:",
        "  goto <case 1 of switch 1>",
        "switch 0",
        "case 0:",
        "  <case 0 of switch 1>:",
        "  h()",
        "  <case 1 of switch 1>:",
        "  h()",
        "<end of switch 1>:",
    ]


def test_regular_switch_stays_one() -> None:
    text = body("void f(long a) { switch ( a ) { int x; case 1: case 2: h(); } }")
    assert text.splitlines() == ["switch a", "case 1, 2:", "  h()"]


# ---------------------------------------------------------------------------- lives


def test_life_of_a_variable_in_a_loop() -> None:
    text = body("void f(void) { for ( ; ; ) { long x; long *p = &x; g(*p); break; } }")
    assert text.splitlines() == [
        "loop",
        "  begin x",
        "  p = &x",
        "  g([long p])",
        "  end x",
        "  break",
        "  end x",
    ]


def test_life_without_an_address_needs_nothing() -> None:
    text = body("void f(long a) { if ( a ) { long x = a; g(x); } }")
    assert "begin" not in text and "end" not in text
