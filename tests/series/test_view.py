"""A view shows the patched tree whole, and leaves the tree as it was."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from xen_shaped import P2M, SOURCE, commit_all, diff, edit, fingerprint, git, make_tree

from harness.errors import ApplyError, HarnessError, TreeError
from harness.series import Tree, apply, read_patch


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a tree under git, to write patches with."""
    top = make_tree(tmp_path / "repository")
    commit_all(top)
    return top


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Make the same tree without git, to apply them to."""
    return make_tree(tmp_path / "tree")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep temporary directories apart, so that leftovers can be seen."""
    path = tmp_path / "temporary"
    path.mkdir()
    place_temporary_files(path, monkeypatch)
    return path


def place_temporary_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def change(repository: Path, files: dict[str, str | None], *options: str) -> bytes:
    for name, text in files.items():
        path = repository / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return diff(repository, *options)


def refusal(top: Path, data: bytes) -> str:
    before = fingerprint(top)
    with (
        pytest.raises(HarnessError) as caught,
        apply(Tree.at(top), (read_patch(data, "p.diff"),)),
    ):
        pass
    assert isinstance(caught.value, (ApplyError, TreeError))
    assert fingerprint(top) == before
    message = str(caught.value)
    assert "\n" not in message
    return message


def preprocess(root: Path, file: str) -> str:
    command = ["cc", "-E", "-P", f"-I{root}/xen/include", str(root / file)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_without_a_patch_the_view_is_the_tree(top: Path, temporary: Path) -> None:
    with apply(Tree.at(top)) as view:
        assert view.root == top.resolve()
        assert view.roots == (view.root,)
        assert not view.touched(P2M, 1)
        assert not any(temporary.iterdir())


def test_view_of_a_change(repository: Path, top: Path, temporary: Path) -> None:
    patch = read_patch(change(repository, {P2M: edit(20, "new\n")}), "p")
    before = fingerprint(top)
    with apply(Tree.at(top), (patch,)) as view:
        assert (view.root / P2M).read_text() == edit(20, "new\n")
        assert not (view.root / P2M).is_symlink()
        unpatched = view.root / "xen/include/xen/mm.h"
        assert unpatched.is_symlink()
        assert unpatched.read_text() == "int mm;\n"
        assert not (view.root / "xen/arch/x86").exists()
        assert not (view.root / "xen/tools").exists()
        assert (view.files, view.deleted, view.offsets) == ((P2M,), (), {})
        assert [n for n in range(60) if view.touched(P2M, n)] == [20]
        assert view.touched(f"{view.root}/xen/include/../arch/arm/mmu/p2m.c", 20)
        assert view.roots == (view.root, top.resolve())
        assert view.admits(f"{view.root}/{P2M}")
        assert view.admits("xen/include/xen/mm.h")
        assert not view.admits("/etc/passwd")
        assert not view.admits(f"{top.resolve()}/{P2M}")
        copied = pickle.loads(pickle.dumps(view))
        assert copied.touched(P2M, 20)
    assert fingerprint(top) == before
    assert not any(temporary.iterdir())


def test_temporary_directory_goes_when_the_body_fails(
    repository: Path, top: Path, temporary: Path
) -> None:
    patch = read_patch(change(repository, {P2M: edit(20, "new\n")}), "p")
    with pytest.raises(ZeroDivisionError), apply(Tree.at(top), (patch,)):
        raise ZeroDivisionError
    assert not any(temporary.iterdir())


def test_new_deleted_renamed_copied_and_mode(repository: Path, top: Path) -> None:
    git(repository, "mv", P2M, "xen/arch/arm/p2m.c")
    (repository / "xen/Makefile").chmod(0o755)
    data = change(
        repository,
        {
            "xen/arch/arm/p2m.c": edit(3, "new\n"),
            "xen/arch/arm/new dir/new.c": "int x;\n",
            "xen/arch/arm/empty.h": "",
            "CHANGELOG.md": None,
            "xen/include/public/hvm/near.h": None,
            "copy.h": "int mm;\n",
        },
        "-M",
        "-C",
        "--find-copies-harder",
    )
    assert b"copy to copy.h" in data
    before = fingerprint(top)
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        assert not (view.root / P2M).exists()
        assert (view.root / "xen/arch/arm/p2m.c").read_text() == edit(3, "new\n")
        assert view.touched("xen/arch/arm/p2m.c", 3)
        assert not view.touched(P2M, 3)
        assert (view.root / "xen/arch/arm/new dir/new.c").read_text() == "int x;\n"
        assert (view.root / "xen/arch/arm/empty.h").read_text() == ""
        assert os.access(view.root / "xen/Makefile", os.X_OK)
        assert (view.root / "copy.h").read_text() == "int mm;\n"
        assert (view.root / "xen/include/xen/mm.h").exists()
        assert not os.path.lexists(view.root / "xen/include/public/hvm/near.h")
        assert view.deleted == ("CHANGELOG.md", P2M, "xen/include/public/hvm/near.h")
    assert fingerprint(top) == before


def test_file_replaced_by_a_directory(repository: Path, top: Path) -> None:
    (repository / "xen/include/xen/mm.h").unlink()
    data = change(repository, {"xen/include/xen/mm.h/types.h": "int t;\n"})
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        assert (view.root / "xen/include/xen/mm.h/types.h").read_text() == "int t;\n"


def test_offsets_are_recorded_and_move_the_line_map(
    repository: Path, top: Path
) -> None:
    text = edit(10, "ten\nmore\n", edit(35, ""))
    data = change(repository, {P2M: text})
    (top / P2M).write_text("first\nsecond\n" + SOURCE)
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        assert view.offsets == {P2M: (2, 2)}
        lines = (view.root / P2M).read_text().splitlines()
        touched = [n for n in range(1, 60) if view.touched(P2M, n)]
        assert [lines[n - 1] for n in touched] == ["ten", "more", "line 36"]


def test_offset_of_one_hunk_of_one_file(repository: Path, top: Path) -> None:
    other = "xen/arch/arm/a.c"
    for each in (repository, top):
        (each / other).write_text(SOURCE)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "more")
    text = edit(30, "thirty\n", edit(10, "ten\n"))
    data = change(repository, {P2M: text, other: text})
    (top / P2M).write_text(edit(20, ""))
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        assert view.offsets == {P2M: (0, -1)}
        assert [n for n in range(60) if view.touched(P2M, n)] == [10, 29]
        assert [n for n in range(60) if view.touched(other, n)] == [10, 30]


def test_fuzz_is_refused(repository: Path, top: Path) -> None:
    data = change(repository, {P2M: edit(20, "new\n")})
    (top / P2M).write_text(edit(17, "different\n"))
    have = git(repository, "hash-object", str(top / P2M)).decode()[:10]
    made = git(repository, "rev-parse", f"HEAD:{P2M}").decode()[:7]
    assert refusal(top, data) == (
        f"{P2M}:17: hunk does not apply to Xen 4.21-rc1 (made for blob {made}, "
        f"the tree has {have}): rebase the patch or give its tree"
    )


def test_white_space_must_match(repository: Path, top: Path) -> None:
    data = change(repository, {P2M: edit(20, "new\n")})
    (top / P2M).write_text(edit(18, "line  18\n"))
    assert "hunk does not apply" in refusal(top, data)


def test_carriage_returns_of_the_mailer(repository: Path, top: Path) -> None:
    data = change(repository, {P2M: edit(20, "new\n")}).replace(b"\n", b"\r\n")
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        assert (view.root / P2M).read_bytes() == edit(20, "new\n").encode()


def test_carriage_returns_of_the_file(repository: Path, top: Path) -> None:
    for each in (repository, top):
        (each / P2M).write_bytes(SOURCE.replace("\n", "\r\n").encode())
    git(repository, "commit", "-qam", "cr")
    text = edit(20, "new\n").replace("\n", "\r\n").encode()
    (repository / P2M).write_bytes(text)
    with apply(Tree.at(top), (read_patch(diff(repository), "p"),)) as view:
        assert (view.root / P2M).read_bytes() == text
        assert [n for n in range(60) if view.touched(P2M, n)] == [20]


def test_no_newline_at_the_end(repository: Path, top: Path) -> None:
    data = change(repository, {P2M: SOURCE.rstrip("\n") + "!"})
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        assert (view.root / P2M).read_text().endswith("line 40!")
        assert view.touched(P2M, 40)


def test_file_without_prefix(repository: Path, top: Path) -> None:
    data = change(repository, {P2M: edit(20, "new\n")}, "--no-prefix")
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        assert view.touched(P2M, 20)


def test_already_applied(repository: Path, top: Path) -> None:
    data = change(repository, {P2M: edit(20, "new\n"), "xen/new.c": "x\n"})
    (top / P2M).write_text(edit(20, "new\n"))
    (top / "xen/new.c").write_text("x\n")
    assert refusal(top, data) == (
        f"patch looks already applied to Xen 4.21-rc1 in '{top.resolve()}'"
    )


def test_file_that_is_missing_or_there(repository: Path, top: Path) -> None:
    data = change(repository, {P2M: edit(20, "new\n")})
    new = change(repository, {"xen/new.c": "x\n"})
    (top / P2M).unlink()
    (top / "xen/new.c").write_text("other\n")
    assert refusal(top, data) == (
        f"patch does not apply to Xen 4.21-rc1: {P2M}: No such file or directory"
    )
    assert refusal(top, new) == (
        "patch does not apply to Xen 4.21-rc1: xen/new.c: already exists in "
        "working directory"
    )


@pytest.mark.parametrize("inside", [True, False])
def test_symbolic_links_on_the_way_are_not_followed(
    repository: Path, top: Path, tmp_path: Path, inside: bool
) -> None:
    data = change(repository, {P2M: edit(20, "new\n")})
    away = top / "xen/moved" if inside else tmp_path / "away"
    shutil.move(top / "xen/arch/arm/mmu", away)
    (top / "xen/arch/arm/mmu").symlink_to(away)
    assert refusal(top, data) == (
        "p.diff:1: 'xen/arch/arm/mmu' is a symbolic link in the tree: not followed"
    )
    assert (away / "p2m.c").read_text() == SOURCE


def test_symbolic_link_in_place_of_the_file(
    repository: Path, top: Path, tmp_path: Path
) -> None:
    data = change(repository, {P2M: edit(20, "new\n")})
    (tmp_path / "secret").write_text(SOURCE)
    (top / P2M).unlink()
    (top / P2M).symlink_to(tmp_path / "secret")
    assert "is a symbolic link in the tree: not followed" in refusal(top, data)
    assert (tmp_path / "secret").read_text() == SOURCE


def test_paths_of_the_wrong_kind(repository: Path, top: Path) -> None:
    data = change(repository, {"xen/new.c": "x\n"})
    below = change(repository, {"xen/b/new.c": "x\n"})
    (top / "xen/new.c").mkdir()
    (top / "xen/b").write_text("a file\n")
    assert refusal(top, data) == (
        "p.diff:1: 'xen/new.c' is not a regular file in the tree"
    )
    assert refusal(top, below) == "p.diff:1: 'xen/b' is not a directory in the tree"


def test_links_of_the_tree_lead_to_the_same_place_in_the_view(
    repository: Path, top: Path, tmp_path: Path
) -> None:
    data = change(repository, {P2M: edit(20, "new\n")})
    (top / "xen/include/asm").symlink_to("../arch/arm")
    (top / "xen/include/tools").symlink_to(top / "xen/tools")
    (top / "xen/p2m.c").symlink_to("arch/arm/mmu/p2m.c")
    (top / "xen/dangling").symlink_to("nowhere")
    (tmp_path / "away").mkdir()
    (top / "xen/away").symlink_to(tmp_path / "away")
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        for name in ("xen/include/asm/mmu/p2m.c", "xen/p2m.c"):
            assert (view.root / name).read_text() == edit(20, "new\n")
        assert (view.root / "xen/include/tools/symbols.c").read_text() == "int tool;\n"
        assert not (view.root / "xen/dangling").exists()
        assert not view.admits("xen/away/anything")
    (top / "xen/loop").symlink_to("../..")
    assert refusal(top, data) == (
        f"symbolic link '{top.resolve()}/xen/loop' leads above the tree: remove it"
    )


def test_include_by_dot_dot_reads_the_patched_file(repository: Path, top: Path) -> None:
    # Were public/hvm a link to a directory, "../xen.h" would be the tree's.
    data = change(repository, {"xen/include/public/xen.h": "int patched;\n"})
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        said = preprocess(view.root, "xen/include/public/hvm/save.h").split()
    assert said == ["int", "patched;", "int", "near;"]
    data = change(repository, {"xen/include/public/hvm/near.h": "int patched;\n"})
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        said = preprocess(view.root, "xen/include/public/hvm/save.h").split()
    assert said == ["int", "public_xen;", "int", "patched;"]


def test_environment_of_a_hook_does_no_harm(
    repository: Path, top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = change(repository, {P2M: edit(20, "new\n")})
    before = fingerprint(repository)
    (tmp_path / "config").write_text("[apply]\n\tignoreWhitespace = change\n")
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repository))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository / ".git/index"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "apply.whitespace")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "fix")
    monkeypatch.setenv("GIT_TRACE", "1")
    with apply(Tree.at(top), (read_patch(data, "p"),)) as view:
        assert (view.root / P2M).read_text() == edit(20, "new\n")
    assert fingerprint(repository) == before
    (top / P2M).write_text(edit(18, "line  18\n"))
    assert "hunk does not apply" in refusal(top, data)


def test_links_are_made_in_memory_unless_told_otherwise(
    repository: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = read_patch(change(repository, {P2M: edit(20, "new\n")}), "p")
    with apply(Tree.at(top), (patch,)) as view:
        assert view.root.parent == Path(os.environ["TMPDIR"]).resolve()
    monkeypatch.delenv("TMPDIR")
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("no /dev/shm to write to")
    with apply(Tree.at(top), (patch,)) as view:
        assert view.root.parent == Path("/dev/shm").resolve()
        assert (view.root / P2M).read_text() == edit(20, "new\n")
    assert not view.root.exists()


def test_temporary_directory_inside_a_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = change(repository, {P2M: edit(20, "new\n"), "xen/new.c": "x\n"})
    inside = repository / "docs"
    inside.mkdir()
    place_temporary_files(inside, monkeypatch)
    with apply(Tree.at(repository), (read_patch(data, "p"),)) as view:
        assert (view.root / P2M).read_text() == edit(20, "new\n")
        assert (view.root / "xen/new.c").exists()
    assert git(repository, "status", "--porcelain") == b""


def test_two_views_at_once(repository: Path, top: Path) -> None:
    before = fingerprint(top)
    datas = [change(repository, {P2M: edit(20, f"new {n}\n")}) for n in range(4)]
    found: dict[int, str] = {}
    barrier = threading.Barrier(len(datas), timeout=30)

    def work(number: int) -> None:
        with apply(Tree.at(top), (read_patch(datas[number], "p"),)) as view:
            barrier.wait()
            found[number] = (view.root / P2M).read_text()
            barrier.wait()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(datas))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: edit(20, f"new {n}\n") for n in range(4)}
    assert fingerprint(top) == before


def test_random_edits_give_the_file_and_its_touched_lines(
    repository: Path, top: Path
) -> None:
    chance = random.Random(7)
    tree = Tree.at(top)
    for _ in range(12):
        marked = []
        for number, line in enumerate(SOURCE.splitlines(keepends=True)):
            # git lets no hunk move that starts at the first line or ends at the last
            roll = chance.random() if 6 <= number < 34 else 0.5
            if roll < 0.1:
                marked.append((f"new {chance.random()}\n", True))
            if roll < 0.85:
                marked.append((line, False))
        text = "".join(line for line, _ in marked)
        shift = "shift\n" * chance.randrange(3)
        (top / P2M).write_text(shift + SOURCE)
        data = change(repository, {P2M: text})
        with apply(tree, (read_patch(data, "p"),)) as view:
            lines = (view.root / P2M).read_text().splitlines(keepends=True)
            (part,) = view.patch.files if view.patch else ()
            moved = view.offsets.get(P2M, (0,) * len(part.hunks))
            each = zip(part.hunks, moved, strict=True)
            added = [n for hunk, by in each for n in hunk.added(by)]
            assert "".join(lines) == shift + text
        assert [lines[n - 1] for n in added] == [line for line, new in marked if new]
