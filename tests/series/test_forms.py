"""Every form in which patches are handed over gives the author's trees."""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from histories import (
    MESSAGES,
    assert_same_trees,
    awkward_history,
    format_patch,
    mails,
    tree_of,
    tree_with,
)
from xen_shaped import git

from harness.errors import PatchError
from harness.series import Series, read_series
from harness.series.path import read_path

SUBJECTS = [message.partition("\n")[0] for message in MESSAGES]
SEPARATOR = b"From git@z Thu Jan  1 00:00:00 1970\n"
PREFIXES = ["--src-prefix=i/", "--dst-prefix=w/"]
LORE = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    top = tmp_path_factory.mktemp("history")
    return top, awkward_history(top)


def span(ids: list[str]) -> str:
    return f"{ids[0]}..{ids[-1]}"


def subjects(series: Series) -> list[str]:
    return [patch.subject for patch in series.patches]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--pretty=mboxrd"],
        ["--no-numbered"],
        ["-v3", "--rfc"],
        ["--subject-prefix=XEN PATCH for-4.20 v2", "--numbered"],
        ["--full-index", "--binary", "-M", "-C", "--find-copies-harder"],
        ["--no-renames", "--signature=-- a\n- b"],
        ["-U0"],
        ["-U40"],
        ["--no-prefix"],
        ["--attach"],
        ["--inline"],
        ["--no-signature", "--no-stat"],
        ["--thread", "--cover-letter", "-M"],
        ["--from=Somebody Else <else@example.com>"],
        ["--minimal", "--patience", "--zero-commit", "--add-header=X-Y: z"],
    ],
    ids=" ".join,
)
def test_format_patch(history: tuple[Path, list[str]], options: list[str]) -> None:
    top, ids = history
    unidiff_zero = "-U0" in options
    series = read_series(format_patch(top, span(ids), *options), "x.mbox")
    if unidiff_zero:
        assert len(series.patches) == 5
        return
    assert_same_trees(top, ids, series)
    assert subjects(series) == SUBJECTS
    assert {patch.author for patch in series.patches} == {"A <a@example.com>"}
    unnumbered = "--no-numbered" in options
    numbers = [(patch.number, patch.total) for patch in series.patches]
    assert numbers == ([(0, 0)] * 5 if unnumbered else [(n, 5) for n in range(1, 6)])
    assert series.notes == (
        ("5 patches without numbers: taken in their order",) if unnumbered else ()
    )


def test_keeps_subjects_without_brackets(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    series = read_series(format_patch(top, span(ids), "-k"), "x.mbox")
    assert_same_trees(top, ids, series)
    assert subjects(series) == SUBJECTS


def recoded(mbox: bytes, encoding: str, newline: bytes) -> bytes:
    """Encode the bodies of mails as a mailer would."""
    found = b""
    for mail in mails(mbox):
        head, _, body = mail.partition(b"\n\n")
        lines = [line for line in head.split(b"\n") if b"Content-Transfer" not in line]
        lines.append(f"Content-Transfer-Encoding: {encoding}".encode())
        if b"MIME-Version: 1.0" not in lines:
            lines.append(b"MIME-Version: 1.0")
        if encoding == "base64":
            coded = base64.encodebytes(body)
        else:  # a CR of the text is no end of a line
            coded = b"\n".join(
                binascii.b2a_qp(line, istext=False) for line in body.split(b"\n")
            )
        whole = b"\n".join(lines) + b"\n\n" + coded
        found += SEPARATOR.replace(b"\n", newline) + whole.replace(b"\n", newline)
        found += newline
    return found


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_encoded_bodies(
    history: tuple[Path, list[str]], encoding: str, newline: bytes
) -> None:
    top, ids = history
    data = recoded(format_patch(top, span(ids)), encoding, newline)
    series = read_series(data, "x.mbox")
    assert_same_trees(top, ids, series)
    assert subjects(series) == SUBJECTS


def test_base64_with_lines_of_any_length(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    for width in (4, 20, 76, 100_000):
        data = b""
        for mail in mails(format_patch(top, span(ids))):
            head, _, body = mail.partition(b"\n\n")
            head = head.replace(b"8bit", b"base64")
            if b"base64" not in head:
                head += b"\nContent-Transfer-Encoding: base64"
            text = base64.b64encode(body)
            coded = [text[n : n + width] for n in range(0, len(text), width)]
            data += SEPARATOR + head + b"\n\n" + b"\n".join(coded) + b"\n"
        assert_same_trees(top, ids, read_series(data, "x.mbox"))


def test_carriage_returns_of_the_transport(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    data = format_patch(top, span(ids)).replace(b"\n", b"\r\n")
    assert_same_trees(top, ids, read_series(data, "x.mbox"))


@pytest.mark.parametrize("separator", [SEPARATOR, LORE])
def test_mails_as_b4_and_lore_write_them(
    history: tuple[Path, list[str]], separator: bytes
) -> None:
    top, ids = history
    if separator is LORE:
        parts = mails(format_patch(top, span(ids), "--pretty=mboxrd"))
    else:
        parts = mails(format_patch(top, span(ids)))
    data = b"".join(separator + part for part in parts)
    series = read_series(data, "x.mbox")
    assert_same_trees(top, ids, series)
    assert subjects(series) == SUBJECTS


def test_order_does_not_matter(history: tuple[Path, list[str]]) -> None:
    top, ids = history
    parts = mails(format_patch(top, span(ids), "--cover-letter"))
    dice = random.Random(0)
    for _ in range(3):
        dice.shuffle(parts)
        data = b"".join(SEPARATOR + part for part in parts)
        assert_same_trees(top, ids, read_series(data, "x.mbox"))


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf", b"\n\n", b"\r\n"])
def test_one_mail_without_a_from_line(
    history: tuple[Path, list[str]], bom: bytes
) -> None:
    top, ids = history
    for number, mail in enumerate(mails(format_patch(top, span(ids)))):
        series = read_series(bom + mail, "<stdin>")
        (patch,) = series.patches
        made = tree_with(top, ids[number], [patch])
        assert made == [tree_of(top, ids[number + 1])]
        assert patch.subject == SUBJECTS[number]
        assert series.notes == (
            f"patch {number + 1}/5 on its own: the others are not there",
        )


def test_directory(history: tuple[Path, list[str]], tmp_path: Path) -> None:
    top, ids = history
    git(top, "format-patch", "-q", "--cover-letter", "-o", str(tmp_path), span(ids))
    (tmp_path / "README").write_text("no patch\n")
    series = read_path(tmp_path)
    assert_same_trees(top, ids, series)
    assert subjects(series) == SUBJECTS
    assert series.notes == ()
    assert series.patches[0].name.endswith("/0001-xen-arm-p2m-change-a-line.patch")


def test_directory_without_numbers_in_subjects(
    history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    top, ids = history
    git(top, "format-patch", "-q", "-N", "-o", str(tmp_path), span(ids))
    files = sorted(tmp_path.iterdir())
    for file, number in zip(files, (9, 10, 11, 100, 1000), strict=True):
        file.rename(tmp_path / f"{number}-{file.name.partition('-')[2]}")
    series = read_path(tmp_path)
    assert_same_trees(top, ids, series)
    assert series.notes == (
        "5 patches without numbers: taken in their order",
        "no file between number 11 and 100",
        "no file between number 100 and 1000",
    )


def test_directory_of_bare_diffs(
    history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    top, ids = history
    for number in range(5):
        data = git(top, "diff", "--binary", ids[number], ids[number + 1])
        (tmp_path / f"{number + 1}-x.diff").write_bytes(data)
    assert_same_trees(top, ids, read_path(tmp_path))


def test_maildir(history: tuple[Path, list[str]], tmp_path: Path) -> None:
    top, ids = history
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
    for number, mail in enumerate(mails(format_patch(top, span(ids)))):
        folder = "new" if number % 2 else "cur"
        name = f"17000000{10 - number}.M1P2.host,S=1:2,S"
        (tmp_path / folder / name).write_bytes(mail)
    series = read_path(tmp_path)
    assert_same_trees(top, ids, series)


@pytest.mark.parametrize(
    "command",
    [
        lambda top, old, new: git(top, "diff", old, new),
        lambda top, old, new: git(top, "diff", "--stat", "-p", "-M", old, new),
        lambda top, old, new: git(top, "show", "-M", new),
        lambda top, old, new: git(top, "show", "--pretty=fuller", "--stat", "-p", new),
        lambda top, old, new: git(top, "log", "-p", "-1", "--full-index", new),
        lambda top, old, new: git(top, "diff", *PREFIXES, old, new),
    ],
)  # fmt: skip
def test_diffs(
    history: tuple[Path, list[str]], command: Callable[[Path, str, str], bytes]
) -> None:
    top, ids = history
    for old, new in pairwise(ids):
        (patch,) = read_series(command(top, old, new), "p").patches
        assert tree_with(top, old, [patch]) == [tree_of(top, new)]
    shown = read_series(git(top, "show", ids[1]), "p").patches[0]
    assert (shown.subject, shown.author, shown.commit) == (
        SUBJECTS[0],
        "A <a@example.com>",
        ids[1],
    )


def test_log_of_several_commits_is_refused(history: tuple[Path, list[str]]) -> None:
    top, _ = history
    with pytest.raises(PatchError, match=r"^p:\d+: output of git log with several"):
        read_series(git(top, "log", "-p", "-2"), "p")
