"""What read_patch accepts, what it refuses, and how it maps lines."""

from __future__ import annotations

import base64
import difflib
import quopri
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xen_shaped import P2M, commit_all, diff, edit, git, make_tree

from harness.errors import PatchError
from harness.series import read_patch
from harness.series.patch import SIZE_LIMIT

PLAIN = f"""\
--- a/{P2M}
+++ b/{P2M}
@@ -1,3 +1,3 @@ int f(void)
 one
-two
+2
 three
"""
GIT = f"diff --git a/{P2M} b/{P2M}\nindex 1111111..2222222 100644\n{PLAIN}"
MAIL = f"""\
From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>
Date: Mon, 1 Jan 2024 10:00:00 +0000
Subject: [PATCH v2 1/3] xen/arm: p2m: a subject
 that goes on

Why.
---
 {P2M} | 2 +-
 1 file changed

{GIT}--\x20
2.39.5

"""


def refused(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(PatchError) as caught:
        read_patch(data, "p.diff")
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("text", [PLAIN, GIT, MAIL, MAIL.partition("\n")[2]])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_reads_every_form(text: str, newline: str) -> None:
    patch = read_patch(text.replace("\n", newline).encode(), "p.diff")
    (part,) = patch.files
    (hunk,) = part.hunks
    assert (part.old, part.new, patch.strip) == (P2M, P2M, 1)
    assert hunk.section == "int f(void)"
    assert hunk.post_image() == (b"one\n", b"2\n", b"three\n")
    assert (hunk.added(), hunk.removed()) == ((2,), (2,))
    assert [patch.touched(P2M, n) for n in (1, 2, 3)] == [False, True, False]
    assert not patch.touched("xen/other.c", 2)


def test_mail_gives_subject_and_author() -> None:
    patch = read_patch(MAIL.encode(), "p.diff")
    assert patch.subject == "xen/arm: p2m: a subject that goes on"
    assert patch.author == "Jürgen <j@example.com>"
    assert read_patch(GIT.encode(), "p.diff").subject == ""


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_mail_body_is_decoded(encoding: str) -> None:
    head, _, body = MAIL.partition("\n\n")
    raw = body.replace("\n", "\r\n").encode()
    coded = (
        base64.encodebytes(raw) if encoding == "base64" else quopri.encodestring(raw)
    )
    mail = f"{head}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + coded
    assert read_patch(mail, "m").files[0].hunks[0].added() == (2,)


def test_mail_attachment_is_found() -> None:
    mail = (
        'From: a@b.c\nSubject: x\nContent-Type: multipart/mixed; boundary="B"\n\n'
        "--B\nContent-Type: text/plain\n\nsee attachment\n"
        f"--B\nContent-Type: text/x-patch\n\n{GIT}\n--B--\n"
    )
    assert read_patch(mail.encode(), "m").files[0].path == P2M


def test_carriage_returns_of_a_file_stay() -> None:
    patch = read_patch(GIT.replace("\n+2\n", "\n+2\r\n").encode(), "p.diff")
    assert patch.files[0].hunks[0].post_image()[1] == b"2\r\n"


def test_bytes_that_are_not_utf_8_pass() -> None:
    patch = read_patch(GIT.encode().replace(b"+2", b"+\xe9\xff"), "p.diff")
    assert patch.files[0].hunks[0].post_image()[1] == b"\xe9\xff\n"


def test_blank_stripped_from_empty_context_line() -> None:
    text = PLAIN.replace("-1,3 +1,3", "-1,4 +1,4").replace(" three\n", "\n three\n")
    hunk = read_patch(text.encode(), "p").files[0].hunks[0]
    assert hunk.post_image()[2:] == (b"\n", b"three\n")


def test_no_prefix_and_gnu_dates() -> None:
    text = PLAIN.replace("a/xen", "xen").replace("b/xen", "xen")
    text = text.replace(".c\n", ".c\t2024-01-01 10:00:00.000000000 +0100\n")
    patch = read_patch(text.encode(), "p")
    assert (patch.strip, patch.files[0].path) == (0, P2M)


def test_message_may_quote_the_first_line_of_a_diff() -> None:
    text = MAIL.replace("Why.", "Why.\ndiff --git a/x b/x\nis how it starts")
    assert [p.path for p in read_patch(text.encode(), "p").files] == [P2M]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.diff:1: patch is empty"),
        (" \n\n", "p.diff:1: patch is empty"),
        (
            "hello\n",
            "p.diff:1: no diff found: expected a unified diff or the output of "
            "git format-patch",
        ),
        (
            "".join(f"> {line}\n" for line in GIT.splitlines()),
            "p.diff:1: the diff is quoted in a reply: give the mail it answers",
        ),
        (
            "*** a/x\t2024\n--- b/x\t2024\n***************\n*** 1 ****\n",
            "p.diff:1: context diff: make a unified one (diff -u or git diff)",
        ),
        (
            "diff --cc xen/x.c\nindex 1,2..3\n",
            "p.diff:1: combined diff of a merge: give the diff against one parent",
        ),
        (
            "diff --git a/xen/l b/xen/l\nindex 1234..5678\nGIT binary patch\n",
            "p.diff:3: binary patch for xen/l: cannot be checked",
        ),
        (
            f"{GIT}Binary files a/xen/x.png and b/xen/x.png differ\n",
            "p.diff:10: binary patch for xen/x.png: cannot be checked",
        ),
        ("--- a/x\n+++ b/x\n", None),
        (
            "diff --git a/x b/x\nindex 1234..5678\n--- a/x\n+++ b/x\n",
            "p.diff:1: no hunk follows the file names",
        ),
        ("@@ -1 +1 @@\n-a\n+b\n", "p.diff:1: hunk without a file name before it"),
        (GIT.replace("-1,3", "-1,x"), "p.diff:5: hunk header is damaged"),
        (
            GIT.replace("-1,3 +1,3", "-1,4 +1,4"),
            "p.diff:5: patch ends in the middle of a hunk",
        ),
        (GIT.replace("-1,3", "-1,2"), "p.diff:5: hunk does not match its line counts"),
        (GIT + "+more\n", "p.diff:10: hunk is longer than its header says"),
        (
            GIT.replace("-two\n+2\n", " two\n"),
            "p.diff:5: hunk changes nothing",
        ),
        (
            GIT.replace("-two", "wrapped"),
            "p.diff:7: line inside a hunk starts with none of ' ', '+', '-': "
            "the patch was wrapped or cut",
        ),
        (
            MAIL + MAIL.replace("1/3", "2/3"),
            "p.diff:1: 2 patches where one is asked for",
        ),
        (
            GIT + GIT,
            f"p.diff:10: '{P2M}' is patched twice (first at line 1): "
            "give the patches of a series one at a time",
        ),
        (
            "diff --git a/xen/l b/xen/l\nnew file mode 120000\nindex 0000..1234\n",
            "p.diff:2: patch makes or changes the symbolic link xen/l: refused",
        ),
        (
            "diff --git a/xen/l b/xen/l\nold mode 120000\nnew mode 100644\n",
            "p.diff:2: patch makes or changes the symbolic link xen/l: refused",
        ),
        (
            "diff --git a/xen/l b/xen/l\nindex 1234..5678 120000\n",
            "p.diff:2: patch makes or changes the symbolic link xen/l: refused",
        ),
        (
            "diff --git a/xen/l b/xen/l\nnew file mode 160000\n",
            "p.diff:2: patch changes the submodule xen/l: refused",
        ),
        (
            "diff --git a/xen/l b/xen/l\nnew file mode 100000\n",
            "p.diff:2: file mode '100000' is not one of git's",
        ),
    ],
)  # fmt: skip
def test_refuses(text: str, message: str | None) -> None:
    said = refused(text)
    assert message is None or said == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../../etc/passwd", "patch names '../../etc/passwd', outside the tree"),
        ("/etc/passwd", "patch names '/etc/passwd', outside the tree"),
        ("xen/../../x", "patch names 'xen/../../x', outside the tree"),
        ("xen//x", "patch names 'xen//x', which is not a plain path"),
        ("xen/./x", "patch names 'xen/./x', which is not a plain path"),
        (".git/hooks/x", "patch names '.git/hooks/x', inside git's own directory"),
        ("xen/.GIT/x", "patch names 'xen/.GIT/x', inside git's own directory"),
    ],
)
def test_refuses_names_outside(name: str, message: str) -> None:
    plain = PLAIN.replace(P2M, name)
    assert refused(plain) == f"p.diff:1: {message}"
    assert refused(f"diff --git a/{name} b/{name}\n{plain}") == f"p.diff:1: {message}"
    rename = f"diff --git a/x b/{name}\nrename from x\nrename to {name}\n"
    assert refused(rename) == f"p.diff:1: {message}"


def test_refuses_nul_and_control_characters_in_names() -> None:
    assert refused(PLAIN.replace(f"b/{P2M}", '"b/x\\000y"').replace("a/", "b/")) == (
        "p.diff:1: file name holds a NUL byte"
    )
    quoted = f'diff --git "a/x\\ny" "b/x\\ny"\n{PLAIN}'.replace(f"b/{P2M}", '"b/x\\ny"')
    quoted = quoted.replace(f"a/{P2M}", '"a/x\\ny"')
    assert refused(quoted) == "p.diff:1: file name holds a control character"
    raw = PLAIN.replace(P2M, "x\0y")
    assert refused(raw) == "p.diff:1: file name holds a NUL byte"


def test_refuses_what_is_too_large() -> None:
    assert refused(b"+" * (SIZE_LIMIT + 1)) == "p.diff:1: patch is larger than 8 MiB"


NEW = "diff --git a/n b/n\nnew file mode 100644\nindex 0000000..e69de29\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GIT + "deleted file mode 100644\n",
            "p.diff:10: header line of",
        ),
        (GIT + "index 1111111..2222222 100644\n", "p.diff:10: header line of a diff"),
        (GIT + "\\ No new\n", "p.diff:10: the mark of a missing newline is damaged"),
        (NEW.replace("e69de29", "1234567"), "p.diff:1: no hunk follows the header"),
        (
            GIT.replace(f"+++ b/{P2M}", "+++ b/y"),
            "p.diff:1: header of a diff names",
        ),
    ],
)
def test_lost_lines_of_a_header_are_missed(text: str, message: str) -> None:
    assert refused(text).startswith(message)


def test_a_part_does_not_go_on_in_the_next_one() -> None:
    patch = read_patch(f"{NEW}a text between\n{PLAIN}".encode(), "p")
    assert patch.data == f"{NEW}\n{PLAIN}".encode()
    assert [part.path for part in patch.files] == ["n", P2M]


def test_a_header_alone_is_told() -> None:
    patch = read_patch(f"diff --git a/x b/x\n{GIT}".encode(), "p")
    assert patch.notes == ("no diff follows 'diff --git ... b/x' in line 1",)


def test_names_that_git_quotes(tmp_path: Path) -> None:
    top = make_tree(tmp_path)
    commit_all(top)
    names = ["xen/with space.c", "xen/ü.c", 'xen/q"q.c', "xen/back\\slash.c"]
    for name in names:
        (top / name).write_text("x\n")
    (top / "xen/empty file").touch()
    patch = read_patch(diff(top), "p")
    assert {part.path for part in patch.files} == {*names, "xen/empty file"}
    assert all(part.old is None for part in patch.files)


def test_renames_copies_modes_and_deletions(tmp_path: Path) -> None:
    top = make_tree(tmp_path)
    commit_all(top)
    git(top, "mv", P2M, "xen/arch/arm/p2m.c")
    (top / "xen/Makefile").chmod(0o755)
    (top / "CHANGELOG.md").unlink()
    (top / "copy.h").write_text("int mm;\n")
    patch = read_patch(diff(top, "-M", "-C", "--find-copies-harder"), "p")
    assert {(part.old, part.new, part.new_mode) for part in patch.files} == {
        (P2M, "xen/arch/arm/p2m.c", ""),
        ("xen/Makefile", "xen/Makefile", "100755"),
        ("CHANGELOG.md", None, ""),
        ("xen/include/xen/mm.h", "copy.h", ""),
    }


def test_pure_deletion_touches_the_line_behind() -> None:
    text = PLAIN.replace("+1,3", "+1,2").replace("+2\n", "")
    patch = read_patch(text.encode(), "p")
    assert [n for n in range(5) if patch.touched(P2M, n)] == [2]
    assert patch.files[0].hunks[0].removed() == (2,)


def test_deletion_next_to_an_addition_touches_only_what_is_added() -> None:
    text = PLAIN.replace("-two\n+2\n", "+2\n-two\n-more\n").replace("-1,3", "-1,4")
    patch = read_patch(text.encode(), "p")
    assert [n for n in range(5) if patch.touched(P2M, n)] == [2]


def naive_touched(old: list[str], new: list[str]) -> set[int]:
    found = set()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        if kind in ("replace", "insert"):
            found.update(range(start + 1, end + 1))
        elif kind == "delete" and start < len(new):
            found.add(start + 1)
    return found


FILES = st.lists(st.sampled_from("abcde"), max_size=30)


@settings(max_examples=150, deadline=None)
@given(FILES, FILES, st.integers(0, 4), st.booleans(), st.booleans())
def test_line_map_is_that_of_a_naive_comparison(
    old: list[str], new: list[str], context: int, ends: bool, crlf: bool
) -> None:
    if old == new:
        return
    # difflib makes both, so that both align repeated lines in the same way.
    lines = [
        line if line.endswith("\n") else f"{line}\n"
        for line in difflib.unified_diff(old, new, "a/x", "b/x", n=context)
    ]
    text = "".join(lines)
    if ends:
        text += "\\ No newline at end of file\n"
    if crlf:
        text = text.replace("\n", "\r\n")
    patch = read_patch(text.encode(), "p")
    (part,) = patch.files
    found = {n for hunk in part.hunks for n in hunk.touched() if n <= len(new)}
    assert found == naive_touched(old, new)
    added = {n for hunk in part.hunks for n in hunk.added()}
    removed = {n for hunk in part.hunks for n in hunk.removed()}
    kept = [line for n, line in enumerate(new, 1) if n not in added]
    assert kept == [line for n, line in enumerate(old, 1) if n not in removed]


def test_source_edit_as_git_writes_it(tmp_path: Path) -> None:
    top = make_tree(tmp_path)
    commit_all(top)
    text = edit(10, "ten\nmore\n", edit(30, ""))
    (top / P2M).write_text(text)
    patch = read_patch(diff(top), "p")
    assert [n for n in range(60) if patch.touched(P2M, n)] == [10, 11, 31]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([" a", "-b", " c"], ((2, 2),)),
        ([" a", "-b", "+/* b */", "+", " c"], ((2, 4),)),
        (["-a", " b", "+c", " d", "-e"], ((1, 1), (4, 4))),
        ([" a", "-/* b */", "- * c", "- */", "-", "-// d", " e"], ()),
        ([" a", "-*b = 0;", " c"], ((2, 2),)),
    ],
)
def test_where_code_was_deleted(
    lines: list[str], found: tuple[tuple[int, int], ...]
) -> None:
    old, new = (sum(line[0] != sign for line in lines) for sign in "+-")
    head = f"--- a/{P2M}\n+++ b/{P2M}\n@@ -1,{old} +1,{new} @@\n"
    patch = read_patch((head + "\n".join(lines) + "\n").encode(), "x")
    assert patch.files[0].hunks[0].deletions() == found
