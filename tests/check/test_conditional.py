"""Lines that the preprocessor leaves out are known by their conditional."""

import pytest

from harness.check.coverage.conditional import Branch, branches, dead_lines, renumbered

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


def _ways(text: str, compiled: set[int], touched: set[int]) -> list[Branch]:
    return branches(text, frozenset(compiled), lambda line: line in touched)


def test_the_way_without_code_is_one_as_well() -> None:
    text = "#ifdef DEBUG\nflush();\n#endif\n"
    assert _ways(text, {2}, {1}) == [Branch(1, 2, 1, True), Branch(2, 2, 1, False)]
    assert _ways(text, set(), {1}) == [Branch(1, 2, 1, False), Branch(2, 2, 1, True)]


def test_each_branch_is_a_way() -> None:
    text = (
        '%:if A /* \n */\na;\n#elif B\n"/*";\n# if C\nc;\n# endif\n#else\nd;\n#endif\n'
    )
    taken = [each.taken for each in _ways(text, {7}, {4})]
    assert taken == [False, True, False]


def test_only_touched_directives_count() -> None:
    text = "#ifdef DEBUG\nflush();\nmore();\n#endif\n"
    assert _ways(text, {2, 3}, {2}) == []
    assert _ways(text, {2, 3}, {4}) == []  # something before it was deleted
    assert len(_ways(text, {2, 3}, {3, 4})) == 2  # it was moved
    assert _ways("int a;\n", {1}, {1}) == []


@pytest.mark.parametrize(
    "text",
    [
        "#ifndef A_H\n#define A_H\nint a;\n#endif\n",
        "#ifndef __ASSEMBLY__\nint a;\n#endif\n",
        "#if !defined(__ASSEMBLER__)\nint a;\n#endif\n",
        "#if 1\nint a;\n#endif\n",
    ],
)
def test_what_can_go_one_way_only_is_left_out(text: str) -> None:
    assert _ways(text, {3}, {1}) == []
