"""Mails of several parts, and mails that are none."""

from __future__ import annotations

import base64
import gzip
from email.mime.application import MIMEApplication
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.parser import BytesParser
from pathlib import Path

import pytest
from histories import assert_same_trees, awkward_history, format_patch, mails
from test_threads import letter, mail

from harness.errors import PatchError
from harness.series import read_series


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    top = tmp_path_factory.mktemp("history")
    return top, awkward_history(top)


def refused(data: bytes) -> str:
    with pytest.raises(PatchError) as caught:
        read_series(data, "x")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def outer(subject: str, kind: str = "mixed") -> MIMEMultipart:
    message = MIMEMultipart(kind)
    message["From"] = "Jürgen <j@example.com>"
    message["Subject"] = subject
    return message


def test_patches_attached_to_a_cover_letter(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    message = outer("[PATCH v2 0/5] all of it")
    message.attach(MIMEText(f"see below\n\nbase-commit: {ids[0]}\n"))
    parts = mails(format_patch(top, f"{ids[0]}..{ids[-1]}"))
    for number, part in enumerate(reversed(parts)):
        attached = MIMEApplication(part, "octet-stream")
        attached.add_header(
            "Content-Disposition", "attachment", filename=f"{number}.patch"
        )
        message.attach(attached)
    message.attach(MIMEApplication(b"\x89PNG", "octet-stream", name="logo.png"))
    series = read_series(message.as_bytes(), "x")
    assert_same_trees(top, ids, series)
    assert series.base_commit == ids[0]
    assert "Jürgen" in str(series) or series.patches[3].subject.startswith("xen/arm: J")


@pytest.mark.parametrize("kind", ["patch", "mbox"])
def test_forwarded_mails(history: tuple[Path, list[str]], kind: str) -> None:
    top, ids = history
    message = outer("Fwd: see")
    message.attach(MIMEText("fyi\n"))
    if kind == "patch":  # Python's writer drops each CR
        ids = ids[:3]
    whole = format_patch(top, f"{ids[0]}..{ids[-1]}")
    if kind == "mbox":
        attached = MIMEApplication(whole, "mbox", name="series.mbox")
        attached.add_header("Content-Disposition", "attachment", filename="s.mbox")
        message.attach(attached)
    else:
        for part in mails(whole):
            inner = BytesParser().parsebytes(part)
            message.attach(MIMEMessage(inner))
    assert_same_trees(top, ids, read_series(message.as_bytes(), "x"))


def test_bare_diff_attached(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    (part,) = mails(format_patch(top, f"{ids[0]}..{ids[1]}"))
    diff = part[part.index(b"diff --git") :]
    message = outer("[PATCH] as attachment")
    message.attach(MIMEText("why\n"))
    message.attach(MIMEText(diff.decode(), "x-patch", "us-ascii"))
    series = read_series(message.as_bytes(), "x")
    assert_same_trees(top, ids[:2], series)
    assert series.patches[0].subject == "as attachment"
    assert series.patches[0].author == "Jürgen <j@example.com>"


def test_same_diff_inline_and_attached(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    (part,) = mails(format_patch(top, f"{ids[0]}..{ids[1]}"))
    text = part[part.index(b"diff --git") :].decode()
    message = outer("[PATCH] twice")
    message.attach(MIMEText(f"why\n---\n{text}"))
    message.attach(MIMEText(text, "x-patch"))
    assert_same_trees(top, ids[:2], read_series(message.as_bytes(), "x"))


@pytest.mark.parametrize("text", ["> @@ -1 +1 @@\n> -a\n> +b\n", "@@ -1 +1 @@\n-a\n"])
def test_whole_diff_attached_to_a_damaged_one(
    history: tuple[Path, list[str]], text: str
) -> None:
    top, ids = history
    (part,) = mails(format_patch(top, f"{ids[0]}..{ids[1]}"))
    message = outer("[PATCH v2 1/1] as my mailer breaks lines")
    message.attach(MIMEText(text))
    diff = part[part.index(b"diff --git") :]
    message.attach(MIMEText(diff.decode(), "x-patch", "us-ascii"))
    series = read_series(message.as_bytes(), "x")
    assert_same_trees(top, ids[:2], series)
    (patch,) = series.patches
    assert (patch.number, patch.version) == (1, 2)
    assert patch.notes == (
        "another part of the mail holds a quoted or damaged diff: "
        "the whole one is checked",
    )


def test_html_beside_the_text_is_ignored(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    (part,) = mails(format_patch(top, f"{ids[0]}..{ids[1]}"))
    text = part.partition(b"\n\n")[2].decode()
    message = outer("[PATCH] both", "alternative")
    message.attach(MIMEText(text))
    message.attach(MIMEText(f"<pre>\n{text}</pre>", "html"))
    assert_same_trees(top, ids[:2], read_series(message.as_bytes(), "x"))


def test_attachment_that_is_no_text_is_named() -> None:
    message = outer("[PATCH] x")
    message.attach(MIMEText(mail("x").partition(b"\n\n")[2].decode()))
    message.attach(MIMEApplication(b"\x89PNG", "octet-stream", name="logo.png"))
    message.attach(MIMEApplication(b"--", "pgp-signature"))
    (patch,) = read_series(message.as_bytes(), "x").patches
    assert patch.notes == ("attachment logo.png is no text: not read",)


def test_a_lone_carriage_return_ends_no_line_of_a_boundary() -> None:
    text = mail("x").partition(b"\n\n")[2].replace(b"+new 1", b"+new\r--B\r1")
    data = (
        b'From: a@b.c\nSubject: x\nContent-Type: multipart/mixed; boundary="B"\n\n'
        b"--B\nContent-Type: text/plain\n\n" + text + b"--B--\n"
    )
    (patch,) = read_series(data, "x").patches
    assert patch.files[0].hunks[0].post_image() == (b"new\r--B\r1\n",)


def test_a_lone_carriage_return_ends_no_header_field() -> None:
    data = mail("x").replace(
        b"Subject: x", b"Subject: x\rContent-Transfer-Encoding: base64"
    )
    (patch,) = read_series(data, "x").patches
    assert patch.files[0].hunks[0].post_image() == (b"new 1\n",)


@pytest.mark.parametrize("depth", [7, 9, 5000])
def test_parts_in_each_other(depth: int) -> None:
    body = mail("x").partition(b"\n\n")[2]
    head = b"From: a@b.c\nSubject: x\n"
    for n in range(depth):
        head += b'Content-Type: multipart/mixed; boundary="B%d"\n\n--B%d\n' % (n, n)
    data = head + b"\n" + body
    if depth == 7:
        assert read_series(data, "x").patches[0].files[0].hunks
    else:
        said = (
            "x:1: mail of more than 64 parts, or of parts in each other: "
            "save the patch alone"
        )
        assert refused(data) == said


def test_forwarded_in_forwarded_ends() -> None:
    data = mail("[PATCH] x")
    for _ in range(40):
        data = (
            b"From: a@b.c\nSubject: fwd\nMIME-Version: 1.0\n"
            b"Content-Type: message/rfc822\n\n" + data
        )
    (patch,) = read_series(data, "x").patches
    assert patch.files[0].hunks[0].post_image() == (b"new 1\n",)


def test_only_html_is_refused() -> None:
    data = (
        b"From: a@b.c\nSubject: x\nContent-Type: text/html\n\n<pre>\n"
        b"diff --git a/x b/x\n@@ -1 +1 @@\n&lt;</pre>\n"
    )
    said = "x:1: HTML mail: give its text, as the sender's git wrote it"
    assert refused(data) == said


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(mail("x")), "x:1: packed file: unpack it with gunzip"),
        (
            mail("x").decode().encode("utf-16"),
            "x:1: UTF-16 text: save the patch as git wrote it",
        ),
        (
            b"<!DOCTYPE html>\n<html>" + mail("x"),
            "x:1: web page: take the raw mail or its text (of lore: 'raw' or "
            "'mbox.gz')",
        ),
        (b"\x00" * 50, "x:1: no diff found: expected a unified diff or the output of "
         "git format-patch"),
        (letter("x", "y", "To: " + "a" * 300_000 + "\n"), "x:1: mail header is larger "
         "than 256 KiB"),
        (letter("x", "y", "Content-Type: " + "a;" * 4000 + "\n"), "x:1: mail with a "
         "field of 8015 bytes: refused"),
    ],
)  # fmt: skip
def test_what_is_no_patch_says_so(data: bytes, message: str) -> None:
    assert refused(data) == message


def test_damaged_base64_is_no_patch() -> None:
    body = base64.encodebytes(mail("x").partition(b"\n\n")[2])[:50]
    data = letter("[PATCH] x", "", "Content-Transfer-Encoding: base64\n") + body
    assert "no diff found" in refused(data)
