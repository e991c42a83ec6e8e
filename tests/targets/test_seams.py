"""Where code was deleted, what was before it in its block has to run."""

from __future__ import annotations

from pathlib import Path

import pytest
from changed_tree import ChangedTree, changed

from harness.targets import TARGET
from harness.targets.seams import Anchor, Seam, anchor_of
from reference_model.profiles import ARCHITECTURE_PROFILES

SOURCE = """\
void f(int a)
{
    if ( a )
    {
        one(); /* } */
    }
    else if ( a > 2 ) {
        two("}");
        if ( a )
            three();
    } else
    {
    }
    four();

    switch ( a )
    {
    case 1:
        break;
    default:
    }
}

int g;
"""
CODE = {1, 3, 5, 7, 8, 9, 10, 14, 16, 19}


@pytest.mark.parametrize(
    ("first", "line"),
    [
        (3, -1),  # the first of the function
        (6, 5),  # the last of a block, whatever a comment holds
        (5, -3),  # all of a block
        (8, -7),
        (9, 8),
        (14, 3),  # behind blocks: those do not matter, the if does
        (13, 0),  # all of an else
        (15, 14),
        (19, 0),  # all of a case
        (21, 0),
        (24, None),  # behind a function
        (25, None),
    ],
)
def test_what_has_to_run(first: int, line: int | None) -> None:
    """A line with a minus is of the branch that the block belongs to."""
    code = CODE - {first} if first in (3, 5, 8, 9, 14, 19) else CODE
    wanted = None if line is None else Anchor(abs(line), branch=line < 0)
    assert anchor_of(Seam("a.c", first, first), SOURCE, code) == wanted


def test_code_that_was_left_there_speaks_for_itself() -> None:
    assert anchor_of(Seam("a.c", 5, 6), SOURCE, CODE) is None
    assert anchor_of(Seam("a.c", 5, 6), SOURCE, CODE - {5}) == Anchor(3, branch=True)


RARE = """    if ( p2m->vmid == 0xffff )
    {
        p2m->need_flush = false;
    }
    p2m_tlb_flush_sync(p2m);
"""


@pytest.mark.parametrize(
    ("at", "line"),
    [(3, 2), (5, 0), (4, None)],  # behind the store, behind the if, behind a brace
)
def test_a_line_before_a_deletion_did_not_run(
    base_tree: Path, tmp_path: Path, at: int, line: int | None
) -> None:
    file = "xen/arch/arm/p2m.c"
    text = (base_tree / file).read_text().splitlines(keepends=True)
    call = next(each for each in text if "p2m_tlb_flush_sync(p2m)" in each)
    view = changed(base_tree, tmp_path / "tree", call, RARE, file)
    first = min(number for _, number in view.lines)
    view = ChangedTree(view.root)
    seams = [Seam(file, first + at, first + at)]
    target = TARGET.load(view, tmp_path / "generated", seams=seams)
    names = {scenario.name: scenario for scenario in target.scenarios()}
    target.run(names["unmap-4k/own-vttbr/1-pcpu"], ARCHITECTURE_PROFILES["P0-v8.0"])
    places = [place for _, _, place in target.unexecuted_touched()]
    assert places == ([first + line] if line else [])
    assert target.ways(taken=False) == ()
