"""The README's commands for series and repositories, run by a shell as they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from git_history import QUICK, REPOSITORY, git, make_history

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## Patches, series and their base\n")[1].split("\n## ")[0]
LINES = re.findall(r"^```\n(.*?)^```$", SECTION, re.M | re.S)[0].splitlines()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the user's home: clones, patches, and programs on the path."""
    home = tmp_path_factory.mktemp("home")
    history = make_history(home / "xen")
    for name, commit in (("staging", history.base), ("my-branch", history.comment)):
        git(history.top, "branch", "-q", name, commit)
    git(history.top, "checkout", "-q", "my-branch")
    git(home, "clone", "-q", "--bare", "xen", "xen.git")
    series = ("staging..my-branch",)
    (home / "my.patch").write_text(
        git(history.top, "format-patch", "--stdout", "-1", history.bad)
    )
    git(history.top, "format-patch", "-q", "-o", str(home / "outgoing"), *series)
    (home / "thread").write_text(git(history.top, "format-patch", "--stdout", *series))
    programs = home / "bin"
    programs.mkdir()
    harness = [sys.executable, "-m", "harness"]
    _program(programs / "harness", f'{shlex.join(harness)} "$@" {shlex.join(QUICK)}')
    _program(programs / "b4", f"cat {shlex.quote(str(home / 'thread'))}")
    (home / "commits").write_text(f"{history.base} {history.bad}")
    return home


def _program(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\nexec {command}\n")
    path.chmod(0o755)


def _run(home: Path, line: str, directory: Path) -> subprocess.CompletedProcess[str]:
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=directory,
        env=os.environ
        | {"HOME": str(home), "PATH": path, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_there_are_all_forms() -> None:
    assert len(LINES) == 6


@pytest.mark.parametrize("line", [line for line in LINES if "bisect" not in line])
def test_lines_run(line: str, home: Path) -> None:
    relative = line.startswith("harness check") and ".." not in line
    done = _run(home, line, home if relative else home / "xen")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "error[missing-tlbi-after-unmap]" in done.stdout
    if line.split()[-1] != "~/xen":  # a whole series
        assert "= brought in by: patch 2/3: xen/arm: p2m: Flush less" in done.stdout


def test_bisect_line_runs(home: Path, tmp_path: Path) -> None:
    (line,) = (line for line in LINES if "bisect" in line)
    base, bad = (home / "commits").read_text().split()
    git(home, "clone", "-q", "xen", str(tmp_path / "clone"))
    git(tmp_path / "clone", "bisect", "start", "HEAD", base)
    done = _run(home, line, tmp_path / "clone")
    assert f"{bad} is the first bad commit" in done.stdout, done.stderr


def test_a_quoted_patch_is_recovered(home: Path) -> None:
    _, _, body = (home / "my.patch").read_text().partition("\n\n")
    quoted = "".join(f"> {line}\n" for line in body.splitlines())
    reply = (
        f"From: B <b@example.com>\nSubject: Re: [PATCH] x\n\nHi,\n\n{quoted}\nWhy?\n"
    )
    (home / "reply").write_text(reply)
    done = _run(home, "harness check reply --tree xen.git", home)
    assert done.returncode == 1, done.stderr
    assert "recovered, verified" in done.stdout
    # Without the ids nothing proves it.
    (home / "reply").write_text(re.sub(r"(?m)^> index .*\n", "", reply))
    done = _run(home, "harness check reply --tree xen.git --base staging", home)
    assert "recovered, not verifiable" in done.stdout + done.stderr
