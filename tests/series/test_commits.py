"""Commits and ranges of a repository as a series."""

from __future__ import annotations

from pathlib import Path

import pytest
from histories import MESSAGES, assert_same_trees, awkward_history, commit, head
from xen_shaped import P2M, edit, fingerprint, git

from harness.errors import PatchError, UsageError
from harness.series import Series
from harness.series.commits import read_commits
from harness.series.repository import Repository


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    top = tmp_path_factory.mktemp("history")
    return top, awkward_history(top)


def read(top: Path, text: str) -> Series:
    repository = Repository.at(top)
    assert repository is not None
    return read_commits(repository, text)


def test_range(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    before = fingerprint(top)
    series = read(top, f"{ids[0]}..{ids[-1]}")
    assert fingerprint(top) == before
    assert_same_trees(top, ids, series)
    assert [patch.commit for patch in series.patches] == ids[1:]
    titles = [message.partition("\n")[0] for message in MESSAGES]
    assert [patch.subject for patch in series.patches] == titles
    assert [(p.number, p.total) for p in series.patches] == [
        (n, 5) for n in range(1, 6)
    ]
    assert series.base_commit == ids[0]
    assert series.notes == ()


def test_one_commit(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    series = read(top, "HEAD~2")
    assert_same_trees(top, ids[2:4], series)
    assert series.base_commit == ids[2]
    (patch,) = series.patches
    assert (patch.number, patch.total, patch.author) == (0, 0, "A <a@example.com>")
    assert patch.name == ids[3][:12]


def test_first_commit_makes_every_file(tmp_path: Path) -> None:
    ids = awkward_history(tmp_path)
    series = read(tmp_path, ids[0])
    assert all(part.old is None for part in series.patches[0].files)
    assert series.base_commit == ""


def test_message_of_a_commit_is_no_part_of_its_patch(tmp_path: Path) -> None:
    ids = awkward_history(tmp_path)
    (tmp_path / P2M).write_text(edit(11, "again\n"))
    quoted = "--- a/xen/x.c\n+++ b/xen/x.c\n@@ -1 +1 @@\n-a\n+b\n"
    ids = [ids[-1], commit(tmp_path, f"x: y\n\n{quoted}")]
    series = read(tmp_path, "HEAD")
    assert_same_trees(tmp_path, ids, series)


def merged(top: Path) -> list[str]:
    """Merge a branch of one commit; return the ids along first parents."""
    ids = awkward_history(top)
    git(top, "checkout", "-q", "-b", "side", ids[3])
    (top / "xen/side.h").write_text("int side;\n")
    commit(top, "side\n")
    git(top, "checkout", "-q", "master")
    git(top, "merge", "-q", "--no-edit", "side")
    ids.append(head(top))
    (top / "xen/last.h").write_text("int last;\n")
    return [*ids, commit(top, "last\n")]


def test_merge_is_one_patch_against_its_first_parent(tmp_path: Path) -> None:
    ids = merged(tmp_path)
    series = read(tmp_path, f"{ids[4]}..HEAD")
    assert_same_trees(tmp_path, ids[4:], series)
    assert series.notes == (
        f"merge {ids[6][:12]} is taken as one patch against its first parent",
    )
    assert read(tmp_path, "HEAD^").notes == series.notes


def test_range_that_starts_on_a_side_branch(tmp_path: Path) -> None:
    ids = merged(tmp_path)
    series = read(tmp_path, "side..HEAD")
    assert_same_trees(tmp_path, ids[3:], series)
    assert series.base_commit == ids[3]


def test_what_is_no_range(history: tuple[Path, list[str]]) -> None:
    top, _ = history
    for text in ("nothing", "HEAD...HEAD~1", "--all", "HEAD..HEAD", "HEAD..HEAD~2"):
        with pytest.raises(UsageError):
            read(top, text)


def test_empty_commit_and_binary_files_are_named(tmp_path: Path) -> None:
    ids = awkward_history(tmp_path)
    empty = commit(tmp_path, "nothing\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/logo.png").write_bytes(b"\0\1\2" * 50)
    binary = commit(tmp_path, "picture\n")
    (tmp_path / "docs/logo.png").write_bytes(b"\0\1\3" * 50)
    (tmp_path / P2M).write_text(edit(12, "twelve\n"))
    both = commit(tmp_path, "both\n")
    series = read(tmp_path, f"{ids[-1]}..HEAD")
    assert [patch.commit for patch in series.patches] == [both]
    assert [part.path for part in series.patches[0].files] == [P2M]
    assert series.notes == (
        f"commit {empty[:12]} changes no file",
        f"commit {binary[:12]}: binary file docs/logo.png at line 4 is not checked",
    )
    assert series.patches[0].notes == (
        "binary file docs/logo.png at line 3 is not checked",
    )
    assert [patch.number for patch in series.patches] == [3]
    with pytest.raises(PatchError, match="nothing in 'HEAD~2' can be checked: commit"):
        read(tmp_path, "HEAD~2")


def test_attributes_of_the_tree_do_not_hide_a_change(tmp_path: Path) -> None:
    awkward_history(tmp_path)
    (tmp_path / ".gitattributes").write_text("*.c -diff\n* diff=evil filter=evil\n")
    (tmp_path / P2M).write_text(edit(12, "twelve\n"))
    commit(tmp_path, "hidden\n")
    git(tmp_path, "config", "diff.evil.textconv", "touch /tmp/harness-evil; cat")
    git(tmp_path, "config", "diff.evil.command", "touch /tmp/harness-evil; cat")
    series = read(tmp_path, "HEAD")
    files = {part.path: part for part in series.patches[0].files}
    assert files[P2M].hunks[0].added() == (12,)
    assert not Path("/tmp/harness-evil").exists()
