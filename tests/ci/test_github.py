"""The workflow for GitHub: its steps run by bash as a runner does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from example_files import EXAMPLES, Home, read_yaml
from git_history import REPOSITORY, Commits, git, make_history

STEPS = read_yaml("github-workflow.yml")["jobs"]["check"]["steps"]
SHARDED = read_yaml("github-workflow-sharded.yml")
CHECK, SHOW, UPLOAD, KEEP = STEPS[3:]
SARIF = REPOSITORY / "tests/report/data/sarif-schema-2.1.0.json"
ZERO = "0" * 40


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Commits:
    """Make a repository with a bad commit."""
    return make_history(tmp_path_factory.mktemp("github") / "xen")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Make the runner's home."""
    return Home.at(tmp_path_factory.mktemp("runner") / "home")


@pytest.fixture
def clone(history: Commits, tmp_path: Path) -> Path:
    """Return a fresh clone of the repository."""
    git(tmp_path, "clone", "-q", str(history.top), "xen")
    return tmp_path / "xen"


def value(expression: str, event: dict[str, str]) -> str:
    """Evaluate ``${{ a || b }}``: the first that there is."""
    names = expression.removeprefix("${{ ").removesuffix(" }}").split(" || ")
    assert set(names) <= {
        "github.event.pull_request.base.sha",
        "github.event.pull_request.head.sha",
        "github.event.before",
        "github.sha",
    }
    return next((event[name] for name in names if event.get(name)), "")


def run(
    home: Home, clone: Path, step: dict[str, object], event: dict[str, str], **more: str
) -> subprocess.CompletedProcess[str]:
    assert "shell" not in step  # then it is bash -e
    wanted = step.get("env", {})
    assert isinstance(wanted, dict)
    variables = {name: value(text, event) for name, text in wanted.items()}
    return home.bash(clone, str(step["run"]), "-e", **variables, **more)


@pytest.mark.parametrize("name", ["github-workflow.yml", "github-workflow-sharded.yml"])
def test_the_file_is_what_github_takes(name: str) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    file = str(EXAMPLES / name)
    done = subprocess.run(
        [*check, "vendor.github-workflows", file], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_pull_request_with_a_bad_commit(
    home: Home, clone: Path, history: Commits, tmp_path: Path
) -> None:
    # The target has moved on since.
    git(clone, "checkout", "-q", "-b", "target", history.base)
    (clone / "elsewhere").write_text("")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "elsewhere", date=1_200_000_000)
    event = {
        "github.event.pull_request.base.sha": git(clone, "rev-parse", "HEAD").strip(),
        "github.event.pull_request.head.sha": history.comment,
        "github.sha": ZERO,
    }
    git(clone, "checkout", "-q", history.comment)
    done = run(home, clone, CHECK, event)
    assert done.returncode == 1, done.stdout
    command = r"^::error file=xen/arch/arm/mmu/p2m\.c,line=\d+,title=harness missing-"
    assert re.search(command, done.stdout, re.M)
    _kept(clone)
    summary = tmp_path / "summary.md"
    shown = run(home, clone, SHOW, event, GITHUB_STEP_SUMMARY=str(summary))
    report = (clone / "harness.txt").read_text()
    assert shown.stdout == report
    assert summary.read_text() == f"```\n{report}```\n"
    assert "brought in by: patch 2/3: xen/arm: p2m: Flush less" in report


def _kept(clone: Path) -> None:
    """Check what later steps take: it is there whatever the check came to."""
    sarif = json.loads((clone / UPLOAD["with"]["sarif_file"]).read_text())
    jsonschema.Draft4Validator(json.loads(SARIF.read_text())).validate(sarif)
    for name in KEEP["with"]["path"].split():
        assert (clone / name).is_file()
    for step in (SHOW, UPLOAD, KEEP):
        assert step["if"].startswith("always() && hashFiles('harness.")


def test_a_push_of_good_commits(home: Home, clone: Path, history: Commits) -> None:
    event = {"github.event.before": history.bad, "github.sha": history.comment}
    done = run(home, clone, CHECK, event)
    assert (done.returncode, done.stdout) == (0, "")
    _kept(clone)


@pytest.mark.parametrize("before", [ZERO, "the same"])
def test_nothing_to_start_from(
    before: str, home: Home, clone: Path, history: Commits
) -> None:
    event = {"github.event.before": before, "github.sha": history.comment}
    if before != ZERO:
        event["github.event.before"] = history.comment
    done = run(home, clone, CHECK, event)
    assert (done.returncode, done.stdout) == (0, "nothing to start from, skipped\n")


def test_a_base_that_is_not_there_is_no_success(
    home: Home, clone: Path, history: Commits
) -> None:
    event = {"github.event.before": "1" * 40, "github.sha": history.comment}
    assert run(home, clone, CHECK, event).returncode not in (0, 1)


@pytest.mark.long
def test_parts_on_several_runners_come_to_the_same(
    home: Home, clone: Path, history: Commits
) -> None:
    part, whole = (SHARDED["jobs"][name] for name in ("part", "check"))
    event = {"github.event.before": history.base, "github.sha": history.bad}
    assert SHARDED["env"] == STEPS[2]["env"] | CHECK["env"] | {
        "HARNESS": SHARDED["env"]["HARNESS"]
    }
    range_of = {name: value(CHECK["env"][name], event) for name in ("BASE", "TIP")}
    single = run(home, clone, CHECK, event)
    wanted = {name: without_time(clone / name) for name in KEEP["with"]["path"].split()}
    git(clone, "clean", "-q", "-f", "-d", "-x")
    (step,) = (step for step in part["steps"] if "PART" in step.get("env", {}))
    assert step["env"]["PARTS"] == "${{ strategy.job-total }}"
    numbers = part["strategy"]["matrix"]["part"]
    for number in numbers:
        done = home.bash(
            clone,
            step["run"],
            "-e",
            **range_of,
            PART=str(number),
            PARTS=str(len(numbers)),
        )
        assert done.returncode == 0, done.stdout
        assert (clone / f"part-{number}.json").is_file()
    assert whole["needs"] == "part"
    (merge,) = (step for step in whole["steps"] if "merge " in step.get("run", ""))
    assert whole["steps"][-3:] == [SHOW, UPLOAD, KEEP]
    done = home.bash(clone, merge["run"], "-e", **range_of)
    assert (done.returncode, done.stdout) == (1, single.stdout)
    assert {name: without_time(clone / name) for name in wanted} == wanted


def without_time(report: Path) -> str:
    text = report.read_text(encoding="utf-8")
    return re.sub(r'"seconds": [\d.]+|[\d.]+ s\b', "", text)
