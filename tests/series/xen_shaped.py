"""Make small trees with the shape of Xen's, and patches to them by git diff."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

P2M = "xen/arch/arm/mmu/p2m.c"
SOURCE = "".join(f"line {n}\n" for n in range(1, 41))
MAKEFILE = """\
# a comment
export XEN_VERSION       = 4
export XEN_SUBVERSION    = 21
export XEN_EXTRAVERSION ?= -rc1$(XEN_VENDORVERSION)
"""


def make_tree(top: Path) -> Path:
    """Write the least that is recognised, and a few files to patch."""
    for name, text in {
        "xen/Makefile": MAKEFILE,
        "xen/include/xen/mm.h": "int mm;\n",
        "xen/include/public/xen.h": "int public_xen;\n",
        "xen/include/public/hvm/save.h": '#include "../xen.h"\n#include "near.h"\n',
        "xen/include/public/hvm/near.h": "int near;\n",
        "xen/arch/x86/mm.c": "int x86;\n",
        "xen/tools/symbols.c": "int tool;\n",
        P2M: SOURCE,
        "CHANGELOG.md": "old\n",
    }.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top


def git(directory: Path, *arguments: str, dates: str = "") -> bytes:
    """Run git with nobody's configuration; commits get the date given."""
    home = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    if dates:
        home |= {"GIT_AUTHOR_DATE": dates, "GIT_COMMITTER_DATE": dates}
    person = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    return subprocess.run(
        ["git", *person, *arguments],
        cwd=directory,
        env=os.environ | home,
        check=True,
        capture_output=True,
    ).stdout


def commit_all(top: Path) -> None:
    """Make the tree a repository with one commit."""
    git(top, "init", "-q")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")


def diff(top: Path, *options: str) -> bytes:
    """Return the difference of the work tree to its commit, and undo it."""
    git(top, "add", "-A")
    found = git(top, "diff", "--cached", *options, "HEAD")
    git(top, "reset", "-q", "--hard")
    return found


def fingerprint(top: Path) -> str:
    """Hash names, modes, link targets, times and contents of a whole tree."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names + folders):
            path = Path(folder) / name
            status = path.lstat()
            digest.update(f"{path} {status.st_mode} {status.st_mtime_ns}".encode())
            if path.is_symlink():
                digest.update(str(path.readlink()).encode())
            elif path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()


def edit(number: int, text: str, source: str = SOURCE) -> str:
    """Return the source with one line replaced."""
    lines = source.splitlines(keepends=True)
    lines[number - 1] = text
    return "".join(lines)
