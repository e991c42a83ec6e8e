"""The README's commands for versions and for several machines, as they stand."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from git_history import QUICK, REPOSITORY, Commits, git, make_history

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
VERSIONS = "Two versions, and what is known already"
_PROGRAM = """#!/bin/sh
case $1 in
    merge) exec {harness} "$@" ;;
    *) exec {harness} "$@" {quick} ;;
esac
"""


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _lines(title: str) -> list[str]:
    return re.findall(r"^```\n(harness .*?)^```$", _section(title), re.M | re.S)[
        0
    ].splitlines()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Commits:
    """Make the user's clone: two versions of a series, the first one with a fault."""
    commits = make_history(tmp_path_factory.mktemp("home") / "xen")
    top = commits.top
    git(top, "branch", "-q", "staging", commits.base)
    git(top, "branch", "-q", "v1", commits.comment)
    git(top, "branch", "-q", "my-branch", commits.comment)
    git(top, "checkout", "-q", "-b", "v2", commits.bad)
    source = top / "xen/arch/arm/mmu/p2m.c"
    source.write_text("/* the head */\n" + source.read_text() + "/* the end */\n")
    git(top, "commit", "-q", "-a", "-m", "xen/arm: p2m: Say where it begins")
    git(top.parent, "clone", "-q", "--bare", "xen", "xen.git")
    for name, commit in (("v1", commits.bad), ("v2", commits.note)):
        patch = git(top, "format-patch", "--stdout", "-1", commit)
        (top / f"{name}.patch").write_text(patch)
    programs = top.parent / "bin"
    programs.mkdir()
    harness = shlex.join([sys.executable, "-m", "harness"])
    program = programs / "harness"
    program.write_text(_PROGRAM.format(harness=harness, quick=shlex.join(QUICK)))
    program.chmod(0o755)
    return commits


def _run(history: Commits, line: str) -> subprocess.CompletedProcess[str]:
    home = history.top.parent
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=history.top,
        env=os.environ
        | {"HOME": str(home), "PATH": path, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_two_versions(history: Commits) -> None:
    patches, series, baseline = _lines(VERSIONS)
    done = _run(history, patches)
    assert done.stderr == ""
    # A file that no scenario runs: nothing is proved by it.
    assert re.search(r"^GONE   error\[missing-tlbi-after-unmap\]", done.stdout, re.M)
    assert (done.returncode, "v2 is inconclusive" in done.stdout) == (0, True)
    done = _run(history, series)
    assert (done.returncode, done.stderr) == (1, "")
    # It is some lines further down, and the same.
    assert re.search(r"^STILL  error\[missing-tlbi-after-unmap\]", done.stdout, re.M)
    assert not re.search(r"^(NEW|FIXED) ", done.stdout, re.M)
    saved = _run(history, "harness check staging..v1 --output json=v1.json")
    assert saved.returncode == 1
    done = _run(history, baseline)
    assert (done.returncode, done.stderr) == (0, "")
    assert "known: 1 finding, in the baseline as well: missing-tlbi-" in done.stdout
    assert "harness: inconclusive: " in done.stdout  # as v1 is, but for the finding
    assert "error[" not in done.stdout


def test_the_fates_are_those_that_there_are() -> None:
    from harness.check.comparison import Fate

    told = set(re.findall(r"`([A-Z]+)`", _section(VERSIONS)))
    assert told <= {fate.name for fate in Fate}
    assert {"NEW", "STILL", "FIXED", "GONE"} == told


def test_several_machines(history: Commits) -> None:
    *parts, merge = _lines("In CI, with b4 and with git")
    for line in parts:
        done = _run(history, line)
        assert (done.returncode, done.stderr) == (0, "")
        assert "harness: inconclusive: only part " in done.stdout
    whole = _run(history, "harness check staging..my-branch --format json")
    merged = _run(history, f"{merge} --format json")
    assert (whole.returncode, merged.returncode) == (1, 1)
    one, other = json.loads(whole.stdout), json.loads(merged.stdout)
    assert list(one["stats"]) == ["seconds"]
    assert {**one, "stats": 0} == {**other, "stats": 0}
    # One is missing, and one is there twice.
    for files in ("part-1.json", "part-1.json part-2.json part-2.json"):
        done = _run(history, f"harness merge {files}")
        assert (done.returncode, done.stdout) == (2, "")
