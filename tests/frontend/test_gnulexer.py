"""The token pass, and what it relies on in pycparser."""

from __future__ import annotations

import dataclasses

import pytest
from pycparser.c_lexer import CLexer, Token
from pycparser.c_parser import CParser

from harness.errors import ParseError
from harness.frontend.gnulexer import GnuLexer
from harness.frontend.parser import parse


def tokens(text: str) -> str:
    """Return the rewritten tokens of ``text`` as text."""
    lexer = GnuLexer(lambda *_: None, dialect="c23")
    lexer.input(text, "t.c")
    words = []
    while (token := lexer.token()) is not None:
        words.append(token.value)
    rest = " ".join(words)
    return rest.partition("__builtin_va_list ; ")[2]


def attributes(text: str) -> dict[str, list[str]]:
    """Return the kept attributes by the spelling of what they are attached to."""
    lexer = GnuLexer(lambda *_: None, dialect="c23")
    lexer.input(text, "t.c")
    spelling = {}
    while (token := lexer.token()) is not None:
        spelling[token.column] = token.value
    return {
        spelling[number]: [attribute.name for attribute in kept]
        for number, kept in lexer.side.attributes.items()
    }


def test_pycparser_is_as_expected() -> None:
    names = [field.name for field in dataclasses.fields(Token)]
    assert names == ["type", "value", "lineno", "column", "filename"]
    assert callable(CLexer.token) and callable(CLexer.input)
    parser = CParser(lexer=GnuLexer, dialect="c23")
    assert isinstance(parser.clex, GnuLexer)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__extension__ a", "a"),
        ("__const__ __volatile__ __inline", "const volatile inline"),
        ("a ?: b", "a ? __harness_elvis : b"),
        ("case 1 ... 3 : x", "case __harness_range ( 1 , 3 ) : x"),
        ("[ a ... f ( b ) ] = 1", "[ __harness_range ( a , f ( b ) ) ] = 1"),
        ("[ ( 1 ) ... 3 ] = 1", "[ __harness_range ( ( 1 ) , 3 ) ] = 1"),
        ("f ( int a , ... )", "f ( int a , ... )"),
        ("__alignof__ ( a . b )", "_Alignof ( typeof ( a . b ) )"),
        (
            "__builtin_types_compatible_p ( int * , T )",
            "__builtin_types_compatible_p ( sizeof ( int * ) , sizeof ( T ) )",
        ),
        ("__label__ a , b ; x", "x"),
        ('int x asm ( "y" ) ;', "int x ;"),
        ("x __attribute__((unused, format(printf, 1, 2))) ;", "x ;"),
        ('asm volatile ("" : : "r" (a) , "r" (b ?: c)) ;',
         "__harness_asm ( ( a ) , ( b ? __harness_elvis : c ) ) ;"),
    ],
)  # fmt: skip
def test_rewriting(text: str, expected: str) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("struct s { int a; } __attribute__((packed));", {"s": ["packed"]}),
        ("struct __attribute__((__packed__)) s { int a; };", {"s": ["packed"]}),
        ("typedef struct { int a; } __attribute__((packed)) t;", {"{": ["packed"]}),
        ("typedef struct { int a; } t __attribute__((packed));", {"t": ["packed"]}),
        ("struct s { int a __attribute__((aligned(8))), b; };", {"a": ["aligned"]}),
        ("int a[2] __attribute__((aligned(8))) = {};", {"a": ["aligned"]}),
        ("__attribute__((aligned)) int a, b[2];", {"a": ["aligned"], "b": ["aligned"]}),
        ("int a, __attribute__((aligned(8))) b, c;", {"b": ["aligned"]}),
        ("static foo_t __attribute__((aligned(8))) x = { y, z };", {"x": ["aligned"]}),
        ('int f(int a) __attribute__((section("x"), cold));', {"f": ["section"]}),
        ('void __attribute__((section("x"))) f(int a) { } t x;', {"f": ["section"]}),
        ("int (*fp)(int a) __attribute__((aligned(8)));", {"fp": ["aligned"]}),
        ("enum __attribute__((packed)) e { A };", {"enum": ["packed"]}),
        ("enum { A } __attribute__((packed));", {"enum": ["packed"]}),
        ("int f(int a __attribute__((unused)), long b);", {}),
    ],
)  # fmt: skip
def test_attributes_belong_to(text: str, expected: dict[str, list[str]]) -> None:
    assert attributes(text) == expected


def test_asm_is_kept_aside() -> None:
    operands = '"=r" (x), [n] "+m" (*p) : "r" (1) : "cc"'
    text = f'void f(void) {{ asm volatile ("a\\n" "b" : {operands}); }}'
    (kept,) = parse(text, "t.c").side.asm.values()
    assert kept.template == "a\nb"
    assert kept.operands == (("", "=r"), ("n", "+m"), ("", "r"))
    assert (kept.outputs, kept.clobbers, kept.volatile) == (2, ("cc",), True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int a;\nint b = (1;\n", "t.c:2"),
        ("\nint a[ 1 ... 2 ;", "t.c:2: '...' outside a range"),
        ("int a ... b;", "t.c:1: '...' outside a range"),
        ("void f(void) { asm; }", "t.c:1: asm without parentheses"),
        ("void f(void) { asm(x); }", "t.c:1: cannot read this asm statement"),
        ("int a __attribute__(packed);", "t.c:1: attribute without double"),
        ('char *s = "a\nb";', "t.c:1: cannot read"),
        ("int a = 09x;", "t.c:1"),
    ],
)
def test_errors_have_their_place(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text, "t.c")
    assert message in str(caught.value)
