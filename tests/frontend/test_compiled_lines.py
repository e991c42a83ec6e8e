"""What of each file reaches the compiler is known, also where it is nothing."""

from harness.frontend.compiled_lines import compiled_lines, compiled_rows

TEXT = '# 1 "a.c"\n# 1 "only_macros.h" 1\n# 2 "a.c" 2\nint x;\n\n'


def test_a_file_that_leaves_nothing_was_read_all_the_same() -> None:
    assert compiled_lines(TEXT) == {"a.c": {2}, "only_macros.h": frozenset()}
    assert compiled_rows(TEXT) == {"a.c": {2: "int x;"}, "only_macros.h": {}}
