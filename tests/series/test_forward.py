"""Lines are followed through later patches."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from xen_shaped import P2M, SOURCE, commit_all, diff, git, make_tree

from harness.series import Tree, apply, read_patch
from harness.series.forward import forward


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Make a clone."""
    top = make_tree(tmp_path / "xen")
    commit_all(top)
    return top


@pytest.mark.parametrize("seed", range(12))
def test_each_line_is_where_it_went(top: Path, seed: int) -> None:
    """Without context too, and where lines above the hunks were added."""
    chosen = random.Random(seed)
    before = SOURCE.splitlines()
    after = before[:6]  # context for the first hunk, so that it can move
    for line in before[6:]:
        what = chosen.random()
        after += [f"more {n} before {line}" for n in range(chosen.choice([0, 0, 0, 2]))]
        if what > 0.15:
            after.append(line)
    (top / P2M).write_text("".join(f"{line}\n" for line in after))
    data = diff(top, f"-U{chosen.choice([1, 2, 3])}")
    moved = chosen.choice([0, 3])
    (top / P2M).write_text("".join(f"above {n}\n" for n in range(moved)) + SOURCE)
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        text = (view.root / P2M).read_text().splitlines()
        for number, line in enumerate(before, 1 + moved):
            place = forward(view, P2M, number)
            if line in text:
                assert place == (P2M, text.index(line) + 1)
            else:
                assert place is None


def test_files_that_are_renamed_deleted_or_not_there(top: Path) -> None:
    git(top, "mv", P2M, "xen/arch/arm/other.c")
    git(top, "rm", "-q", "xen/include/public/xen.h")
    with apply(Tree.at(top), (read_patch(diff(top, "-M"), "p"),)) as view:
        assert forward(view, P2M, 7) == ("xen/arch/arm/other.c", 7)
        assert forward(view, "xen/include/public/xen.h", 1) is None
        assert forward(view, "xen/Makefile", 3) == ("xen/Makefile", 3)
