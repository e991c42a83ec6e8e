"""``harness compare`` and ``--baseline``, on patches that really run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from git_history import Commits, git, make_history

from harness.cli import main
from harness.series.base import EMBEDDED

PATCHES = EMBEDDED.parent
BAD = PATCHES / "bad_unmap_no_flush.patch"
GOOD = PATCHES / "good_flush_always.patch"  # one scenario runs all of it
QUICK = ("--scenario", "unmap-4k/own-vttbr/1-pcpu", "--profile", "P0-v8.0")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command: code, output and complaints."""

    def running(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return running


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Commits:
    """Return a repository with a series, and a second version without its fault."""
    commits = make_history(tmp_path_factory.mktemp("git") / "xen")
    git(commits.top, "checkout", "-q", "-b", "v2", commits.base)
    git(commits.top, "cherry-pick", commits.note, date=2_000_000_000)
    git(commits.top, "cherry-pick", commits.bad, date=2_000_000_001)
    git(commits.top, "checkout", "-q", "-b", "v3", commits.base)
    git(commits.top, "cherry-pick", commits.note, date=2_000_000_002)
    return commits


def _compare(run: Run, *arguments: object) -> tuple[int, dict[str, Any]]:
    code, out, _ = run("compare", *arguments, *QUICK, "--format", "json")
    report: dict[str, Any] = json.loads(out)
    return code, report


def test_what_a_version_fixes_and_brings_in(run: Run) -> None:
    place = ("--tree", EMBEDDED, *QUICK)
    code, out, _ = run("compare", BAD, GOOD, *place)
    assert code == 0
    assert re.search(r"^FIXED  error\[missing-tlbi-after-unmap\]: ", out, re.M)
    assert out.endswith("harness: v2 is clean: 1 fixed\n")
    code, out, _ = run("compare", GOOD, BAD, *place)
    assert code == 1
    assert re.search(r"^NEW    error\[missing-tlbi-after-unmap\]: ", out, re.M)
    assert out.endswith("harness: v2 is unsafe: 1 new\n")
    code, out, _ = run("compare", BAD, BAD, *place, "--exit-zero")
    assert code == 0
    assert re.search(r"^STILL  error\[missing-tlbi-after-unmap\]: ", out, re.M)
    assert max(map(len, out.splitlines())) <= 80


def test_a_series_of_a_repository(history: Commits, run: Run) -> None:
    place = ("--tree", history.top)
    one, two = f"{history.base}..v2", f"{history.base}..v3"
    code, report = _compare(run, one, two, *place)
    assert (code, report["counts"]["fixed"]) == (0, 1)
    assert report["patches"] == [
        {"v1": 1, "v2": 1, "pairing": "same"},
        {"v1": 2, "v2": None, "pairing": "dropped"},
    ]
    code, out, _ = run("compare", one, two, *place, *QUICK)
    assert "    2/2 -> -     dropped  xen/arm: p2m: Flush less\n" in out
    assert "v1 patch 2/2)" in out
    # The series that mends it itself is unsafe all the same.
    code, report = _compare(run, one, history.series, *place)
    (row,) = report["findings"]
    assert (code, row["fate"], row["note"]) == (1, "still", "mended again by patch 4")
    assert (row["v1"]["patch"], row["v2"]["patch"]) == (2, 2)


def test_saved_results(run: Run, tmp_path: Path) -> None:
    """A result that is saved is as good as the patch."""
    place = ("--tree", EMBEDDED)
    saved = tmp_path / "v1.json"
    run("check", BAD, *place, *QUICK, "--output", f"json={saved}")
    live = run("compare", BAD, GOOD, *place, *QUICK)
    assert run("compare", saved, GOOD, *place, *QUICK) == live
    other = tmp_path / "v2.json"
    run("check", GOOD, *place, *QUICK, "--output", f"json={other}")
    assert run("compare", saved, other) == live
    # The CPUs of the saved one are those of the other one, unless named.
    scenario = QUICK[:2]
    assert run("compare", saved, GOOD, *place, *scenario) == live
    code, _, said = run("compare", saved, GOOD, *place, "--profile", "P2-v8.4")
    assert code == 2
    assert "their profiles differ" in said


def test_nothing_is_fixed_that_was_not_run(run: Run, tmp_path: Path) -> None:
    """What v1 breaks stands under #if 0 in v2: nobody knows."""
    hidden = tmp_path / "v2.patch"
    hidden.write_text(
        "--- a/xen/arch/arm/mmu/p2m.c\n"
        "+++ b/xen/arch/arm/mmu/p2m.c\n"
        "@@ -891,4 +891,8 @@ static int __p2m_set_entry(struct p2m_domain *p2m,\n"
        "     if ( removing_mapping )\n"
        "         /* Nothing is written over it: the flush can wait. */\n"
        "+#if 1 || UNMAP_WITHOUT_A_FLUSH\n"
        "         p2m->need_flush |= lpae_is_valid(orig_pte);\n"
        "+#else\n"
        "+        ;\n"
        "+#endif\n"
        "     else\n"
    )
    code, report = _compare(run, BAD, hidden, "--tree", EMBEDDED)
    (row,) = report["findings"]
    assert (code, report["verdict"], row["fate"]) == (0, "inconclusive", "gone")
    assert row["note"].startswith("not proved to be fixed: v2 changes what no scenario")
    assert any("not compiled" in gap for gap in report["v2"]["not_covered"])


def test_what_is_no_version(run: Run, tmp_path: Path) -> None:
    code, _, said = run("compare", "-", "-")
    assert (code, "only one version" in said) == (2, True)
    code, _, said = run("compare", tmp_path / "nothing", BAD, "--tree", EMBEDDED)
    assert (code, "no such file" in said) == (2, True)
    broken = tmp_path / "v1.json"
    broken.write_text('{"tool": {"name": "harness"')
    code, _, said = run("compare", broken, BAD, "--tree", EMBEDDED)
    assert (code, "is no result of" in said) == (2, True)


# -------------------------------------------------------------------- baseline


@pytest.fixture
def baseline(run: Run, tmp_path: Path) -> Path:
    """Return the saved result of the bad patch."""
    file = tmp_path / "baseline.json"
    code, _, _ = run(
        "check", BAD, "--tree", EMBEDDED, *QUICK, "--output", f"json={file}"
    )
    assert code == 1
    return file


def test_what_is_known(run: Run, baseline: Path) -> None:
    command = ("check", BAD, "--tree", EMBEDDED, *QUICK, "--baseline", baseline)
    code, out, _ = run(*command)
    assert code == 0
    assert "known: 1 finding, in the baseline as well: missing-tlbi" in out
    assert out.splitlines()[-1].startswith("harness: clean: ")
    assert ", 1 known" in " ".join(out.split())
    assert "error[missing-tlbi-after-unmap]" not in out
    assert "error[missing-tlbi-after-unmap]" in run(*command, "-v")[1]
    report = json.loads(run(*command, "--format", "json")[1])
    assert [f["status"] for f in report["findings"]] == ["known"]
    assert report["notes"][-1] == f"baseline '{baseline}': 1 of 1 findings are known"
    sarif = json.loads(run(*command, "--format", "sarif")[1])
    assert [r["baselineState"] for r in sarif["runs"][0]["results"]] == ["unchanged"]


def test_what_the_baseline_does_not_hide(run: Run, baseline: Path) -> None:
    other = PATCHES / "bad_make_before_flush.patch"
    scenario = ("--scenario", "unmap-4k,replace-4k-by-2m", "--profile", "P0-v8.0")
    code, out, _ = run(
        "check", other, "--tree", EMBEDDED, *scenario, "--baseline", baseline
    )
    assert (code, "known:" in out) == (1, False)
    # The same patch on one more CPU.
    wider = (*QUICK[:2], "--profile", "P0-v8.0,P2-v8.4")
    code, _, _ = run("check", BAD, "--tree", EMBEDDED, *wider, "--baseline", baseline)
    assert code == 1


def test_a_baseline_for_an_audit(run: Run, history: Commits, tmp_path: Path) -> None:
    git(history.top, "checkout", "-q", history.bad)
    file = tmp_path / "audit.json"
    command = ("audit", "--tree", history.top, *QUICK)
    assert run(*command, "--output", f"json={file}")[0] == 1
    assert run(*command, "--baseline", file)[0] == 0


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda r: r["tool"].update(model="0+0"), "was made by harness .*, model 0"),
        (lambda r: r["tool"].update(name="gcc"), "does not say that harness made it"),
        (lambda r: r.pop("findings"), "is damaged: has no field 'findings'"),
        (lambda r: r.update(only_under=["drain-ptw=on"]), "other assumptions: drain"),
    ],
)
def test_a_baseline_that_is_refused(
    edit: Callable[[dict[str, Any]], object], said: str, run: Run, baseline: Path
) -> None:
    report = json.loads(baseline.read_bytes())
    edit(report)
    baseline.write_text(json.dumps(report))
    code, out, err = run(
        "check", BAD, "--tree", EMBEDDED, *QUICK, "--baseline", baseline
    )
    assert (code, out) == (2, "")
    assert re.search(said, err)
    assert len(err.splitlines()) == 1


def test_a_part_takes_no_baseline(run: Run, baseline: Path) -> None:
    code, _, said = run(
        *("check", BAD, "--tree", EMBEDDED, *QUICK),
        *("--shard", "1/2", "--baseline", baseline),
    )
    assert (code, "give --baseline to harness merge" in said) == (2, True)
