"""Make a git repository from the embedded tree, with a bad patch in its history."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BAD = REPOSITORY / "patches/bad_unmap_no_flush.patch"
# One scenario shows what the bad patch does.
QUICK = ("--scenario", "unmap-4k/own-vttbr/1-pcpu", "--profile", "P0-v8.0")

_NOBODY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


def git(top: Path, *arguments: str, date: int = 0) -> str:
    """Run git with nobody's configuration."""
    dates = {"GIT_AUTHOR_DATE": f"{date} +0000", "GIT_COMMITTER_DATE": f"{date} +0000"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=top,
        env=os.environ | _NOBODY | (dates if date else {}),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@dataclass(frozen=True)
class Commits:
    """A repository, and its commits, oldest first."""

    top: Path
    base: str
    note: str  # changes a file that is not run
    bad: str
    comment: str  # changes a comment in what is run
    fix: str

    @property
    def series(self) -> str:
        """Return the range of all commits but the base."""
        return f"{self.base}..{self.fix}"


def make_history(top: Path) -> Commits:
    """Make the repository."""
    shutil.copytree(REPOSITORY / "patches/base", top)
    git(top, "init", "-q", "-b", "main")
    commits = [_commit(top, 1, "base")]
    (top / "xen/common").mkdir(exist_ok=True)
    (top / "xen/common/README").write_text("not run\n")
    commits.append(_commit(top, 2, "xen: Add a note"))
    git(top, "apply", str(BAD))
    commits.append(_commit(top, 3, "xen/arm: p2m: Flush less"))
    source = top / "xen/arch/arm/mmu/p2m.c"
    source.write_text(source.read_text() + "/* the end */\n")
    commits.append(_commit(top, 4, "xen/arm: p2m: Say where it ends"))
    git(top, "apply", "-R", str(BAD))
    commits.append(_commit(top, 5, "xen/arm: p2m: Flush again"))
    return Commits(top, *commits)


def _commit(top: Path, number: int, subject: str) -> str:
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", subject, date=1_000_000_000 + 100 * number)
    return git(top, "rev-parse", "HEAD").strip()
