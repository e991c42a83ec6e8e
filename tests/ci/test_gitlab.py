"""The job for GitLab: its script run by bash as GitLab's runner does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from example_files import EXAMPLES, Home, read_yaml
from git_history import REPOSITORY, Commits, git, make_history
from junitparser import JUnitXml

JOB = read_yaml("gitlab-ci.yml")["harness"]
SHARDED = read_yaml("gitlab-ci-sharded.yml")
INSTALL = read_yaml("github-workflow.yml")["jobs"]["check"]["steps"][2]
ZERO = "0" * 40


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Commits:
    """Make a repository with a bad commit."""
    return make_history(tmp_path_factory.mktemp("gitlab") / "xen")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Make the runner's home."""
    return Home.at(tmp_path_factory.mktemp("runner") / "home")


@pytest.fixture
def clone(history: Commits, tmp_path: Path) -> Path:
    """Return a fresh clone of the repository."""
    git(tmp_path, "clone", "-q", str(history.top), "xen")
    return tmp_path / "xen"


def run(
    home: Home, clone: Path, job: Any = JOB, **more: str
) -> subprocess.CompletedProcess[str]:
    return home.bash(clone, "\n".join(job["script"]), "-eo", "pipefail", **more)


@pytest.mark.parametrize("name", ["gitlab-ci.yml", "gitlab-ci-sharded.yml"])
def test_the_file_is_what_gitlab_takes(name: str) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    file = str(EXAMPLES / name)
    done = subprocess.run(
        [*check, "vendor.gitlab-ci", file], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def reports(clone: Path) -> tuple[list[dict[str, object]], JUnitXml]:
    """Return the artefacts, each as its reader sees it."""
    kept = JOB["artifacts"]
    assert kept["when"] == "always"
    for name in (*kept["paths"], *kept["reports"].values()):
        assert (clone / name).is_file(), name
    quality = json.loads((clone / kept["reports"]["codequality"]).read_text())
    assert (clone / "harness.html").read_text().startswith("<!DOCTYPE html>")
    return quality, JUnitXml.fromfile(str(clone / kept["reports"]["junit"]))


def test_a_push_with_a_bad_commit_fails_and_leaves_its_reports(
    home: Home, clone: Path, history: Commits
) -> None:
    done = run(
        home, clone, CI_COMMIT_BEFORE_SHA=history.base, CI_COMMIT_SHA=history.comment
    )
    assert done.returncode == 1, done.stdout
    assert "= brought in by: patch 2/3: xen/arm: p2m: Flush less" in done.stdout
    assert (clone / "harness.log").read_text() in done.stdout
    quality, junit = reports(clone)
    assert {entry["check_name"] for entry in quality} >= {"missing-tlbi-after-unmap"}
    marks = [entry["fingerprint"] for entry in quality]
    assert len(marks) == len(set(marks)) > 0
    assert junit.failures == sum(e["severity"] == "critical" for e in quality)
    # Nothing but the artefacts was left behind.
    left = git(clone, "status", "--porcelain").split()[1::2]
    assert set(left) == {
        *JOB["artifacts"]["paths"],
        *JOB["artifacts"]["reports"].values(),
    }


def test_a_merge_request_starts_where_it_left_the_target(
    home: Home, clone: Path, history: Commits
) -> None:
    done = run(
        home,
        clone,
        CI_COMMIT_BEFORE_SHA=ZERO,
        CI_MERGE_REQUEST_DIFF_BASE_SHA=history.bad,
        CI_COMMIT_SHA=history.comment,
    )
    assert done.returncode == 0, done.stdout
    quality, junit = reports(clone)
    assert quality == []
    assert junit.failures == junit.errors == 0


def test_what_was_there_before_does_not_fail_the_job(
    home: Home, clone: Path, history: Commits
) -> None:
    """And what the user says goes before what GitLab does."""
    done = run(
        home,
        clone,
        BASE_SHA=history.bad,
        CI_COMMIT_BEFORE_SHA=history.base,
        CI_COMMIT_SHA=history.comment,
    )
    assert done.returncode == 0, done.stdout
    assert "\nunchanged: 1 finding, on the base as well" in done.stdout


def test_no_base_is_skipped(home: Home, clone: Path, history: Commits) -> None:
    for base in (ZERO, "", history.fix):
        done = run(home, clone, CI_COMMIT_BEFORE_SHA=base, CI_COMMIT_SHA=history.fix)
        assert done.returncode == 0, done.stdout
        assert done.stdout == "nothing to start from, skipped\n"
    assert not (clone / "harness.log").exists()


def test_a_rewritten_branch_is_skipped(
    home: Home, clone: Path, history: Commits
) -> None:
    done = run(home, clone, BASE_SHA=history.fix, CI_COMMIT_SHA=history.bad)
    assert done.returncode == 0, done.stdout
    assert (
        done.stdout == f"{history.bad} is not a descendant of {history.fix}, skipped\n"
    )


def test_a_base_that_is_not_there_is_no_success(
    home: Home, clone: Path, history: Commits
) -> None:
    done = run(home, clone, BASE_SHA="1" * 40, CI_COMMIT_SHA=history.bad)
    assert done.returncode == 2, done.stdout
    assert "no commit '" + "1" * 40 in done.stdout


@pytest.mark.long
def test_parts_on_several_runners_come_to_the_same(
    home: Home, clone: Path, history: Commits
) -> None:
    """And each starts from the same commit, or does not start at all."""
    single, part, whole = JOB["script"], SHARDED["harness-part"], SHARDED["harness"]
    assert whole["needs"] == ["harness-part"]
    assert whole["artifacts"] == JOB["artifacts"]
    range_of_one = "\n".join(single[:-1]) + "\n"
    assert "".join(part["script"][0].split()) == "".join(range_of_one.split())
    assert whole["script"][0] == part["script"][0]
    variables = {"CI_COMMIT_BEFORE_SHA": history.base, "CI_COMMIT_SHA": history.bad}
    assert run(home, clone, JOB, **variables).returncode == 1
    names = (*JOB["artifacts"]["reports"].values(), "harness.html", "harness.log")
    wanted = {name: without_time(clone / name) for name in names}
    git(clone, "clean", "-q", "-f", "-d", "-x")
    for number in range(1, part["parallel"] + 1):
        node = {"CI_NODE_INDEX": str(number), "CI_NODE_TOTAL": str(part["parallel"])}
        done = run(home, clone, part, **variables, **node)
        assert done.returncode == 0, done.stdout
    left = git(clone, "status", "--porcelain").split()[1::2]
    assert left == [f"part-{n}.json" for n in range(1, part["parallel"] + 1)]
    done = run(home, clone, whole, **variables)
    assert done.returncode == 1, done.stdout
    assert {name: without_time(clone / name) for name in names} == wanted
    (clone / "part-2.json").unlink()
    assert run(home, clone, whole, **variables).returncode == 2


def without_time(report: Path) -> str:
    return re.sub(r"[\d.]+ s\b|time=\"[\d.]+\"", "", report.read_text(encoding="utf-8"))


def test_it_is_installed_by_pip(tmp_path: Path) -> None:
    """With the name that this project has."""
    home = Home.at(tmp_path / "home")
    python = home.path / "bin/python3"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    for script, name in (
        ("\n".join(JOB["before_script"]), JOB["variables"]["HARNESS"]),
        (INSTALL["run"], INSTALL["env"]["HARNESS"]),
    ):
        done = home.bash(tmp_path, script, "-eo", "pipefail", HARNESS=name)
        assert done.stdout == f"-m pip install -q {name}\n"
        project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
        assert f'\nname = "{name}"\n' in project
