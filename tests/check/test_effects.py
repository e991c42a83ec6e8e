"""Lines that a patch changes without touching them, and macros that show nowhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.check.coverage.effects import Lines, affected
from harness.check.coverage.macros import macros_of
from harness.series import View, apply, read_series
from harness.series.tree import Tree
from harness.targets import TARGET

FLUSH = "xen/arch/arm/include/asm/arm64/flushtlb.h"
P2M = "xen/arch/arm/mmu/p2m.c"
Change = tuple[str, str, str]  # file, old text, new text


@contextmanager
def patched(base: Path, *changes: Change) -> Iterator[View]:
    text = ""
    for file, old, new in changes:
        before = (base / file).read_text()
        assert before.count(old) == 1, f"{old!r} occurs {before.count(old)} times"
        after = before.replace(old, new)
        sides = before.splitlines(True), after.splitlines(True)
        text += "".join(difflib.unified_diff(*sides, f"a/{file}", f"b/{file}"))
    series = read_series(text.encode(), "x")
    with apply(Tree.at(base), series.patches) as view:
        yield view


def rows_of(view: View, place: Path) -> dict[str, dict[int, str]]:
    return TARGET.code(view, place).rows


def changed_by(base: Path, place: Path, *changes: Change) -> Lines:
    with patched(base, *changes) as view:
        assert view.before is not None
        before, after = rows_of(view.before, place / "a"), rows_of(view, place / "b")
        return affected(view, before, after)


def shown(base: Path, place: Path, *changes: Change) -> dict[str, bool]:
    with patched(base, *changes) as view:
        assert view.before is not None
        before, after = rows_of(view.before, place / "a"), rows_of(view, place / "b")
        found = macros_of(view, after, affected(view, before, after))
    return {macro.name: macro.shows for macro in found}


def text_at(base: Path, file: str, line: int) -> str:
    return (base / file).read_text().splitlines()[line - 1]


def test_the_uses_of_a_macro_change_with_it(base_tree: Path, tmp_path: Path) -> None:
    first = "#define TLB_HELPER_LOCAL(name, tlbop)                   \\\n"
    old = first + (base_tree / FLUSH).read_text().split(first)[1].split("dsb  nsh;")[0]
    lines = changed_by(base_tree, tmp_path, (FLUSH, old, old.replace("nshst", "ishst")))
    assert list(lines) == [FLUSH]
    texts = [text_at(base_tree, FLUSH, line) for line in sorted(lines[FLUSH])]
    assert texts
    assert all(text.startswith("TLB_HELPER_LOCAL(flush_") for text in texts)
    # All of them: those that are used by nothing as well.
    assert "TLB_HELPER_LOCAL(flush_xen_tlb_local, alle2)" in texts


def test_lines_that_only_move_are_the_same(base_tree: Path, tmp_path: Path) -> None:
    top = "#include <xen/"
    text = (base_tree / P2M).read_text()
    include = next(line for line in text.splitlines() if line.startswith(top))
    moved = (P2M, include, f"/* one */\n\n/* two */\n\n{include}")
    guard = "#define __ASM_ARM_ARM64_FLUSHTLB_H__"
    assert changed_by(base_tree, tmp_path, moved, (FLUSH, guard, f"{guard}\n\n")) == {}


def test_a_touched_line_is_not_one_of_them(base_tree: Path, tmp_path: Path) -> None:
    line = "TLB_HELPER_LOCAL(flush_xen_tlb_local, alle2)"
    change = (FLUSH, line, line.replace("alle2", "alle1"))
    assert changed_by(base_tree, tmp_path, change) == {}


UNUSED = "#define __ASM_ARM_ARM64_FLUSHTLB_H__\n"


@pytest.mark.parametrize(
    ("added", "names"),
    [
        ("#define NOBODY 1\n", {"NOBODY": False}),
        ("#define nobody(x) flush(x)\n", {"nobody": False}),
        ("#define INNER 1\n#define OUTER INNER\n", {"INNER": False, "OUTER": False}),
        ("#ifndef GUARD\n#define GUARD\n#endif\n", {}),
        ("/* #define COMMENT 1 */\n", {}),
        ("#if 0\n#define TLB_HELPER_X 1\n#endif\n", {"TLB_HELPER_X": False}),
    ],
)
def test_a_macro_that_shows_nowhere(
    base_tree: Path, tmp_path: Path, added: str, names: dict[str, bool]
) -> None:
    change = (FLUSH, UNUSED, UNUSED + added)
    assert shown(base_tree, tmp_path, change) == names


def test_a_header_may_hold_macros_alone(base_tree: Path, tmp_path: Path) -> None:
    name = "xen/arch/arm/include/asm/arm64/sysregs.h"
    first = next(
        line
        for line in (base_tree / name).read_text().splitlines(keepends=True)
        if line.startswith("#define") and not line.endswith("\\\n")
    )
    change = (name, first, f"{first}#define NOBODY 1\n")
    assert shown(base_tree, tmp_path, change) == {"NOBODY": False}


def test_a_macro_shows_where_it_is_used(base_tree: Path, tmp_path: Path) -> None:
    line = "TLB_HELPER_LOCAL(flush_xen_tlb_local, alle2)"
    with_one = line.replace("alle2", "OUTER")
    added = "#define INNER alle2\n#define OUTER INNER\n"
    both = UNUSED + added + (base_tree / FLUSH).read_text().split(UNUSED)[1]
    old = (base_tree / FLUSH).read_text().split(UNUSED)[1]
    change = (FLUSH, UNUSED + old, both.replace(line, with_one))
    assert shown(base_tree, tmp_path, change) == {"INNER": True, "OUTER": True}


def test_one_that_is_used_already_shows_when_redefined(
    base_tree: Path, tmp_path: Path
) -> None:
    old = "#define TLB_HELPER_LOCAL(name, tlbop)                   \\\n"
    text = (base_tree / FLUSH).read_text()
    body = text[text.index(old) :].split("\n\n")[0]
    change = (FLUSH, body, body.replace("nshst", "ishst"))
    assert shown(base_tree, tmp_path, change) == {"TLB_HELPER_LOCAL": True}


def test_a_comment_beside_a_definition_changes_nothing(
    base_tree: Path, tmp_path: Path
) -> None:
    change = (P2M, "0   /* nothing, and", "0   /* no table, and")
    assert shown(base_tree, tmp_path, change) == {}


def test_what_a_condition_lets_in_is_changed(base_tree: Path, tmp_path: Path) -> None:
    text = (base_tree / P2M).read_text().splitlines()
    start = text.index("#ifdef CONFIG_IOREQ_SERVER") + 1
    include = next(line for line in text if line.startswith("#include <xen/"))
    added = f"#define CONFIG_IOREQ_SERVER\n{include}"
    found = changed_by(base_tree, tmp_path, (P2M, include, added))
    # The comment behind the #ifdef, and the line that was added, count as well.
    assert found == {P2M: frozenset(range(start + 3, start + 6))}
