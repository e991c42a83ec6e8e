"""Random histories, written in random forms, read back to the same trees."""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from histories import (
    assert_same_trees,
    commit,
    format_patch,
    head,
    mails,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from xen_shaped import git

from harness.errors import PatchError
from harness.series import Series, read_series
from harness.series.commits import read_commits
from harness.series.path import read_path
from harness.series.repository import Repository

SEPARATOR = b"From git@z Thu Jan  1 00:00:00 1970\n"
LORE = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
LINES = st.sampled_from(
    [
        b"", b"a", b"b", b"int x;", b"\t{", b" ", b"-", b"-- ", b"--- a/x", b"+++ b/x",
        b"@@ -1 +1 @@", b"diff --git a/x b/x", b"index 1234567..7654321 100644",
        b"From a@b.c Thu Jan  1 00:00:00 1970", b">From x", b"> @@ -1 +1 @@",
        b"rename from x", b"GIT binary patch", b"Binary files a/x and b/x differ",
        b"\r", b"x\r", b"\rx", b"\f", b"\xff", b"\xc3\xa9", b"=", b"=3D", b".",
        b"x " * 600,
        b"\\ No newline at end of file", b"Subject: x", b"base-commit: 1234567",
    ]
)  # fmt: skip
CONTENT = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(LINES, max_size=12),
    st.sampled_from([b"", b"\n"]),
)
NAMES = st.sampled_from(
    [
        "xen/a.c",
        "xen/b.c",
        "xen/c d.h",
        "xen/\u00fc.h",
        'xen/q"q.c',
        "xen/sub/a.c",
        "top",
    ]
)
CHANGE = st.tuples(NAMES, st.none() | CONTENT, st.booleans())
MESSAGE_LINES = st.sampled_from(
    [
        "", "why", "From a@b.c Thu Jan  1 00:00:00 1970", "From here on", ">From there",
        ">>From", "Subject: other", "> @@ -1 +1 @@", "index of things", "\u00fcber",
        "--",
        "rename from here", "-- >8 --", "base-commit: none", "+more", " @@ -1 +1 @@",
    ]
)  # fmt: skip
TITLES = st.sampled_from(
    ["x: y", "xen/arm: J\u00fcrgen", "x: " + "long " * 30, "a [b] c"]
)
COMMIT = st.tuples(
    TITLES,
    st.lists(MESSAGE_LINES, max_size=5),
    st.lists(CHANGE, min_size=1, max_size=4),
)


def _mbox(top: Path, span: str, place: Path) -> Series:
    return read_series(format_patch(top, span, "-M"), "x")


def _escaped(top: Path, span: str, place: Path) -> Series:
    parts = mails(format_patch(top, span, "--pretty=mboxrd"))
    return read_series(b"".join(LORE + part for part in parts), "x")


def _reversed(top: Path, span: str, place: Path) -> Series:
    parts = mails(format_patch(top, span, "--numbered"))
    return read_series(b"".join(SEPARATOR + part for part in reversed(parts)), "x")


def _returns(top: Path, span: str, place: Path) -> Series:
    return read_series(format_patch(top, span).replace(b"\n", b"\r\n"), "x")


def _attached(top: Path, span: str, place: Path) -> Series:
    return read_series(format_patch(top, span, "--attach"), "x")


def _files(top: Path, span: str, place: Path) -> Series:
    git(top, "format-patch", "-q", "--full-index", "-o", str(place), span)
    return read_path(place)


def _commits(top: Path, span: str, place: Path) -> Series:
    repository = Repository.at(top)
    assert repository is not None
    return read_commits(repository, span)


def _encoded(encoding: bytes, code: Callable[[bytes], bytes]) -> Form:
    def form(top: Path, span: str, place: Path) -> Series:
        data = b""
        for part in mails(format_patch(top, span)):
            head, _, body = part.partition(b"\n\n")
            lines = [n for n in head.split(b"\n") if b"Transfer-Encoding" not in n]
            lines.append(b"Content-Transfer-Encoding: " + encoding)
            data += SEPARATOR + b"\n".join(lines) + b"\n\n" + code(body) + b"\n"
        return read_series(data, "x")

    return form


def _quoted_printable(body: bytes) -> bytes:
    return b"\n".join(binascii.b2a_qp(line, istext=False) for line in body.split(b"\n"))


Form = Callable[[Path, str, Path], Series]
Commit = tuple[str, list[str], list[tuple[str, bytes | None, bool]]]
FORMS: list[Form] = [
    _mbox,
    _escaped,
    _reversed,
    _returns,
    _attached,
    _files,
    _commits,
    _encoded(b"base64", base64.encodebytes),
    _encoded(b"quoted-printable", _quoted_printable),
]


def _is_split(commits: list[Commit]) -> bool:
    """Tell whether a message holds what looks like the start of another mail.

    Git, too, splits such a mailbox there, unless it is one with escapes.
    """
    texts = ("\n".join(lines) for _, lines, _ in commits)
    return any(re.search("^From a@b.*\\n(?:[!-9;-~]+:)", t, re.M) for t in texts)


def _write(top: Path, changes: list[tuple[str, bytes | None, bool]]) -> None:
    for name, content, executable in changes:
        path = top / name
        if content is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if executable else 0o644)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(CHANGE, max_size=5),
    st.lists(COMMIT, min_size=1, max_size=3),
    st.sampled_from(FORMS),
)
@example(
    [],
    [
        (
            "x",
            ["From a@b.c Thu Jan  1 00:00:00 1970", "Subject: y"],
            [("t", b"", False)],
        ),
        ("x", [], [("t", None, False)]),
    ],
    _mbox,
)
def test_trees_are_those_of_the_author(
    base: list[tuple[str, bytes | None, bool]],
    commits: list[Commit],
    form: Form,
) -> None:
    with tempfile.TemporaryDirectory() as place:
        top = Path(place) / "top"
        top.mkdir()
        git(top, "init", "-q")
        _write(top, base)
        commit(top, "base\n")
        ids = [head(top)]
        for title, lines, changes in commits:
            _write(top, changes)
            if git(top, "status", "--porcelain"):
                ids.append(commit(top, "\n".join([title, "", *lines, ""])))
        out = Path(place) / "out"
        out.mkdir()
        if len(ids) > 1:
            try:
                series = form(top, f"{ids[0]}..{ids[-1]}", out)
            except PatchError:
                # Refused is right then, other trees are not.
                assert _is_split(commits) and form not in (_escaped, _commits)
            else:
                assert_same_trees(top, ids, series)
        shutil.rmtree(out)
