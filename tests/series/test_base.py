"""Trees are recognised, and the base is chosen in a fixed order."""

from __future__ import annotations

from pathlib import Path

import pytest
from xen_shaped import P2M, commit_all, diff, edit, make_tree

from harness.errors import TreeError, UsageError
from harness.series import Patch, Tree, choose_base, read_patch
from harness.series.base import applies
from harness.series.tree import enclosing_tree


@pytest.fixture
def patch(tmp_path: Path) -> Patch:
    """Make a patch that fits a fresh tree."""
    top = make_tree(tmp_path / "repository")
    commit_all(top)
    (top / P2M).write_text(edit(20, "new\n"))
    return read_patch(diff(top), "p")


def test_version(tmp_path: Path) -> None:
    tree = Tree.at(make_tree(tmp_path))
    assert (tree.major, tree.minor, tree.version) == (4, 21, "4.21-rc1")


def test_not_a_tree(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="none' is not a directory"):
        Tree.at(tmp_path / "none")
    with pytest.raises(TreeError, match="not the top of a Xen tree: no xen/arch/arm/"):
        Tree.at(tmp_path)
    top = make_tree(tmp_path / "xen")
    with pytest.raises(TreeError, match=f"it is inside the Xen tree '{top}'"):
        Tree.at(top / "xen/arch")
    (top / "xen/Makefile").write_text("all:\n")
    with pytest.raises(TreeError, match="states no XEN_VERSION and XEN_SUBVERSION"):
        Tree.at(top)
    (top / "xen/Makefile").unlink()
    with pytest.raises(TreeError, match="Makefile': No such file"):
        Tree.at(top)


def test_enclosing_tree(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree")
    (tmp_path / "link").symlink_to(top / "xen/arch/arm")
    for place in (top, top / "xen", top / "xen/arch/arm/mmu", tmp_path / "link"):
        found = enclosing_tree(place)
        assert found is not None
        assert found.top == top.resolve()
    assert enclosing_tree(tmp_path) is None


def test_order_of_choice(tmp_path: Path, patch: Patch) -> None:
    named, around, embedded = (make_tree(tmp_path / n) for n in ("a", "b", "c"))
    inside = around / "xen/arch"
    assert choose_base(named, inside, patch, embedded).top == named
    assert choose_base(None, inside, patch, embedded).top == around
    assert choose_base(None, tmp_path, patch, embedded).top == embedded
    assert choose_base(None, tmp_path, None, embedded).top == embedded


def test_embedded_base_must_fit(tmp_path: Path, patch: Patch) -> None:
    embedded = make_tree(tmp_path / "base")
    assert applies(Tree.at(embedded), patch)
    (embedded / P2M).write_text("something else\n")
    assert not applies(Tree.at(embedded), patch)
    with pytest.raises(UsageError) as caught:
        choose_base(None, tmp_path, patch, embedded)
    message = str(caught.value)
    assert message.startswith("no Xen tree here, and the embedded base does not fit (")
    assert message.endswith("run in a Xen tree or name one with --tree DIR")


def test_embedded_base_is_missing(tmp_path: Path, patch: Patch) -> None:
    with pytest.raises(TreeError) as caught:
        choose_base(None, tmp_path, patch, tmp_path / "none")
    assert str(caught.value) == (
        f"no Xen tree here, and no embedded base in '{tmp_path}/none' (it comes with "
        "a source checkout): run in a Xen tree or name one with --tree DIR"
    )
