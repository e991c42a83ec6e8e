"""Series of patches and git repositories, from the command line, with real git."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from git_history import QUICK, REPOSITORY, Commits, git, make_history

from harness.cli import main

Report = dict[str, Any]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Commits:
    """Make a repository whose third commit is bad and whose fifth mends it."""
    return make_history(tmp_path_factory.mktemp("git") / "xen")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a command and returns its code and output."""

    def running(*arguments: object, given: str | None = None) -> tuple[int, str]:
        if given is not None:
            stream = io.TextIOWrapper(io.BytesIO(given.encode()))
            monkeypatch.setattr(sys, "stdin", stream)
        code = main([str(a) for a in arguments] + [*QUICK, "--jobs", "1"])
        out, err = capsys.readouterr()
        return code, out or err

    return running


def state(top: Path) -> str:
    """Return what a check must not change: refs, index, files."""
    index = top / ".git/index"
    return "\n".join(
        [
            git(top, "for-each-ref"),
            (top / ".git/HEAD").read_text(),
            str(index.stat().st_mtime_ns) + str(index.read_bytes()),
            *(f"{p} {p.stat().st_mtime_ns}" for p in sorted(top.rglob("*"))),
        ]
    )


def errors(report: Report) -> list[tuple[int, int]]:
    """Return, for each new error, which patch brings it in and which mends it."""
    return [
        (f["patch"], f["fixed_by"])
        for f in report["findings"]
        if (f["status"], f["severity"]) == ("new", "error")
    ]


def test_a_range(history: Commits, run: Any) -> None:
    before = state(history.top)
    code, out = run("check", history.series, "--tree", history.top, "--format", "json")
    report = json.loads(out)
    assert code == 1
    assert errors(report) == [(2, 4)]
    assert report["base_commit"] == history.base
    assert report["base"] == (
        f'{history.base[:12]} ("base") (parent of the first commit)'
    )
    assert [p["commit"] for p in report["patches"]] == [
        history.note, history.bad, history.comment, history.fix
    ]  # fmt: skip
    # The note changes nothing that is run: its tree is not run again.
    assert report["bounds"]["executions"] == 4
    assert state(history.top) == before


def test_a_range_in_words(history: Commits, run: Any) -> None:
    _, out = run("check", history.series, "--tree", history.top)
    assert "patch 2/4: xen/arm: p2m: Flush less (1 file)\n" in out
    assert "  = brought in by: patch 2/4: xen/arm: p2m: Flush less\n" in out
    assert "  = mended again by: patch 4/4: xen/arm: p2m: Flush again\n" in out
    assert "1 new error, 1 of them mended by a later patch" in out


def test_one_commit(history: Commits, run: Any) -> None:
    code, out = run("check", history.bad, "--tree", history.top, "-q")
    assert (code, "missing-tlbi-after-unmap" in out) == (1, True)
    code, out = run("check", "HEAD", "--tree", history.top)
    assert code == 0
    assert re.search(r"^fixed\[missing-tlbi-after-unmap\]:", out, re.M)
    code, out = run("check", "HEAD~9", "--tree", history.top)
    assert code == 2
    assert "no such file, and no such commit in" in out


def test_format_patch_from_a_pipe(history: Commits, run: Any) -> None:
    mails = git(history.top, "format-patch", "--stdout", history.series)
    code, out = run(
        "check", "-", "--tree", history.top, "--format", "json", given=mails
    )
    report = json.loads(out)
    assert (code, errors(report)) == (1, [(2, 4)])
    # The newer commit with the note has the source as well, but the note, too.
    assert report["base"].endswith("(newest commit with the pre-image blobs)")
    assert report["base_commit"] == history.base


def test_a_stated_base(history: Commits, run: Any) -> None:
    mails = git(
        history.top,
        "format-patch",
        "--stdout",
        f"--base={history.base}",
        history.series,
    )
    _, out = run("check", "--tree", history.top, "--format", "json", given=mails)
    report = json.loads(out)
    assert report["base"] == f'{history.base[:12]} ("base") (base-commit trailer)'
    assert errors(report) == [(2, 4)]


def test_a_directory_of_patches(
    history: Commits,
    run: Any,
    tmp_path: Path,
) -> None:
    git(history.top, "format-patch", "-o", str(tmp_path), history.series)
    arguments = ("check", tmp_path, "--tree", history.top, "--format", "json")
    code, out = run(*arguments, "--base", history.base)
    assert (code, errors(json.loads(out))) == (1, [(2, 4)])


def as_b4(mails: str) -> str:
    """Return mails as ``b4 am -o-`` writes them: few headers, one separator."""
    made = []
    for mail in re.split(r"^From [0-9a-f]{40} .*\n", mails, flags=re.M)[1:]:
        head, _, body = mail.partition("\n\n")
        fields = dict(
            line.split(": ", 1) for line in head.replace("\n ", " ").split("\n")
        )
        made.append(
            "From git@z Thu Jan  1 00:00:00 1970\n"
            f"Subject: {fields['Subject']}\n"
            f"From: {fields['From']}\n"
            f"Date: {fields['Date']}\n"
            f"Message-Id: <{len(made)}@example.com>\n\n{body}"
        )
    return "".join(made)


@pytest.mark.parametrize("without", [0, 3])
def test_what_b4_am_writes(history: Commits, run: Any, without: int) -> None:
    mails = as_b4(git(history.top, "format-patch", "--stdout", history.series))
    parts = re.split(r"(?m)^(?=From git@z )", mails)[1:]
    if without:
        del parts[without - 1]
    arguments = ("check", "-", "--tree", history.top, "--format", "json")
    code, out = run(*arguments, given="".join(parts))
    report = json.loads(out)
    assert report["base_commit"] == history.base
    assert (code, errors(report)) == (1, [(2, 3 if without else 4)])
    assert [note for note in report["notes"] if "missing" in note] == (
        ["patch 3/4 is missing"] if without else []
    )


def test_a_bare_repository(
    history: Commits,
    run: Any,
    tmp_path: Path,
) -> None:
    bare = tmp_path / "xen.git"
    git(tmp_path, "clone", "-q", "--bare", str(history.top), str(bare))
    mail = git(history.top, "format-patch", "--stdout", "-1", history.bad)
    code, out = run("check", "-", "--tree", bare, "--format", "json", given=mail)
    report = json.loads(out)
    assert (code, errors(report)) == (1, [(1, 0)])
    assert report["base_commit"] == history.note
    code, out = run("audit", "--tree", bare, "-q")
    assert code == 0
    code, out = run("audit", "--tree", bare, "--base", history.bad, "-q")
    assert code == 1
    assert "missing-tlbi-after-unmap" in out


def test_local_changes_are_not_checked(
    history: Commits,
    run: Any,
    tmp_path: Path,
) -> None:
    top = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(history.top), str(top))
    plain = "--- a/xen/Makefile\n+++ b/xen/Makefile\n@@ -1,2 +1,3 @@\n"
    first, second, *_ = (top / "xen/Makefile").read_text().split("\n")
    plain += f"+# a comment\n {first}\n {second}\n"
    (top / "xen/arch/arm/mmu/p2m.c").write_text("broken")
    code, out = run("check", "-", "--tree", top, given=plain)
    assert code == 0
    head = git(top, "rev-parse", "HEAD")[:12]
    assert f'base:  {head} ("xen/arm: p2m: Flush again") (HEAD)' in out
    note = "note:  local changes in the working directory are left out:"
    assert note in out
    code, out = run("audit", "--tree", top)  # as it is
    assert code == 2


def test_what_a_later_patch_makes_use_of(
    history: Commits, run: Any, tmp_path: Path
) -> None:
    """A function that nothing calls yet, in a header that nothing includes yet."""
    top = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(history.top), str(top))
    (top / "xen/include/xen/later.h").write_text(
        "static inline int later(int x)\n{\n    return x + 1;\n}\n"
    )
    git(top, "add", "-A")
    git(top, "commit", "-qm", "one")
    source = top / "xen/arch/arm/mmu/p2m.c"
    lines = source.read_text().split("\n")
    flag = lines.index("    p2m->need_flush = false;")
    lines[flag] += "\n    if ( later(1) == 1 )\n        p2m->need_flush = later(2);"
    include = next(n for n, line in enumerate(lines) if line.startswith("#include"))
    lines[include] = "#include <xen/later.h>\n" + lines[include]
    source.write_text("\n".join(lines))
    git(top, "commit", "-qam", "two")
    _, out = run("check", "HEAD~2..HEAD", "--tree", top, "--format", "json")
    report = json.loads(out)
    # What only the last patch touches and nothing runs stays.
    condition, missing = sorted(report["not_executed"])
    assert re.search(r"^p2m_.* \(xen/arch/arm/mmu/p2m.c:\d+\)$", missing)
    assert re.search(r"^condition that goes one way only in p2m_", condition)
    _, out = run("check", "HEAD~1", "--tree", top, "--format", "json")
    report = json.loads(out)
    assert report["not_executed"] == ["xen/include/xen/later.h (not run)"]


BISECT = [sys.executable, "-m", "harness", "check", "--bisect", "--tree", ".", *QUICK]


def test_git_bisect_run(history: Commits, tmp_path: Path) -> None:
    """The first bad commit is found, skips and all."""
    top = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(history.top), str(top))
    git(top, "checkout", "-q", "-b", "more", history.comment)
    source = top / "xen/arch/arm/mmu/p2m.c"
    whole = source.read_text()
    for number, text in enumerate(["int broken(;\n", whole, whole + "/* more */\n"]):
        source.write_text(text)
        git(top, "commit", "-qam", f"more {number}")
    git(top, "bisect", "start", "HEAD", history.base)
    done = subprocess.run(
        ["git", "bisect", "run", *BISECT, "--jobs", "1"],
        cwd=top,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert f"{history.bad} is the first bad commit" in done.stdout, done.stderr
    assert git(top, "status", "--porcelain") == ""


def test_bisect_skips_what_cannot_be_judged(history: Commits, tmp_path: Path) -> None:
    top = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(history.top), str(top))
    (top / "xen/arch/arm/mmu/p2m.c").write_text("int broken(;\n")
    done = subprocess.run(
        BISECT,
        cwd=top,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert done.returncode == 125


def test_commands_at_once(history: Commits, tmp_path: Path) -> None:
    """Checks that run at the same time do not disturb one another."""
    command = [sys.executable, "-m", "harness", "check", "--tree", str(history.top)]
    command += [*QUICK, "--jobs", "1", "-q"]
    place = {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(tmp_path)}
    started = [
        subprocess.Popen(
            [*command, name],
            env=os.environ | place,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in (history.note, history.bad)
    ]
    for process in started:
        process.communicate()
    assert [process.returncode for process in started] == [0, 1]
