"""Git's own ways to run a check: its hooks, and the search for a bad commit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from example_files import EXAMPLES, Home, read_yaml
from git_history import Commits, git, make_history

HOOK = EXAMPLES / "sendemail-validate"
RULE = "missing-tlbi-after-unmap"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Commits:
    """Make a repository whose third commit is bad."""
    return make_history(tmp_path_factory.mktemp("git") / "xen")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Make a developer's home."""
    return Home.at(tmp_path_factory.mktemp("developer") / "home")


@pytest.fixture
def clone(history: Commits, tmp_path: Path) -> Path:
    """Return a fresh clone of the repository."""
    git(tmp_path, "clone", "-q", str(history.top), "xen")
    return tmp_path / "xen"


# ----------------------------------------------------------- sendemail-validate


@pytest.fixture
def hooked(clone: Path) -> Path:
    """Return a clone with the hook, and a linked worktree of it."""
    shutil.copy(HOOK, clone / ".git/hooks/sendemail-validate")
    git(clone, "worktree", "add", "-q", "--detach", str(clone.parent / "linked"))
    return clone


def mails(clone: Path, series: str, *more: str) -> list[str]:
    """Write a series as mails and return their names."""
    out = clone.parent / "outgoing"
    shutil.rmtree(out, ignore_errors=True)
    return git(clone, "format-patch", "-o", str(out), *more, series).split()


def send(home: Home, top: Path, *files: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("git-send-email", path=_exec_path()) is None:
        if os.environ.get("HARNESS_REQUIRE_REAL"):
            pytest.fail("git send-email is required here")
        pytest.skip("git send-email is not installed")
    options = ("--dry-run", "--to=b@example.com", "--confirm=never", "--quiet")
    return home.run(top, "git", "send-email", *options, *files)


def _exec_path() -> str:
    done = subprocess.run(["git", "--exec-path"], capture_output=True, text=True)
    return done.stdout.strip()


def test_a_bad_series_is_not_sent(home: Home, hooked: Path, history: Commits) -> None:
    bad = mails(hooked, f"{history.note}..{history.comment}")
    for top in (hooked, hooked.parent / "linked"):
        done = send(home, top, *bad)
        assert done.returncode != 0
        assert f"error[{RULE}]" in done.stdout
        assert "rejected by sendemail-validate hook" in done.stdout


def test_a_good_patch_is_sent(home: Home, hooked: Path, history: Commits) -> None:
    good = mails(hooked, f"{history.bad}..{history.comment}")
    done = send(home, hooked, *good)
    assert done.returncode == 0, done.stdout
    assert "harness: clean" in done.stdout
    # As a commit hook, or git rebase --exec, would leave them.
    left = {"GIT_INDEX_FILE": "nowhere", "GIT_WORK_TREE": "/nowhere"}
    home = Home(home.path, left)
    done = hook(home, hooked, good[0])
    assert done.returncode == 0, done.stdout
    assert "harness: clean" in done.stdout


def test_a_mail_without_a_patch_is_sent(home: Home, hooked: Path) -> None:
    cover = hooked.parent / "0000-cover-letter.patch"
    cover.write_text("From: A <a@example.com>\nSubject: [PATCH 0/1] x\n\nHi\n---\n x\n")
    done = send(home, hooked, str(cover))
    assert done.returncode == 0, done.stdout
    assert "harness" not in done.stdout


def hook(
    home: Home, top: Path, *arguments: str, number: int = 1, total: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run the hook as a git that numbers the mails does."""
    return home.run(
        top,
        str(top / ".git/hooks/sendemail-validate"),
        *arguments,
        GIT_DIR=str(top / ".git"),
        GIT_SENDEMAIL_FILE_COUNTER=str(number),
        GIT_SENDEMAIL_FILE_TOTAL=str(total),
    )


def numbered(home: Home, top: Path, files: list[str]) -> list[tuple[int, str]]:
    done = [
        hook(home, top, name, "headers", number=number, total=len(files))
        for number, name in enumerate(files, 1)
    ]
    return [(each.returncode, each.stdout) for each in done]


def test_a_series_is_checked_when_all_of_it_is_known(
    home: Home, hooked: Path, history: Commits
) -> None:
    series = mails(
        hooked, f"{history.base}..{history.comment}", "--cover-letter", "--quiet"
    ) or sorted(map(str, (hooked.parent / "outgoing").iterdir()))
    assert len(series) == 4
    *first, (code, said) = numbered(home, hooked, series)
    assert first == [(0, "")] * 3
    assert code == 1
    assert "brought in by: patch 2/3: xen/arm: p2m: Flush less" in said
    # What was left of that does not come into the next one.
    good = mails(hooked, f"{history.bad}..{history.comment}")
    ((code, said),) = numbered(home, hooked, good)
    assert (code, said.count("(1 file)")) == (0, 1)


def test_git_runs_the_hook(home: Home, hooked: Path, history: Commits) -> None:
    (bad,) = mails(hooked, f"{history.note}..{history.bad}")
    run = ("git", "hook", "run", "sendemail-validate", "--", bad)
    done = home.run(hooked, *run)
    assert done.returncode == 1
    assert f"error[{RULE}]" in done.stdout


# ------------------------------------------------------------------- pre-commit


@pytest.fixture
def committing(clone: Path) -> Path:
    """Return a clone whose hook runs what the pre-commit configuration says."""
    (entry,) = read_yaml("pre-commit-config.yaml")["repos"][0]["hooks"]
    assert entry["language"] == "system"
    assert entry["pass_filenames"] is False
    hook = clone / ".git/hooks/pre-commit"
    hook.write_text(f"#!/bin/sh\n{entry['entry']}\n")
    hook.chmod(0o755)
    return clone


def test_a_bad_commit_is_refused(
    home: Home, committing: Path, history: Commits
) -> None:
    git(committing, "checkout", "-q", history.note)
    change = git(committing, "diff", history.note, history.bad)
    (committing.parent / "change").write_text(change)
    git(committing, "apply", "--index", str(committing.parent / "change"))
    # Only what is in the index is committed: this time the bad change.
    source = committing / "xen/arch/arm/mmu/p2m.c"
    source.write_text(
        git(committing, "show", f"{history.note}:{source.relative_to(committing)}")
    )
    done = home.run(committing, "git", "commit", "-m", "x")
    assert done.returncode == 1, done.stdout
    assert f"error[{RULE}]" in done.stdout
    assert git(committing, "rev-parse", "HEAD").strip() == history.note


def test_a_good_commit_is_made(home: Home, committing: Path, history: Commits) -> None:
    git(committing, "checkout", "-q", history.bad)
    source = committing / "xen/arch/arm/mmu/p2m.c"
    source.write_text(source.read_text() + "/* more */\n")
    done = home.run(committing, "git", "commit", "-a", "-m", "x")
    assert done.returncode == 0, done.stdout
    assert "harness: clean" in done.stdout
