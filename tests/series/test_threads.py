"""Which mails of a mailbox are the series, in which order, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from histories import assert_same_trees, awkward_history, commit, format_patch, mails
from xen_shaped import P2M, edit, git

from harness.errors import PatchError
from harness.series import Series, read_series
from harness.series.mail import read_tag
from harness.series.path import read_path

SEPARATOR = b"From git@z Thu Jan  1 00:00:00 1970\n"


def mail(
    subject: str,
    line: int = 1,
    *,
    text: str = "why\n",
    fields: str = "",
    name: str = P2M,
) -> bytes:
    diff = (
        f"diff --git a/{name} b/{name}\nindex 1111111..2222222 100644\n"
        f"--- a/{name}\n+++ b/{name}\n@@ -{line} +{line} @@\n-old {line}\n+new {line}\n"
    )
    return letter(subject, f"{text}---\n\n{diff}-- \n2.39.5\n\n", fields)


def letter(subject: str, text: str, fields: str = "") -> bytes:
    head = f"From: A <a@b.c>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n{fields}"
    return f"{head}Subject: {subject}\n\n{text}\n".encode()


def box(*parts: bytes) -> bytes:
    return b"".join(SEPARATOR + part for part in parts)


def read(*parts: bytes) -> Series:
    return read_series(box(*parts), "x.mbox")


def places(series: Series) -> list[int]:
    return [patch.files[0].hunks[0].new_start for patch in series.patches]


def refused(*parts: bytes) -> str:
    with pytest.raises(PatchError) as caught:
        read(*parts)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("[PATCH] x: y", ("x: y", 0, 0, 1, False, False)),
        ("[PATCH v2 1/3] x: y", ("x: y", 1, 3, 2, False, True)),
        ("[PATCHv12 01/10] x", ("x", 1, 10, 12, False, True)),
        ("[XEN][RFC PATCH v4 04/16] x", ("x", 4, 16, 4, False, True)),
        ("[PATCH for-4.20 v3 0/2]  a  b", ("a b", 0, 2, 3, False, True)),
        ("[PATCH 4.20] x", ("x", 0, 0, 1, False, False)),
        ("[PATCH v2.1 3/5] x", ("x", 3, 5, 2, False, True)),
        ("[PATCH 3/5 v2] x", ("x", 3, 5, 2, False, True)),
        ("[PATCH 2026/11/21] x", ("x", 0, 0, 1, False, False)),
        ("Re: [PATCH v2 1/3] x", ("x", 1, 3, 2, True, True)),
        ("RE: AW: [Xen-devel] [PATCH 1/2] x", ("x", 1, 2, 1, True, True)),
        ("[Xen-devel] Re: [PATCH 1/2] x", ("x", 1, 2, 1, True, True)),
        ("[PATCH] Re: x", ("x", 0, 0, 1, False, False)),
        ("x: use [foo] 1/2", ("x: use [foo] 1/2", 0, 0, 1, False, False)),
        ("[", ("[", 0, 0, 1, False, False)),
        ("", ("", 0, 0, 1, False, False)),
    ],
)
def test_tags(subject: str, expected: tuple[str, int, int, int, bool, bool]) -> None:
    assert tuple(read_tag(subject)) == expected


def test_gaps_are_named() -> None:
    series = read(mail("[PATCH 1/7] a", 1), mail("[PATCH 3/7] c", 3))
    assert places(series) == [1, 3]
    assert series.notes == (
        "patch 2/7 is missing",
        "patches 4/7 to 7/7 are missing",
    )
    assert [(p.number, p.total) for p in series.patches] == [(1, 7), (3, 7)]


def test_a_number_beyond_the_series() -> None:
    series = read(mail("[PATCH 1/1] a"), mail("[PATCH 2/1] b", 2))
    assert series.notes == ("patch 2/1 has a number beyond its series",)


def test_a_huge_total_is_one_note() -> None:
    series = read(mail("[PATCH 1/9999] a"), mail("[PATCH 9000/9999] b", 2))
    assert len(series.notes) == 2


def test_the_newest_version_is_taken() -> None:
    series = read(
        mail("[PATCH v2 1/2] a", 21),
        mail("[PATCH 1/3] a", 1),
        mail("[PATCH v10 2/2] b", 102),
        mail("[PATCH v10 1/2] a", 101),
        mail("[PATCH v2 2/2] b", 22),
    )
    assert places(series) == [101, 102]
    assert {patch.version for patch in series.patches} == {10}
    assert series.notes == ("v10 is checked; v1, v2 of the series is there as well",)


def test_copies_are_dropped() -> None:
    one, two = "Message-ID: <1@x>\n", "Message-ID: <2@x>\n"
    series = read(
        mail("[PATCH 1/2] a", 1, fields=one),
        mail("[PATCH 2/2] b", 2, fields=two),
        mail("[PATCH 1/2] a", 1, fields=one + "List-Id: other\n"),
    )
    assert places(series) == [1, 2]
    assert series.notes == ("1 mail(s) are there twice: each is taken once",)
    series = read(mail("[PATCH 1/1] a"), mail("[PATCH 1/1] a"))
    assert series.notes == ("patch 1/1 is there twice: taken once",)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            (mail("[PATCH 1/2] a", 1), mail("[PATCH 1/2] b", 2)),
            "x.mbox:20: two different patches 1/2: 'a' (line 1) and 'b' (line 20): "
            "remove one",
        ),
        (
            (mail("[PATCH 1/2] a", 1), mail("[PATCH 1/3] b", 2)),
            "x.mbox:20: two series, of 2 and of 3 patches: give one at a time",
        ),
        (
            (mail("[PATCH 1/2] a", 1), mail("[PATCH] b", 2)),
            "x.mbox:20: 'b' (line 20) has no number among patches that are "
            "numbered n/m: give it on its own",
        ),
        (
            (letter("[PATCH 0/2] a", "hello\n"), letter("Re: [PATCH 0/2] a", "hi\n")),
            "x.mbox:1: none of 2 mails holds a patch",
        ),
        (
            (mail("Re: [PATCH 1/2] a", 1), mail("Re: [PATCH 2/2] b", 2)),
            "x.mbox:20: 2 replies with a diff and no patch they answer: "
            "give one mail at a time",
        ),
        (
            (letter("[PATCH] a", "no diff here\n"),),
            "x.mbox:1: no diff found: expected a unified diff or the output of "
            "git format-patch",
        ),
        (
            (mail("[PATCH] a", name="../../etc/passwd"),),
            "x.mbox:9: patch names '../../etc/passwd', outside the tree",
        ),
    ],
)
def test_what_is_ambiguous_is_refused(parts: tuple[bytes, ...], message: str) -> None:
    assert refused(*parts) == message


def test_lines_are_those_of_the_file() -> None:
    damaged = mail("[PATCH 2/2] b", 2).replace(b"-old 2", b"*old 2")
    said = refused(mail("[PATCH 1/2] a"), damaged)
    lines = box(mail("[PATCH 1/2] a"), damaged).split(b"\n")
    number = lines.index(b"*old 2") + 1
    assert said.startswith(f"x.mbox:{number}: line inside a hunk starts with none of")


def test_replies_are_not_patches() -> None:
    quoted = "> diff --git a/x b/x\n> @@ -1 +1 @@\n> -a\n> +b\n\nLooks good.\n"
    reply = mail("Re: [PATCH 1/2] a", 9, text=quoted)
    series = read(
        mail("[PATCH 1/2] a", 1),
        letter("Re: [PATCH 1/2] a", quoted),
        reply,
        mail("[PATCH 2/2] b", 2),
    )
    assert places(series) == [1, 2]
    assert series.notes == (
        "reply 'a' (line 32) holds a diff of its own: it is not checked",
    )


def test_a_patch_in_answer_to_the_series_is_named() -> None:
    series = read(
        mail("[PATCH 1/2] a", 1, fields="Message-ID: <1@x>\n"),
        mail("[PATCH 2/2] b", 2, fields="Message-ID: <2@x>\n"),
        mail("[PATCH] instead", 3, fields="In-Reply-To: <2@x>\n"),
    )
    assert places(series) == [1, 2]
    assert series.notes == (
        "'instead' (line 41) answers a patch of the series: its diff is not checked",
    )


def test_one_reply_with_a_whole_diff_is_read() -> None:
    series = read(mail("Re: [PATCH 1/2] a", 7, text="How about:\n"))
    assert places(series) == [7]


def test_a_patch_without_a_diff_is_named() -> None:
    series = read(
        mail("[PATCH 1/2] a"), letter("[PATCH 2/2] b", "lost\n---\n\n-- \n2\n")
    )
    assert places(series) == [1]
    assert series.notes == ("patch 2/2 holds no diff: nothing of it is checked",)


def test_hunks_quoted_before_the_diff_are_counted() -> None:
    text = "> @@ -1 +1 @@\n> -a\n> +b\nHow about:\n"
    patch = read_series(f"{text}{mail('x').decode()}".encode(), "p").patches[0]
    assert patch.subject == ""
    assert read_series(f"{text}{mail('x').decode()}".encode(), "p").notes == (
        "1 quoted hunk(s) before the diff are not part of what is checked",
    )


def test_quoted_hunks_behind_the_diff_are_not_lost() -> None:
    behind = mail("[PATCH] a").replace(b"-- \n", b"> @@ -9 +9 @@\n> -old\n> +new\n")
    assert refused(behind) == (
        "x.mbox:16: quoted hunk behind others that are not quoted: "
        "give the mail that is answered"
    )


def test_diffstat_that_tells_of_more() -> None:
    stat = (
        f" {P2M} | 2 +-\n xen/x.h | 9 +\n"
        " 2 files changed, 10 insertions(+), 1 deletion(-)\n"
    )
    part = mail("[PATCH] a").replace(b"---\n\n", f"---\n{stat}\n".encode(), 1)
    (patch,) = read(part).patches
    assert patch.notes == (
        "diffstat of the mail: 2 files, 10 added, 1 removed lines; its diff: 1, 1, 1: "
        "it was edited, or parts of it are missing",
    )


def test_mail_says_who_when_and_in_answer_to_what() -> None:
    fields = (
        "Message-Id: <b@x>\nIn-Reply-To: <a@x>\nReferences: <r@x>\n\t<a@x>\n"
        "Content-Type: text/plain; charset=UTF-8\n"
    )
    (patch,) = read(mail("=?utf-8?q?[PATCH_v3]_=C3=BC?=", fields=fields)).patches
    assert (patch.subject, patch.author, patch.version) == ("ü", "A <a@b.c>", 3)
    assert patch.date == "2024-01-01T10:00:00+00:00"
    assert patch.message_id == "<b@x>"
    assert patch.references == ("<a@x>", "<r@x>")


def test_number_is_that_of_the_header() -> None:
    text = "From: Other <o@b.c>\nSubject: another title\n\nwhy\n"
    series = read(mail("[PATCH v2 2/2] b", 2), mail("[PATCH v2 1/2] a", 1, text=text))
    assert places(series) == [1, 2]
    assert [patch.subject for patch in series.patches] == ["another title", "b"]
    assert series.patches[0].author == "Other <o@b.c>"
    reply = mail("Re: [PATCH v2 1/2] a", 9, text=text)
    assert len(read(mail("[PATCH v2 1/1] a"), reply).patches) == 1


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    top = tmp_path_factory.mktemp("history")
    return top, awkward_history(top)


@pytest.mark.parametrize("options", [[], ["--cover-letter"], ["--attach"]])
def test_base_commit(history: tuple[Path, list[str]], options: list[str]) -> None:
    top, ids = history
    span = f"{ids[0]}..{ids[-1]}"
    data = format_patch(top, span, f"--base={ids[0]}", *options)
    series = read_series(data, "x.mbox")
    assert_same_trees(top, ids, series)
    assert series.base_commit == ids[0]
    assert series.notes == ()


def test_prerequisites_are_named(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    data = format_patch(top, f"{ids[2]}..{ids[-1]}", f"--base={ids[0]}")
    series = read_series(data, "x.mbox")
    assert series.base_commit == ids[0]
    assert series.notes == (
        "the series stands on 2 patch(es) that are not in its base-commit "
        "(prerequisite-patch-id)",
    )


def test_interdiff_in_a_cover_letter_is_no_patch(tmp_path: Path) -> None:
    ids = awkward_history(tmp_path)
    git(tmp_path, "checkout", "-q", "-b", "two", ids[0])
    (tmp_path / P2M).write_text(edit(20, "twenty\n"))
    second = commit(tmp_path, "v2\n")
    data = format_patch(
        tmp_path, ids[0] + "..two", "--cover-letter", "-v2", f"--interdiff={ids[1]}"
    )  # fmt: skip
    series = read_series(data, "x.mbox")
    assert_same_trees(tmp_path, [ids[0], second], series)
    assert len(series.notes) == 1
    assert series.notes[0].startswith("cover letter '*** SUBJECT HERE ***' (line 1)")


def test_empty_commits(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    git(top, "checkout", "-q", "--detach", ids[1])
    tip = commit(top, "nothing\n")
    git(top, "checkout", "-q", "master")
    data = format_patch(top, f"{ids[0]}..{tip}", "--always")
    series = read_series(data, "x.mbox")
    assert_same_trees(top, ids[:2], series)
    assert series.notes == ("patch 2/2 holds no diff: nothing of it is checked",)


def test_directory_with_two_versions(
    history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    top, ids = history
    for version in (1, 2, 10):
        span = f"{ids[0]}..{ids[-1 if version == 10 else 1]}"
        git(top, "format-patch", "-q", f"-v{version}", "-o", str(tmp_path), span)
    series = read_path(tmp_path)
    assert_same_trees(top, ids, series)
    assert series.notes == ("v10 is checked; v1, v2 of the series is there as well",)


def test_mails_of_a_commit_message_are_not_split_off(tmp_path: Path) -> None:
    ids = awkward_history(tmp_path)
    (tmp_path / P2M).write_text(edit(11, "again\n"))
    message = (
        "x: y\n\nFrom a@b.c Thu Jan  1 00:00:00 1970\nno header: here\n\n"
        "From a@b.c Thu Jan  1 00:00:00 1970\n\nFrom: nobody\n"
    )
    ids = [ids[-1], commit(tmp_path, message)]
    data = format_patch(tmp_path, "HEAD^..HEAD")
    assert len(mails(data)) == 1
    series = read_series(data, "x.mbox")
    assert_same_trees(tmp_path, ids, series)
    assert [patch.subject for patch in series.patches] == ["x: y"]
