"""Make small repositories, and compare what a series makes with what was committed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from xen_shaped import P2M, commit_all, edit, git, make_tree

from harness.series import Patch, Series

CRLF = "xen/arch/arm/crlf.c"
LATIN = "xen/arch/arm/latin.c"
LONG = "xen/arch/arm/long.c"
MESSAGES = (
    "xen/arm: p2m: change a line\n\nWhy: it was wrong.\n",
    "xen/arm: a message like a mailbox\n\n"
    "From here on it gets hard\n"
    ">From there as well\n"
    ">>From there too\n"
    "From a@b.c Thu Jan  1 00:00:00 1970\n"
    "and that was no new mail\n",
    "xen/arm: carriage returns, latin-1 and long lines\n\n"
    "A diff begins with diff --git or with Index: and a name\n",
    "xen/arm: Jürgen moves files and changes a mode\n\nÜber.\n",
    "xen/arm: a file without a last newline\n",
)


def awkward_history(top: Path) -> list[str]:
    """Make a repository with five commits on a base; return all ids, base first."""
    make_tree(top)
    (top / CRLF).write_bytes(b"".join(b"line %d\r\n" % n for n in range(30)))
    (top / LATIN).write_bytes(b"/* \xe9\xff */\n" * 9)
    (top / LONG).write_bytes(b"int a;\n" * 9)
    commit_all(top)
    ids = [head(top)]
    (top / P2M).write_text(edit(10, "ten\n\n\f\nmore\n"))
    ids.append(commit(top, MESSAGES[0]))
    (top / P2M).write_text(edit(30, "From now on Thu Jan  1 00:00:00 1970\n"))
    ids.append(commit(top, MESSAGES[1]))
    _bytes(top)
    ids.append(commit(top, MESSAGES[2]))
    _moves(top)
    ids.append(commit(top, MESSAGES[3]))
    (top / "xen/new.h").write_text("#define NEW 1")
    (top / "xen/empty.h").touch()
    ids.append(commit(top, MESSAGES[4]))
    return ids


def _bytes(top: Path) -> None:
    lines = (top / CRLF).read_bytes().split(b"\n")
    lines[7] = b"changed \r in the middle\r"
    lines[20:22] = [b"no carriage return", b"two\r\r"]
    (top / CRLF).write_bytes(b"\n".join(lines))
    (top / LATIN).write_bytes(b"/* \xe9\xff */\n" * 4 + b"\xc3\x28 \t \n\xa0\n")
    (top / LONG).write_bytes(b"int a;\n" * 8 + b"/* " + b"x" * 5000 + b" */\n=3D\n.\n")


def _moves(top: Path) -> None:
    git(top, "mv", CRLF, "xen/arch/arm/moved file.c")
    git(top, "mv", LATIN, "xen/arch/arm/\u00fcber.c")
    (top / "xen/arch/arm/\u00fcber.c").write_bytes(b"/* \xe9\xff */\n" * 6)
    (top / "xen/Makefile").chmod(0o755)
    (top / "xen/arch/x86/mm.c").unlink()


def head(top: Path) -> str:
    """Return the id of the checked-out commit."""
    return git(top, "rev-parse", "HEAD").decode().strip()


def commit(top: Path, message: str) -> str:
    """Commit everything as it is."""
    git(top, "add", "-A")
    git(top, "commit", "-q", "--cleanup=verbatim", "--allow-empty", "-m", message)
    return head(top)


def format_patch(top: Path, span: str, *options: str) -> bytes:
    """Return what ``git format-patch --stdout`` writes."""
    return git(top, "format-patch", "--stdout", *options, span)


def tree_of(top: Path, revision: str) -> str:
    """Return the id of a commit's tree."""
    return git(top, "rev-parse", f"{revision}^{{tree}}").decode().strip()


def tree_with(top: Path, base: str, patches: Sequence[Patch]) -> list[str]:
    """Apply patches by ``git apply`` in an index of its own; return tree ids."""
    index = top / ".git" / "index-of-test"
    index.unlink(missing_ok=True)
    environment = os.environ | {
        "GIT_INDEX_FILE": str(index),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }

    def run(*arguments: str, given: bytes = b"") -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=top,
            env=environment,
            input=given,
            check=True,
            capture_output=True,
        ).stdout.decode()

    run("read-tree", base)
    found = []
    for patch in patches:
        run(
            "apply",
            "--cached",
            "--whitespace=nowarn",
            f"-p{patch.strip}",
            given=patch.data,
        )
        found.append(run("write-tree").strip())
    return found


def assert_same_trees(top: Path, ids: Sequence[str], series: Series) -> None:
    """Check that each patch makes exactly the tree that was committed."""
    assert tree_with(top, ids[0], series.patches) == [
        tree_of(top, oid) for oid in ids[1:]
    ]


def mails(mbox: bytes) -> list[bytes]:
    """Split what format-patch wrote where it starts a mail, "From " line dropped."""
    starts = re.split(
        rb"^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001\n", mbox, flags=re.M
    )
    return starts[1:]
