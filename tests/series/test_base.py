"""Trees are recognised, and the base is chosen in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from xen_shaped import P2M, commit_all, diff, edit, fingerprint, git, make_tree

from harness.errors import TreeError, UsageError
from harness.series import Patch, Series, Tree, chosen_base, find_place, read_patch
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


def test_order_of_places(tmp_path: Path) -> None:
    named, around, embedded = (make_tree(tmp_path / n) for n in ("a", "b", "c"))
    inside = around / "xen/arch"
    assert find_place(named, inside, embedded).top == named
    assert find_place(None, inside, embedded).top == around
    assert find_place(None, tmp_path, embedded).top == embedded
    # The project's own repository is not that of its embedded tree.
    commit_all(embedded)
    assert find_place(None, embedded, embedded).repository is None


def test_embedded_base_must_fit(tmp_path: Path, patch: Patch) -> None:
    embedded = make_tree(tmp_path / "base")
    place = find_place(None, tmp_path, embedded)
    assert applies(Tree.at(embedded), patch)
    with chosen_base(place, None, Series((patch,))) as base:
        assert (base.name, base.how, base.commit) == ("embedded base", "", "")
    (embedded / P2M).write_text("something else\n")
    assert not applies(Tree.at(embedded), patch)
    with (
        pytest.raises(UsageError) as caught,
        chosen_base(place, None, Series((patch,))),
    ):
        pass
    message = str(caught.value)
    assert message.startswith("no Xen tree here, and the embedded base does not fit (")
    assert message.endswith("run in a Xen tree or name one with --tree DIR")
    with chosen_base(place, None, None) as base:  # an audit
        assert base.tree.top == embedded


def test_embedded_base_is_missing(tmp_path: Path) -> None:
    with pytest.raises(TreeError) as caught:
        find_place(None, tmp_path, tmp_path / "none")
    assert str(caught.value) == (
        f"no Xen tree here, and no embedded base in '{tmp_path}/none' (it comes with "
        "a source checkout): run in a Xen tree or name one with --tree DIR"
    )


def test_a_plain_directory_has_no_commits(tmp_path: Path, patch: Patch) -> None:
    top = make_tree(tmp_path / "xen")
    place = find_place(top, tmp_path)
    with pytest.raises(UsageError, match=r"--base HEAD: .* is no git repository"):
        chosen_base(place, "HEAD", None).__enter__()
    series = Series((patch,), base_commit="1234567890abcdef")
    with chosen_base(place, None, series) as base:
        assert (base.tree.top, base.how) == (top, "--tree")
        assert base.notes == (
            f"base-commit 1234567890ab is not looked for: '{top}' is no git repository",
        )


@dataclass(frozen=True)
class History:
    """A clone with commits on two branches, HEAD on "main".

    main:  first - second (the header) - third (the source)
    old:   first - other (a note), the newest commit of all
    """

    top: Path
    first: str
    second: str
    third: str
    other: str

    def series(self, **more: object) -> Series:
        """Return a patch made for the files of the first commit."""
        git(self.top, "checkout", "-q", self.first)
        (self.top / P2M).write_text(edit(20, "new\n"))
        made = read_patch(diff(self.top, "--full-index"), "p")
        git(self.top, "checkout", "-q", "main")
        return Series((made,), **more)  # type: ignore[arg-type]

    def chosen(
        self, series: Series | None, revision: str | None = None
    ) -> tuple[str, str, tuple[str, ...]]:
        """Return commit, rule and remarks of the base for a series."""
        before = fingerprint(self.top)
        place = find_place(self.top, Path("/"))
        with chosen_base(place, revision, series) as base:
            commit = base.commit or base.how
            found = base.how
            if base.commit:
                assert base.name.startswith(base.commit[:12])
        assert fingerprint(self.top) == before
        return commit, found, base.notes


def _commit(top: Path, date: int) -> str:
    git(top, "add", "-A")
    stamp = f"{date} +0000"
    git(top, "commit", "-q", "-m", f"at {date}", dates=stamp)
    return git(top, "rev-parse", "HEAD").decode().strip()


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Make the clone."""
    top = make_tree(tmp_path / "clone")
    git(top, "init", "-q", "-b", "main")
    first = _commit(top, 1_000_000_000)
    (top / "xen/include/xen/mm.h").write_text("int mm2;\n")
    second = _commit(top, 1_000_000_100)
    (top / P2M).write_text(edit(30, "changed\n"))
    third = _commit(top, 1_000_000_200)
    git(top, "checkout", "-q", "-b", "old", first)
    (top / "CHANGELOG.md").write_text("new\n")
    other = _commit(top, 1_000_000_300)
    git(top, "checkout", "-q", "main")
    return History(top, first, second, third, other)


def test_named_base_comes_first(history: History) -> None:
    series = history.series(base_commit=history.first)
    assert history.chosen(series, "HEAD~1") == (history.second, "--base", ())
    assert history.chosen(None, "old") == (history.other, "--base", ())
    with pytest.raises(UsageError, match="--base nowhere: no such commit"):
        history.chosen(series, "nowhere")


def test_stated_base_comes_second(history: History) -> None:
    series = history.series(base_commit=history.first)
    assert history.chosen(series) == (history.first, "base-commit trailer", ())


def test_unknown_stated_base_is_told(history: History) -> None:
    found = history.chosen(history.series(base_commit="ab" * 20))
    assert found[1:] == (
        "newest commit with the pre-image blobs",
        ("base-commit abababababab is not in the repository",),
    )


def test_newest_commit_with_the_pre_images(history: History) -> None:
    rule = "newest commit with the pre-image blobs"
    # Of the source alone: the second commit and the one on the other branch.
    assert history.chosen(history.series()) == (history.other, rule, ())
    git(history.top, "branch", "-q", "-D", "old")
    git(history.top, "stash", "list")
    assert history.chosen(history.series()) == (history.second, rule, ())


def test_stash_is_no_history(history: History) -> None:
    series = history.series()
    git(history.top, "checkout", "-q", history.first)
    (history.top / "CHANGELOG.md").write_text("put aside\n")
    git(history.top, "stash", "-q")
    git(history.top, "checkout", "-q", "main")
    assert history.chosen(series)[0] == history.other


def test_all_pre_images_count(history: History) -> None:
    """The first patch to change a file says what the base has."""
    top = history.top
    git(top, "checkout", "-q", history.second)
    git(top, "checkout", "-q", "-b", "work")
    (top / P2M).write_text(edit(20, "new\n"))
    one = read_patch(diff(top, "--full-index"), "1")
    (top / P2M).write_text(edit(20, "new\n"))
    _commit(top, 900_000_000)
    (top / P2M).write_text(edit(20, "newer\n"))
    (top / "xen/include/xen/mm.h").write_text("int mm3;\n")
    two = read_patch(diff(top, "--full-index"), "2")
    git(top, "checkout", "-q", "main")
    git(top, "branch", "-q", "-D", "work")
    found = history.chosen(Series((one, two)))
    assert found == (history.second, "newest commit with the pre-image blobs", ())


def test_new_files_alone_were_made_for_what_has_none_of_them(history: History) -> None:
    """A commit that is there already, as a check of a prepared branch gets it."""
    top = history.top
    diff_of = ("diff", "--full-index")
    for number in (1, 2):
        (top / f"xen/new{number}.c").write_text("int a;\n")
        _commit(top, 1_000_000_400 + number)
    one, two = (
        Series((read_patch(git(top, *diff_of, f"{rev}^", rev), "p"),))
        for rev in ("HEAD^", "HEAD")
    )
    rule = "newest commit with the pre-image blobs"
    assert history.chosen(one) == (history.third, rule, ())
    assert history.chosen(two)[0] == git(top, "rev-parse", "HEAD^").decode().strip()
    # What is not there yet says nothing of any commit.
    git(top, "reset", "-q", "--hard", history.third)
    assert history.chosen(one) == ("HEAD", "HEAD", ())


@pytest.mark.parametrize("text", ["plain", "unknown", "nowhere together"])
def test_head_is_last(history: History, text: str) -> None:
    top = history.top
    notes: tuple[str, ...] = ()
    if text == "plain":
        series = Series((read_patch(diff_of_nothing(), "p"),))
    elif text == "unknown":
        (top / P2M).write_text("never committed\n")
        git(top, "add", "-A")
        blob = git(top, "ls-files", "-s", P2M).decode().split()[1]
        git(top, "reset", "-q", "--hard")
        patch = read_patch(diff_of_nothing(f"index {'5' * 40}..{blob}"), "p")
        series = Series((patch,))
        notes = (f"pre-image {'5' * 12} of {P2M} is not in the repository",)
    else:
        header = git(top, "rev-parse", "HEAD:xen/include/xen/mm.h").decode().strip()
        patch = read_patch(diff_of_nothing(f"index {header}..{'5' * 40}"), "p")
        series = Series((patch,))
        notes = ("no commit holds all pre-images of the patch together",)
    # HEAD, unchanged: the directory itself, with what a build left in it.
    assert history.chosen(series) == ("HEAD", "HEAD", notes)


def diff_of_nothing(index: str = "") -> bytes:
    """Return a patch with an index line as given."""
    index = f"{index} 100644\n" if index else ""
    return (
        f"diff --git a/{P2M} b/{P2M}\n{index}--- a/{P2M}\n+++ b/{P2M}\n"
        "@@ -1,3 +1,3 @@\n line 1\n-line 2\n+line two\n line 3\n"
    ).encode()


def test_local_changes_are_told(history: History) -> None:
    series = Series((read_patch(diff_of_nothing(), "p"),))
    (history.top / "xen/include/xen/mm.h").write_text("int edited;\n")
    (history.top / "CHANGELOG.md").unlink()
    commit, how, notes = history.chosen(series)
    assert (commit, how) == (history.third, "HEAD")
    assert notes == (
        "local changes in the working directory are left out: CHANGELOG.md, "
        "xen/include/xen/mm.h",
    )
    place = find_place(history.top, Path("/"))
    with chosen_base(place, None, series) as base:
        assert (base.tree.top / "xen/include/xen/mm.h").read_text() == "int mm2;\n"


def test_an_audit_takes_the_directory_as_it_is(history: History) -> None:
    (history.top / "xen/include/xen/mm.h").write_text("int edited;\n")
    place = find_place(history.top, Path("/"))
    with chosen_base(place, None, None) as base:
        assert base.tree.top == history.top
        assert (base.how, base.commit, base.notes) == ("--tree", "", ())


def test_an_unborn_branch_has_the_directory(tmp_path: Path, patch: Patch) -> None:
    top = make_tree(tmp_path / "xen")
    git(top, "init", "-q")
    with chosen_base(find_place(top, tmp_path), None, Series((patch,))) as base:
        assert (base.tree.top, base.how) == (top, "--tree")


def test_a_bare_repository(history: History, tmp_path: Path) -> None:
    bare = tmp_path / "xen.git"
    git(tmp_path, "clone", "-q", "--bare", str(history.top), str(bare))
    for place in (find_place(bare, Path("/")), find_place(None, bare)):
        assert place.top is None
        for series in (history.series(), None):
            before = fingerprint(bare)
            with chosen_base(place, None, series) as base:
                wanted = history.third if series is None else history.other
                assert base.commit == wanted
                assert base.tree.version == "4.21-rc1"
            assert fingerprint(bare) == before
    git(bare, "symbolic-ref", "HEAD", "refs/heads/none")
    with pytest.raises(TreeError, match="has no commit HEAD: name one with --base"):
        chosen_base(find_place(bare, Path("/")), None, None).__enter__()


def test_a_linked_worktree(history: History, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(history.top, "worktree", "add", "-q", "--detach", str(linked), history.second)
    place = find_place(None, linked / "xen")
    assert place.top == linked
    with chosen_base(place, None, history.series()) as base:
        assert base.commit == history.other
    with chosen_base(place, "HEAD", None) as base:
        assert (base.name[:12], base.tree.top) == (history.second[:12], linked)


def test_not_xen(history: History) -> None:
    git(history.top, "rm", "-q", "-r", "xen/include")
    commit = _commit(history.top, 1_000_000_400)
    message = f"'commit {commit[:12]}' is not the top of a Xen tree"
    git(history.top, "checkout", "-q", "old")
    with pytest.raises(TreeError, match=message):
        history.chosen(None, commit)
