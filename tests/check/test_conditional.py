"""Lines that the preprocessor leaves out are known by their conditional."""

import pytest

from harness.check.conditional import dead_lines, renumbered

SOURCE = """\
int a;
#if ONE
int b;
# if TWO
int c;
# endif
int d;
#else
int e; /* the other
          branch */

#define F(x) \\
    (x)
#endif
#if 0
#endif
"""


def test_each_branch_is_judged_by_itself() -> None:
    assert dead_lines(SOURCE, frozenset({1, 3, 5, 7})) == {9}
    assert dead_lines(SOURCE, frozenset({1, 9})) == {3, 5, 7}
    assert dead_lines(SOURCE, frozenset({1, 3, 7})) == {5, 9}


def test_one_line_speaks_for_its_branch() -> None:
    """The lines of a call that spans several leave nothing but the first."""
    assert dead_lines(SOURCE, frozenset({1, 7})) == {5, 9}


def test_outside_of_conditionals_nothing_is_left_out() -> None:
    assert dead_lines("int a;\nint b;\n", frozenset()) == set()


@pytest.mark.parametrize(
    "directive",
    [
        '#line 5 "a.c"',
        "# 5",
        "%:line 5",
        "#/* */line 5",
        "/* */ # line 5",
        "#\\\nline 5",
    ],
)
def test_a_renumbering_is_found_however_it_is_written(directive: str) -> None:
    assert renumbered(f"int a; \\\nint b;\n{directive}\nint c;\n") == 3


def test_nothing_else_is_taken_for_a_renumbering() -> None:
    text = "#define line 3\n/*\n#line 3\n*/\n#pragma line 3\nint a = 3\n#linear\n;\n"
    assert renumbered(text) is None
