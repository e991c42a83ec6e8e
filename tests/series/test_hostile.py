"""Patches whose sender means harm: bounded, refused or told, and nothing touched."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from test_threads import SEPARATOR, box, letter, mail
from xen_shaped import P2M, commit_all, diff, edit, fingerprint, make_tree

from harness.errors import HarnessError, PatchError
from harness.series import SERIES_LIMIT, Series, Tree, apply, read_patch, read_series
from harness.series.patch import SIZE_LIMIT
from harness.series.path import read_path

SECONDS = 20.0  # of a slow machine; none of what follows needs more than two


@contextmanager
def bounded() -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < SECONDS


def tried(data: bytes) -> Series | str:
    """Read bytes; the only way to fail is an error of one printable line."""
    with bounded():
        try:
            return read_series(data, "x")
        except HarnessError as error:
            assert str(error).isprintable()
            return str(error)


def plain(name: str, body: str = "@@ -1 +1 @@\n-a\n+b\n") -> bytes:
    return f"--- a/{name}\n+++ b/{name}\n{body}".encode()


LONG = 7 << 20
ENCODING = "Content-Transfer-Encoding:"
FLOWED = "Content-Type: text/plain; format=flowed; delsp=yes\n"


@pytest.mark.parametrize(
    "data",
    [
        b"+" * (100 << 20),
        b"a" * LONG,
        mail("x") + b" " * LONG,
        b"Binary files " + b" and " * (LONG // 5) + b"\n",
        b"Binary files a and b differ" + b" " * LONG + b"\n",
        b"--- a/" + b" " * LONG + b"\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
        b"--- a/x\n+++ b/" + b" " * LONG + b"\n@@ -1 +1 @@\n-a\n+b\n",
        b"diff --git a/" + b"x " * (LONG // 2) + b"\n--- a/x\n+++ b/x\n",
        b'diff --git "' + b"\\\\" * (LONG // 2) + b"\n",
        b"diff --git a/x b/x\nrename from " + b'"\\' * (LONG // 2) + b"\n",
        b"@@ -1,1 +1,1" * (LONG // 12),
        b"--- a/x\n+++ b/x\n@@ -1,999999999 +1,999999999 @@\n" + b" \n" * 900_000,
        b"--- a/x\n+++ b/x\n@@ -0,0 +1,1 @@\n+" + b"y" * LONG + b"\n",
        b"> " * (LONG // 2) + b"@@ -1 +1 @@\n",
        b">" * LONG + b"\n" + mail("x"),
        b"\n" * LONG + mail("x"),
        b"From " * (LONG // 5),
        b"From a Thu Jan  1 00:00:00 1970\n" * 100_000,
        b"From a Thu Jan  1 00:00:00 1970\nFrom: b\n\n" * 100_000,
        letter("[" * 200_000, "x"),
        letter("[PATCH " + "1/" * 100_000, "x"),
        letter("Re: " * 50_000 + "x", "x"),
        letter("=?utf-8?q?" * 20_000, "x"),
        letter("x", "y", "References: " + "<" * 200_000 + "\n"),
        letter("x", "y", " \n" * 60_000),
        letter("x", "=\n" * (LONG // 2), f"{ENCODING} quoted-printable\n"),
        letter("x", "=" * LONG, f"{ENCODING} base64\n"),
        letter("x", " " * LONG + "\n" + " >" * LONG, FLOWED),
        letter("x", "--B\n\n" * 300_000, "Content-Type: multipart/mixed; boundary=B\n"),
        letter("x", "-- >8 --\n" * 700_000),
        b"diff --git a/docs/x b/docs/x\nGIT binary patch\n" + b"literal 1\n" * 700_000,
        b"diff --git a/docs/x b/docs/x\nGIT binary patch\nliteral 9\n" + b"A" * LONG,
    ],
    ids=range(32),
)  # fmt: skip
def test_time_is_bounded(data: bytes) -> None:
    tried(data)


def test_sizes_are_bounded() -> None:
    assert tried(b"x" * (SERIES_LIMIT + 1)) == "x:1: patch is larger than 64 MiB"
    assert tried(b"x" * (SIZE_LIMIT + 1)) == "x:1: patch is larger than 8 MiB"
    body = "@@ -0,0 +1,600000 @@\n" + "+\n" * 600_000
    assert tried(plain("x", body)) == "x:500001: patch of more than 500000 lines"


def test_bombs_of_copies_and_files() -> None:
    copy = "diff --git a/x b/{0}\ncopy from x\ncopy to {0}\n"
    many = "".join(copy.format(f"y{n}") for n in range(65))
    assert tried(many.encode()) == "x:193: patch of more than 4096 files or 64 copies"
    new = "diff --git a/{0} b/{0}\nnew file mode 100644\nindex 0000000..e69de29\n"
    many = "".join(new.format(f"y{n}") for n in range(5000))
    assert "more than 4096 files" in str(tried(many.encode()))


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "xen/../../../etc/passwd",
        ".git/config",
        ".GIT/hooks/pre-commit",
        "xen/.Git/x",
        "./xen/x",
        "xen//x",
        "xen/x/",
        "xen/\r/x",
        "xen/\x1b[2J",
    ],
)
@pytest.mark.parametrize("form", ["plain", "git", "rename", "copy", "new", "mode"])
def test_names(name: str, form: str) -> None:
    text = {
        "plain": plain(name).decode(),
        "git": f"diff --git a/{name} b/{name}\n{plain(name).decode()}",
        "rename": f"diff --git a/x b/{name}\nrename from x\nrename to {name}\n",
        "copy": f"diff --git a/{name} b/x\ncopy from {name}\ncopy to x\n",
        "new": f"diff --git a/{name} b/{name}\nnew file mode 100644\n",
        "mode": f"diff --git a/{name} b/{name}\nold mode 100644\nnew mode 100755\n",
    }[form]
    assert isinstance(tried(text.encode()), str)


@pytest.mark.parametrize(
    "name",
    [
        "xen",
        "xen/arch",
        "xen/arch/x",
        "xen/arch/arm/x",
        "xen/include/asm",
        "a/xen/arch/x86/x",
        "docs/x.h",
        "tools/x.C",
        "x.S",
    ],
)
@pytest.mark.parametrize(
    "tail",
    [
        "new file mode 120000\nindex 0000000..1234567\n--- /dev/null\n+++ b/{0}\n"
        "@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n",
        "old mode 100644\nnew mode 120000\n",
        "new file mode 160000\nindex 0000000..1234567\n",
        "index 1234567..7654321 100644\nGIT binary patch\nliteral 0\nHcmV?d00001\n\n",
        "index 1234567..7654321 100644\nBinary files a/{0} and b/{0} differ\n",
    ],
)
def test_what_cannot_be_shown_is_refused_in_the_hypervisor(
    name: str, tail: str
) -> None:
    data = f"diff --git a/{name} b/{name}\n{tail.format(name)}".encode()
    assert "refused" in str(tried(data)) or "cannot be checked" in str(tried(data))


@pytest.mark.parametrize("name", ["docs/x", "xen/arch/riscv/configs/x", "x.png"])
def test_what_cannot_be_shown_is_told_elsewhere(name: str) -> None:
    link = f"diff --git a/{name} b/{name}\nnew file mode 120000\nindex 0..1\n"
    series = tried(plain(P2M) + link.replace("0..1", "00000000..11111111").encode())
    assert isinstance(series, Series)
    assert series.notes == (f"symbolic link {name} at line 7 is not checked",)
    assert [part.path for part in series.patches[0].files] == [P2M]


def test_notes_hold_no_escape_sequences() -> None:
    evil = '"a/docs/\\033[2J\\342\\200\\256x"'
    binary = (
        f"diff --git {evil} {evil}\nindex 12345..54321\n"
        f"Binary files {evil} and {evil} differ\n"
    )
    data = binary.encode() + plain(P2M)
    series = tried(data)
    assert isinstance(series, Series)
    assert series.notes == (
        "binary file docs/\\x1b[2J\\u202ex at line 3 is not checked",
    )
    series = tried(
        box(
            mail("[PATCH 1/2] a\x1b[2J"),
            mail("[PATCH 2/2] b"),
            mail("Re: [PATCH 1/2] \u202ea\x07"),
        )
    )
    assert isinstance(series, Series)
    assert all(note.isprintable() for note in series.notes)


def test_html_that_shows_another_patch_is_told() -> None:
    text = mail("x").partition(b"\n\n")[2].decode()
    for page, told in ((text, False), (text.replace("new", "evil"), True)):
        message = MIMEMultipart("alternative")
        message["From"] = message["Subject"] = "x"
        message.attach(MIMEText(text))
        message.attach(MIMEText(f"<pre>\n{page}</pre>", "html"))
        (patch,) = read_series(message.as_bytes(), "x").patches
        assert patch.files[0].hunks[0].post_image() == (b"new 1\n",)
        said = "the HTML part of the mail holds another diff: its text is checked"
        assert patch.notes == ((said,) if told else ())


def test_text_and_attachment_with_two_patches_are_both_read() -> None:
    one, two = (mail("x", n).partition(b"\n\n")[2].decode() for n in (1, 2))
    message = MIMEMultipart()
    message["From"] = message["Subject"] = "x"
    message.attach(MIMEText(one))
    message.attach(MIMEText(two, "x-patch"))
    series = read_series(message.as_bytes(), "x")
    assert len(series.patches) == 2


def test_git_sees_no_more_than_what_was_read() -> None:
    hidden = plain("xen/evil.c").decode()
    tricks = [
        f" {hidden}",
        "\n".join(f"#{line}" for line in hidden.splitlines()) + "\n",
        f"-- \n{' '.join(hidden.splitlines())}\n",
        "diff --git a/xen/evil.c b/xen/evil.c\nno header line\n",
    ]
    for trick in tricks:
        result = tried(plain(P2M) + trick.encode())
        if isinstance(result, Series):
            assert b"evil" not in result.patches[0].data
    for trick in tricks[:1]:
        assert isinstance(tried(plain(P2M) + trick.encode()), str)


def test_directory_of_traps(tmp_path: Path) -> None:
    (tmp_path / "0001-x.patch").write_bytes(mail("[PATCH] x"))
    (tmp_path / "0002-x.patch").symlink_to("/etc/passwd")
    with pytest.raises(PatchError, match="is not a regular file: remove it"):
        read_path(tmp_path)
    (tmp_path / "0002-x.patch").unlink()
    os.mkfifo(tmp_path / "0002-x.patch")
    with pytest.raises(PatchError, match="is not a regular file: remove it"):
        read_path(tmp_path)
    (tmp_path / "0002-x.patch").unlink()
    (tmp_path / "0002-x.patch").mkdir()
    with pytest.raises(PatchError, match="is not a regular file: remove it"):
        read_path(tmp_path)


def test_devices_are_bounded() -> None:
    with bounded(), pytest.raises(PatchError, match="larger than 64 MiB"):
        read_path(Path("/dev/zero"))
    with pytest.raises(PatchError, match="patch is empty"):
        read_path(Path(os.devnull))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    top = make_tree(tmp_path / "tree")
    commit_all(top)
    return Tree.at(top)


@pytest.mark.parametrize(
    "attributes",
    [
        "* text eol=crlf\n",
        "* ident\n",
        "* working-tree-encoding=UTF-16\n",
        "* filter=evil\n",
        "* whitespace=trailing-space,indent-with-non-tab\n",
        "[attr]binary -text\n*.c binary -diff merge=ours\n",
    ],
)
@pytest.mark.parametrize("inside", ["", "xen/", "xen/arch/arm/mmu/"])
def test_attributes_do_not_change_what_is_written(
    tree: Tree, attributes: str, inside: str
) -> None:
    (tree.top / P2M).write_text(edit(10, "$Id$ ten  \n"))
    wanted = (tree.top / P2M).read_bytes()
    change = diff(tree.top)
    name = f"{inside}.gitattributes"
    count = attributes.count("\n")
    added = "".join(f"+{line}\n" for line in attributes.splitlines())
    first = f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n"
    data = f"{first}+++ b/{name}\n@@ -0,0 +1,{count} @@\n{added}".encode() + change
    before = fingerprint(tree.top)
    with apply(tree, (read_patch(data, "x"),)) as view:
        assert (view.root / P2M).read_bytes() == wanted
    assert fingerprint(tree.top) == before


def test_configuration_in_the_patch_is_not_used(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "executed"
    for name, text in {
        ".b4-config": f"[b4]\n\tam-perpatch-check-cmd = touch {mark}\n",
        ".gitconfig": f"[core]\n\tfsmonitor = touch {mark}\n",
        ".mailmap": "evil <e@v.il> <a@example.com>\n",
        "xen/Makefile": f"$(shell touch {mark})\n",
        "Config.mk": f"$(shell touch {mark})\n",
    }.items():
        path = tree.top / name
        old = path.read_text() if path.exists() else ""
        path.write_text(old + text)
    data = diff(tree.top)
    monkeypatch.chdir(tree.top)
    monkeypatch.setenv("HOME", str(tree.top))
    patch = read_patch(letter("[PATCH] x", data.decode()), "x")
    with apply(tree, (patch,)) as view:
        assert "touch" in (view.root / "xen/Makefile").read_text()
    assert not mark.exists()


def test_settings_of_the_user_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = tmp_path / "config"
    evil.write_text(
        "[mailinfo]\n\tscissors = true\n[i18n]\n\tcommitEncoding = latin1\n"
    )
    hooks = {
        "GIT_CONFIG_GLOBAL": evil,
        "GIT_DIR": tmp_path,
        "GIT_INDEX_FILE": tmp_path / "index",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "mailinfo.quotedCr",
        "GIT_CONFIG_VALUE_0": "nonsense",
    }
    for key, value in hooks.items():
        monkeypatch.setenv(key, str(value))
    series = read_series(box(mail("[PATCH 1/2] ü"), mail("[PATCH 2/2] b", 2)), "x")
    assert [patch.subject for patch in series.patches] == ["ü", "b"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config"]


def test_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    read_series(box(mail("[PATCH 1/2] a"), mail("[PATCH 2/2] b", 2)), "x")
    tried(SEPARATOR + letter("x", "no diff"))
    assert list(tmp_path.iterdir()) == []
