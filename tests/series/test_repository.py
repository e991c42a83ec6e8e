"""Git is read, and nothing that a repository names is run or written."""

from __future__ import annotations

import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from xen_shaped import P2M, SOURCE, commit_all, edit, fingerprint, git, make_tree

from harness.errors import TreeError, UsageError
from harness.series.base import chosen_base, find_place
from harness.series.blobs import DirectoryBlobs, RepositoryBlobs
from harness.series.checkout import checked_out, is_reachable
from harness.series.repository import Repository


def opened(top: Path) -> Repository:
    found = Repository.at(top)
    assert found is not None
    return found


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Make a clone with three commits, the last one a merge."""
    top = make_tree(tmp_path / "clone")
    commit_all(top)
    (top / P2M).write_text(edit(20, "two\n"))
    git(top, "commit", "-qam", "second: change a line\n\nWhy.\n\ndiff --git a/x b/x")
    git(top, "checkout", "-q", "-b", "side", "HEAD~1")
    (top / "xen/include/xen/mm.h").write_text("int side;\n")
    git(top, "commit", "-qam", "side")
    git(top, "checkout", "-q", "-")
    git(top, "merge", "-q", "--no-ff", "-m", "merge side", "side")
    return top


def test_no_repository(tmp_path: Path) -> None:
    assert Repository.at(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    assert Repository.at(tmp_path) is None


def test_only_the_top_counts(top: Path) -> None:
    assert opened(top).worktree == top
    assert Repository.at(top / "xen") is None


def test_names_of_commits(top: Path) -> None:
    repository = opened(top)
    head = git(top, "rev-parse", "HEAD").decode().strip()
    for name in ("HEAD", head[:9], "HEAD^{/merge}", "HEAD@{0}"):
        assert repository.resolve(name) == head
    for name in (
        "",
        "none",
        "--all",
        "-h",
        ":/merge",
        f"HEAD:{P2M}",
        "HEAD\0",
        "1" * 40,
    ):
        assert repository.resolve(name) is None


def test_ranges_follow_first_parents(top: Path) -> None:
    repository = opened(top)
    first, second, merge = (
        git(top, "rev-parse", name).decode().strip()
        for name in ("HEAD~2", "HEAD~1", "HEAD")
    )
    assert repository.range("HEAD") == (merge,)
    assert repository.range(f"{first}..HEAD") == (second, merge)
    assert repository.range("HEAD~2..") == (second, merge)
    with pytest.raises(UsageError, match=r"no commit in 'HEAD\.\.HEAD'"):
        repository.range("HEAD..HEAD")
    with pytest.raises(UsageError, match=r"give a range as A\.\.B"):
        repository.range("HEAD~2...HEAD")
    with pytest.raises(UsageError, match="no commit 'none' in"):
        repository.range("none..HEAD")


def test_what_a_commit_changes(top: Path) -> None:
    repository = opened(top)
    second, merge = repository.range("HEAD~2..HEAD")
    commit = repository.commit(second)
    assert commit.subject == "second: change a line"
    assert commit.author == "A <a@example.com>"
    assert len(commit.parents) == 1
    change = repository.diff(second).decode()
    assert change.startswith(f"diff --git a/{P2M} b/{P2M}\nindex ")
    assert "+two\n" in change
    assert "Why" not in change
    assert b"+int side;" in repository.diff(merge)
    assert b"+two" not in repository.diff(merge)
    root = repository.range(f"{second}~1")[0]
    assert b"new file mode" in repository.diff(root)


def test_blobs(top: Path) -> None:
    repository = opened(top)
    oid = git(top, "rev-parse", f"HEAD~2:{P2M}").decode().strip()
    assert repository.blob(oid[:7]) == SOURCE.encode()
    tree = git(top, "rev-parse", "HEAD^{tree}").decode().strip()
    for name in (tree, "0" * 40, "", "HEAD", "xyz", oid[:3], f"{oid[:7]}\n"):
        assert repository.blob(name) is None
    blobs = RepositoryBlobs(repository, "HEAD~2")
    assert blobs.by_id(oid) == blobs.by_path(P2M) == SOURCE.encode()
    for name in ("none", "xen", "../x", "/etc/passwd", f"{P2M}/x", ""):
        assert blobs.by_path(name) is None


def test_blobs_of_a_plain_tree(top: Path, tmp_path: Path) -> None:
    oid = git(top, "rev-parse", f"HEAD~2:{P2M}").decode().strip()
    plain = make_tree(tmp_path / "plain")
    (plain / "xen/link.h").symlink_to("/etc/passwd")
    blobs = DirectoryBlobs(plain)
    assert blobs.by_id(oid[:10]) == blobs.by_path(P2M) == SOURCE.encode()
    for name in ("none", "xen", "../x", "/etc/passwd", "xen/link.h", ""):
        assert blobs.by_path(name) is None
    for prefix in ("", "0" * 40):
        assert blobs.by_id(prefix) is None


# What a repository can make git run, each leaving a file behind.
HOSTILE = """\
[core]
    fsmonitor = touch {mark}; false
    hooksPath = {hooks}
    sshCommand = touch {mark}
    pager = touch {mark}
    editor = touch {mark}
    alternateRefsCommand = touch {mark}
    attributesFile = {attributes}
[diff]
    external = touch {mark}
[diff "evil"]
    command = touch {mark}
    textconv = touch {mark}
[filter "evil"]
    clean = touch {mark}
    smudge = touch {mark}
    process = touch {mark}
    required = true
[log]
    showSignature = true
[gpg]
    program = {program}
[extensions]
    partialClone = evil
[remote "evil"]
    url = ext::sh -c "touch {mark}"
    promisor = true
[protocol "ext"]
    allow = always
[include]
    path = {included}
"""


@pytest.fixture
def mark(top: Path, tmp_path: Path) -> Path:
    """Give the clone everything that could run a command; return its mark."""
    mark = tmp_path / "mark"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    program = tmp_path / "program"
    for script in (
        program,
        *(hooks / n for n in ("post-index-change", "reference-transaction")),
    ):
        script.write_text(f"#!/bin/sh\ntouch {mark}\n")
        script.chmod(0o755)
    attributes = tmp_path / "attributes"
    attributes.write_text("* diff=evil filter=evil\n")
    included = tmp_path / "included"
    included.write_text(f"[diff]\n    external = touch {mark}\n")
    for place in (top / ".gitattributes", top / ".git/info/attributes"):
        place.parent.mkdir(exist_ok=True)
        place.write_text("* diff=evil filter=evil -text\n")
    with (top / ".git/config").open("a") as stream:
        stream.write(
            HOSTILE.format(
                mark=mark,
                hooks=hooks,
                program=program,
                attributes=attributes,
                included=included,
            )
        )
    return mark


def test_the_trap_works(top: Path, mark: Path) -> None:
    (top / P2M).write_text(edit(3, "changed\n"))
    with suppress(subprocess.CalledProcessError):
        git(top, "diff")
    assert mark.exists()


def test_nothing_is_run_or_written(top: Path, mark: Path) -> None:
    (top / P2M).write_text(edit(3, "changed\n"))
    before = fingerprint(top)
    repository = opened(top)
    head = repository.range("HEAD")[0]
    blob = repository.blob_id(repository.diff(head).decode().split("index ")[1][:40])
    assert blob is not None
    assert repository.newest_holding({"xen/include/xen/mm.h": blob}) is not None
    # What is missing is not fetched.
    assert repository.blob("1" * 40) is None
    with pytest.raises(TreeError, match="lacks the file content 1111"):
        repository.plumbing.contents(["1" * 40])
    with chosen_base(find_place(top, top), "HEAD~1", None) as base:
        assert (base.tree.top / P2M).read_text() == edit(20, "two\n")
    assert not mark.exists()
    assert fingerprint(top) == before


def test_variables_of_a_hook_lead_nowhere(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_tree(tmp_path / "other")
    commit_all(other)
    for name, value in {
        "GIT_DIR": other / ".git",
        "GIT_WORK_TREE": other,
        "GIT_INDEX_FILE": other / ".git/index",
        "GIT_OBJECT_DIRECTORY": other / ".git/objects",
        "GIT_COMMON_DIR": other / ".git",
        "GIT_NAMESPACE": "other",
        "GIT_CONFIG_PARAMETERS": "'core.bare'='false'",
        "GIT_EXTERNAL_DIFF": f"touch {tmp_path}/ran",
        "GIT_PREFIX": "xen/",
    }.items():
        monkeypatch.setenv(name, str(value))
    repository = opened(top)
    assert repository.commit("HEAD").subject == "merge side"
    assert repository.diff(repository.range("HEAD")[0])
    assert not (tmp_path / "ran").exists()


def test_a_repository_of_somebody_else(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As git itself tests its check of ownership.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert opened(top).resolve("HEAD") is not None


def test_shared_checkout(
    top: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Several checks at once share one directory, and get all of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository = opened(top)
    head = repository.range("HEAD")[0]

    def files(_: int) -> tuple[Path, int]:
        with checked_out(repository, head) as tree:
            return tree.top, sum(1 for path in tree.top.rglob("*") if path.is_file())

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(files, range(16)))
    ((place, count),) = found
    assert count == len([e for e in repository.entries("HEAD") if is_reachable(e.name)])
    trees = tmp_path / "cache/harness/trees"
    assert sorted(p.name for p in trees.iterdir()) == sorted(["lock", place.name])
    assert stat.S_IMODE(trees.stat().st_mode) == 0o700


def test_checkout_without_a_cache(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")
    repository = opened(top)
    with checked_out(repository, repository.range("HEAD")[0]) as tree:
        place = tree.top
        assert (place / P2M).is_file()
        assert not (place / "xen/arch/x86").exists()  # no preprocessor reads it
        assert not (place / "xen/tools").exists()
    assert not place.exists()


def test_old_checkouts_go(
    top: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    trees = tmp_path / "harness/trees"
    repository = opened(top)
    head = repository.range("HEAD")[0]
    with checked_out(repository, head) as tree:
        kept = tree.top
    form = kept.name.rpartition("-")[2]
    for number in range(20):
        old = trees / f"{number:040}-{form}"
        old.mkdir()
        os.utime(old, (number, number))
    (trees / "new.killed").mkdir()
    with checked_out(repository, head):
        names = {path.name for path in trees.iterdir()}
        assert len(names) == 12  # with the lock
        assert kept.name in names
        assert f"{0:040}-{form}" not in names
        assert "new.killed" not in names
        # In use: nothing goes.
        (trees / "new.other").mkdir()
        with checked_out(repository, head):
            assert (trees / "new.other").exists()


def test_links_of_a_commit_stay_inside(top: Path, tmp_path: Path) -> None:
    links = {
        "inside": "include/xen/mm.h",
        "above": "../../outside",
        "absolute": "/etc/passwd",
        "top": "..",
        "git": "../.git/config",
    }
    for name, target in links.items():
        (top / f"xen/{name}.h").symlink_to(target)
    git(top, "add", "-A")
    git(top, "commit", "-qm", "links")
    repository = opened(top)
    with checked_out(repository, repository.range("HEAD")[0]) as tree:
        made = {p.stem for p in (tree.top / "xen").iterdir() if p.is_symlink()}
        assert made == {"inside", "top", "git"}  # there is no .git in it
        assert (tree.top / "xen/inside.h").read_text() == "int side;\n"
        assert not (tree.top / ".git").exists()


@pytest.mark.parametrize("name", ["..", ".git", ".GIT"])
def test_names_that_lead_out_are_refused(top: Path, name: str) -> None:
    """A made-up tree object may hold names that git itself would not write."""
    blob = git(top, "rev-parse", f"HEAD:{P2M}").decode().strip()
    content = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    file = top.parent / "object"
    file.write_bytes(content)
    inner = git(top, "hash-object", "-t", "tree", "--literally", "-w", str(file))
    outer = top.parent / "outer"
    outer.write_bytes(b"40000 xen\0" + bytes.fromhex(inner.decode().strip()))
    tree = git(top, "hash-object", "-t", "tree", "--literally", "-w", str(outer))
    commit = git(top, "commit-tree", "-m", "bad", tree.decode().strip())
    repository = opened(top)
    with (
        pytest.raises(TreeError, match=r"holds the file 'xen/.*': refused"),
        checked_out(repository, commit.decode().strip()),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Config.mk", True),
        ("docs/x", False),
        ("xen/Kconfig", True),
        ("xen/arch/Kconfig", True),
        ("xen/arch/arm/p2m.c", True),
        ("xen/arch/x86/mm.c", False),
        ("xen/include/xen/mm.h", True),
        ("xen/scripts/x", False),
        ("xen/tools/kconfig/x", False),
        ("xen/common/test/x", True),
        ("xenstore/x", False),
    ],
)
def test_what_the_preprocessor_can_reach(name: str, expected: bool) -> None:
    assert is_reachable(name) is expected
