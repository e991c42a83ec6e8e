"""The check commands of b4, run by b4 itself on a prepared branch and a mailbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from example_files import EXAMPLES, Home, commit_all, commit_patch
from git_history import BAD, REPOSITORY, git

CONFIG = EXAMPLES / "b4-config.sh"
# A change of which one scenario runs all: clean.
FLUSHED = "    p2m->need_flush = false;\n"
B4 = shutil.which("b4", path=str(Path(sys.executable).parent))
P2M = "xen/arch/arm/mmu/p2m.c"

pytestmark = pytest.mark.skipif(
    B4 is None and not os.environ.get("HARNESS_REQUIRE_REAL"),
    reason="b4 is not installed",
)


class Author:
    """A developer with a branch that b4 prepared: a good, a bad, a good patch."""

    def __init__(self, path: Path) -> None:
        self.home = Home.at(path / "home")
        self.top = path / "xen"
        shutil.copytree(REPOSITORY / "patches/base", self.top)
        git(self.top, "init", "-q", "-b", "main")
        commit_all(self.top, "base")
        done = self.home.bash(self.top, CONFIG.read_text(), "-e")
        assert (done.returncode, done.stdout) == (0, "")
        self.b4("prep", "-n", "flush", "-f", "main")
        source = self.top / P2M
        assert FLUSHED in source.read_text()
        source.write_text(source.read_text().replace(FLUSHED, f"{FLUSHED}    isb();\n"))
        commit_all(self.top, "xen/arm: p2m: Synchronise once more")
        commit_patch(self.top, BAD, "xen/arm: p2m: Flush less")
        (self.top / "xen/common").mkdir(exist_ok=True)
        (self.top / "xen/common/new.c").write_text("int new_one;\n")
        commit_all(self.top, "xen: Add nothing of use")

    def b4(self, *arguments: str, top: Path | None = None) -> str:
        """Run b4, without colours and network."""
        assert B4 is not None, "b4 is required here"
        command = (B4, "-n", "--offline-mode", *arguments)
        done = self.home.run(top or self.top, *command)
        assert done.returncode == 0, done.stdout
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Author:
    """Return a developer with a prepared branch."""
    return Author(tmp_path_factory.mktemp("b4"))


def rows(shown: str) -> dict[str, list[str]]:
    """Return what b4 says of each patch, below its subject."""
    found: dict[str, list[str]] = {}
    for line in shown.split("---\n")[1].splitlines():
        mark = re.fullmatch(r"\S ([0-9a-f]{12}): (.*)", line)
        if mark:
            found[mark[2]] = []
        else:
            found[next(reversed(found))].append(line.strip(" ●"))
    return found


def test_prep_shows_which_patch_fails(author: Author) -> None:
    shown = author.b4("prep", "--check", "--no-cache")
    told = rows(shown)
    assert list(told) == [
        "xen/arm: p2m: Synchronise once more",
        "xen/arm: p2m: Flush less",
        "xen: Add nothing of use",
    ]
    good, bad, unknown = told.values()
    assert good == []
    assert bad
    for line in bad:
        assert re.match(rf"harness: {P2M}:\d+: ERROR:missing-tlbi-", line)
    assert {line.split(":")[2] for line in unknown} == {"inconclusive-not-executed"}
    assert shown.splitlines()[-1] == (
        f"Success: 1, Warning: {len(unknown)}, Error: {len(bad)}"
    )


# -------------------------------------------------------------------- receiving


@pytest.fixture(scope="module")
def maintainer(author: Author, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone without the author's branch, and the mails beside it."""
    place = tmp_path_factory.mktemp("maintainer")
    git(place, "clone", "-q", "--single-branch", "-b", "main", str(author.top), "xen")
    author.home.bash(place / "xen", CONFIG.read_text(), "-e")
    mails = git(author.top, "format-patch", "--stdout", "--thread", "-3")
    (place / "mails").write_text(mails)
    return place


def test_am_shows_the_checks(author: Author, maintainer: Path) -> None:
    mails, out = str(maintainer / "mails"), str(maintainer / "out")
    shown = author.b4("am", "--check", "-m", mails, "-o", out, top=maintainer / "xen")
    told = shown.split("---\n")[1]
    _, good, bad, unknown = re.split(r"^  \[PATCH \d/3\] .*\n", told, flags=re.M)
    assert good == "    ● harness: passed all checks\n"
    assert re.match(rf"    ● harness: {P2M}:\d+: ERROR:missing-tlbi-", bad)
    assert "● harness: WARNING:inconclusive-not-executed: " in unknown


_CONFIG = """
import argparse, email, json, sys
import b4
b4.setup_config(argparse.Namespace(config={}))
"""
_REVIEW = f"""{_CONFIG}
from b4.review import checks
perpatch, series = checks.load_check_cmds()
read = email.message_from_string
given = [read(mail, policy=b4.emlpolicy) for mail in json.load(sys.stdin)]
patches = [(m["Message-ID"].strip("<> "), m) for m in given]
top = b4.git_get_toplevel()
more = {{"B4_TRACKING_FILE": top + "/nowhere"}}
done = checks.run_perpatch_checks(patches, perpatch, top, extra_env=more)
json.dump([perpatch, series, [done[msgid] for msgid, _ in patches]], sys.stdout)
"""


def test_review_shows_the_checks(author: Author, maintainer: Path) -> None:
    mails = re.split(
        r"^From [0-9a-f]{40} .*\n", (maintainer / "mails").read_text(), flags=re.M
    )
    done = author.home.run(
        maintainer / "xen", sys.executable, "-c", _REVIEW, given=json.dumps(mails[1:])
    )
    commands, series, told = json.loads(done.stdout)
    assert commands == ["harness check --format b4-review -"]
    assert series == []
    entries = [entry for (entry,) in told]
    assert [e["tool"] for e in entries] == ["harness"] * 3
    assert [e["status"] for e in entries] == ["pass", "fail", "warn"]
    assert entries[0]["summary"] == "clean"
    rows = json.loads(entries[1]["details"])
    assert all(row["status"] == "fail" for row in rows)
    assert all("missing-tlbi-" in row["description"] for row in rows)


def test_a_patch_that_does_not_apply_is_no_success(author: Author) -> None:
    """Such as one that needs another one, which nobody has applied."""
    patch = BAD.read_text().replace("\n-    ", "\n-    not there: ", 1)
    for form, said in (("b4-check", "harness: "), ("b4-review", "harness: ")):
        done = author.home.run(
            author.top, "harness", "check", "--format", form, "-", given=patch
        )
        assert done.returncode == 2
        assert done.stdout.startswith(said)


def test_the_repository_may_give_the_command_of_prep_alone(
    author: Author, maintainer: Path
) -> None:
    """The other two come from the code under review, and are not run."""
    settings = maintainer / "xen/.b4-config"
    settings.write_text(
        "[b4]\n"
        + "".join(
            f"\t{kind}-perpatch-check-cmd = echo {kind}\n"
            for kind in ("prep", "am", "review")
        )
    )
    script = f"""{_CONFIG}
print(json.dumps({{k: v for k, v in b4.get_main_config().items() if 'perpatch' in k}}))
"""
    empty = Home.at(maintainer / "elsewhere")
    git(maintainer / "xen", "config", "--remove-section", "b4")
    done = empty.run(maintainer / "xen", sys.executable, "-c", script)
    settings.unlink()
    author.home.bash(maintainer / "xen", CONFIG.read_text(), "-e")
    assert json.loads(done.stdout) == {"prep-perpatch-check-cmd": ["echo prep"]}


def test_b4_keeps_the_results_until_told_not_to(author: Author) -> None:
    first = author.b4("prep", "--check")
    program = author.home.path / "bin/harness"
    kept = program.read_text()
    program.write_text("#!/bin/sh\n")
    try:
        assert author.b4("prep", "--check") == first
        assert "Success: 3, Warning: 0, Error: 0" in author.b4(
            "prep", "--check", "--no-cache"
        )
    finally:
        program.write_text(kept)
        author.b4("prep", "--check", "--no-cache")
