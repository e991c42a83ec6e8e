"""Suppression by SAF comments: what counts, and what a patch cannot do for itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from harness.check.finding import Finding, Location, Severity, Status
from harness.check.result import Bounds, PatchSummary, Result, Verdict
from harness.check.suppressions.suppression import with_suppressions
from harness.cli import main
from harness.report.formats import FORMATS
from harness.series import Tree, View, read_patch, stacked
from harness.series.base import EMBEDDED
from harness.series.repository import Repository

P2M = "xen/arch/arm/mmu/p2m.c"
SAFE = "docs/misra/safe.json"
RULE = "tlbi-not-broadcast"
WHY = "this CPU is the only one"
COMMENT = "    /* SAF-0-safe one CPU */\n"
CODE = """\
#include <xen/mm.h>

static void flush(void)
{
    int a;

    /* SAF-0-safe one CPU */
    local();
    isb();
}

static void other(void)
{
    local();
}
"""
PLACE = CODE.split("\n").index("    local();") + 1


def entry(rule: str = RULE, tag: str = "SAF-0-safe") -> dict[str, object]:
    return {"id": tag, "analyser": {"harness": rule}, "name": WHY, "text": ""}


def safe(*entries: dict[str, object]) -> str:
    return json.dumps({"version": "1.0", "content": entries}, indent=1) + "\n"


def make(top: Path, code: str = CODE, database: str | None = None) -> Path:
    """Write a tree with one function in its p2m.c."""
    for name, text in {
        "xen/Makefile": "export XEN_VERSION = 4\nexport XEN_SUBVERSION = 21\n",
        "xen/include/xen/mm.h": "int mm;\n",
        "xen/arch/arm/mm.c": "int mm;\n",
        P2M: code,
        SAFE: safe(entry()) if database is None else database,
    }.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top


def finding(line: int = PLACE, **more: object) -> Finding:
    found = Finding(
        rule=RULE,
        severity=Severity.ERROR,
        status=Status.NEW,
        message="a TLBI reaches one CPU only",
        profiles=("P0-v8.0",),
        scenario="unmap-4k",
        scenarios=("unmap-4k",),
        location=Location(P2M, line, "flush", False),
        witness=None,
        tlb_diff=(),
        trace=(),
        repair=None,
        arm_rules=(),
        fingerprint="0123456789abcdef",
        patch=1,
    )
    return replace(found, **more)  # type: ignore[arg-type]


def in_tree(top: Path, found: Finding) -> Finding:
    """Return a finding of a tree as it is."""
    (told,) = with_suppressions([found], {found.patch: View.of(Tree.at(top))})
    return told


def patched(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> Finding:
    """Return the finding with a patch that changes files from one text to another."""
    base, new = make(tmp_path / "a"), make(tmp_path / "b")
    for top, files in ((base, before), (new, after)):
        for name, text in files.items():
            (top / name).write_text(text)
    command = ["git", "diff", "--no-index", "-U3", "--no-prefix", "a", "b"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    data = made.stdout
    assert data
    code = (new / P2M).read_text().split("\n")
    line = code.index("    local();") + 1
    with stacked(Tree.at(base), (read_patch(data, "x.patch"),)) as views:
        (told,) = with_suppressions([finding(line)], {1: views[1]})
    return told


# ---------------------------------------------------------------- a tree as it is


def test_a_comment_and_an_entry_suppress(tmp_path: Path) -> None:
    told = in_tree(make(tmp_path), finding())
    assert told.suppressed == f"SAF-0-safe: {WHY}"
    assert told.suppression_refused == ""


def test_only_the_line_below_is_suppressed(tmp_path: Path) -> None:
    top = make(tmp_path)
    for line in (PLACE - 2, PLACE + 1, CODE.count("\n") - 1, 10_000):
        told = in_tree(top, finding(line))
        assert not told.suppressed


def test_nothing_but_new_findings_is_told(tmp_path: Path) -> None:
    old = finding(status=Status.UNCHANGED)
    assert in_tree(make(tmp_path), old) == old
    nowhere = finding(location=Location("", 0, "", False))
    assert in_tree(make(tmp_path), nowhere) == nowhere


@pytest.mark.parametrize(
    ("database", "why"),
    [
        (safe(entry("bbm-oa-change")), "its entry is for bbm-oa-change"),
        (safe(), f"{SAFE} has no such entry"),
        ("{", f"{SAFE} cannot be used: no JSON at line 1"),
        (safe(entry(), entry()), f"{SAFE} cannot be used: two entries are called"),
    ],
)
def test_what_does_not_count_says_why(tmp_path: Path, database: str, why: str) -> None:
    told = in_tree(make(tmp_path, database=database), finding())
    assert told.suppressed == ""
    assert told.suppression_refused.startswith(f"SAF-0-safe does not count: {why}")


def test_entries_for_other_analysers_are_no_news(tmp_path: Path) -> None:
    other = {"id": "SAF-0-safe", "analyser": {"eclair": "MC3A2.R8.6"}}
    told = in_tree(make(tmp_path, database=safe(other)), finding())
    assert told == finding()


def test_without_a_database(tmp_path: Path) -> None:
    top = make(tmp_path)
    shutil.rmtree(top / "docs")
    assert "has no such entry" in in_tree(top, finding()).suppression_refused


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    top = make(tmp_path / "tree")
    (tmp_path / "elsewhere.json").write_text(safe(entry()))
    (top / SAFE).unlink()
    (top / SAFE).symlink_to(tmp_path / "elsewhere.json")
    told = in_tree(top, finding())
    assert not told.suppressed
    assert "symbolic link" in told.suppression_refused


def test_a_second_tag_may_count(tmp_path: Path) -> None:
    code = CODE.replace(COMMENT, f"    /* SAF-3-safe */\n{COMMENT}")
    told = in_tree(make(tmp_path, code), finding(PLACE + 1))
    assert told.suppressed


# -------------------------------------------------------------- with a patch on top


def test_what_the_base_has_counts_below_a_patch(tmp_path: Path) -> None:
    told = patched(tmp_path, {}, {P2M: CODE.replace("int a;", "int a;\n    int b;")})
    assert told.suppressed == f"SAF-0-safe: {WHY}"


BARE = CODE.replace(COMMENT, "")
BROADCAST = CODE.replace("    local();\n    isb", "    everywhere();\n    isb")
INTO_OTHER = CODE.replace("    int a;\n", "}\n\nstatic void fresh(int a)\n{\n")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({P2M: BARE}, {}, "the comment, or the line that it is about, comes with"),
        ({P2M: BROADCAST}, {}, "the comment, or the line that it is about, comes with"),
        ({SAFE: safe()}, {}, f"its entry in {SAFE} comes with the patch"),
        (
            {SAFE: safe(entry("bbm-oa-change"))},
            {},
            f"its entry in {SAFE} comes with the patch",
        ),
        ({P2M: BARE, SAFE: "{"}, {}, f"its entry in {SAFE} comes with the patch"),
        ({}, {SAFE: safe()}, f"{SAFE} has no such entry"),
        ({}, {SAFE: "{"}, f"{SAFE} cannot be used: no JSON"),
        ({}, {P2M: INTO_OTHER}, "the comment, or the line that it is about"),
    ],
)
def test_a_patch_cannot_suppress_what_it_brings_in(
    tmp_path: Path, before: dict[str, str], after: dict[str, str], why: str
) -> None:
    told = patched(tmp_path, before, after)
    assert told.suppressed == ""
    assert f"SAF-0-safe does not count: {why}" in told.suppression_refused


def test_a_comment_that_an_earlier_patch_brought_does_not_count(tmp_path: Path) -> None:
    texts = (BARE, CODE, CODE.replace("int a;", "int a;\n    int b;"))
    patches = []
    for number, (before, after) in enumerate(pairwise(texts)):
        top = tmp_path / str(number)
        make(top / "a", before)
        make(top / "b", after)
        command = ["git", "diff", "--no-index", "--no-prefix", "a", "b"]
        made = subprocess.run(command, cwd=top, capture_output=True, check=False)
        patches.append(read_patch(made.stdout, f"{number}.patch"))
    line = texts[2].split("\n").index("    local();") + 1
    base = Tree.at(tmp_path / "0" / "a")
    with stacked(base, tuple(patches)) as views:
        (told,) = with_suppressions([finding(line, patch=2)], {2: views[2]})
    assert not told.suppressed
    assert "comes with the patch" in told.suppression_refused


def test_the_database_of_a_commit_is_read_from_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make(tmp_path)
    content = (top / SAFE).read_bytes()
    shutil.rmtree(top / "docs")
    asked = []

    def file(_: Repository, commit: str, name: str) -> bytes | None:
        asked.append((commit, name))
        return content

    monkeypatch.setattr(Repository, "file", file)
    repository = Repository.__new__(Repository)
    tree = replace(Tree.at(top), repository=repository, commit="c0ffee")
    (told,) = with_suppressions([finding()], {1: View.of(tree)})
    assert told.suppressed
    assert ("c0ffee", SAFE) in asked


# ---------------------------------------------------------------------- verdict


def result(*findings: Finding) -> Result:
    return Result(
        command="check",
        base="base",
        tree_version="4.21",
        patches=(PatchSummary("x.patch", "xen/arm: flush", (P2M,)),),
        profiles=("P0-v8.0",),
        bounds=Bounds(1, 1, 2, 1, 10, exhausted=True),
        findings=findings,
        unsupported=(),
        cost=(),
        assumptions=(),
    )


KEPT = finding(suppressed=f"SAF-0-safe: {WHY}")
REFUSED = finding(suppression_refused="SAF-0-safe does not count: it comes with it")


def test_the_verdict() -> None:
    assert result(KEPT).verdict is Verdict.CLEAN
    assert result(KEPT).suppressed == (KEPT,)
    assert result(REFUSED).verdict is Verdict.UNSAFE
    assert result(KEPT, REFUSED).verdict is Verdict.UNSAFE


# b4 takes each line for a finding, and no mail is written where there is no error.
SILENT = ("b4-check", "mail")


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in SILENT])
def test_each_format_says_what_is_suppressed(name: str) -> None:
    text = FORMATS[name](result(KEPT))
    assert "suppress" in text
    assert "SAF-0-safe" in text or name == "patchwork"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "mail"])
def test_each_format_says_what_does_not_count(name: str) -> None:
    text = " ".join(FORMATS[name](result(REFUSED)).split())
    assert "SAF-0-safe does not count: it comes with it" in text


def test_what_machines_read() -> None:
    assert FORMATS["b4-check"](result(KEPT)) == ""
    assert FORMATS["mail"](result(KEPT)) == ""
    text = FORMATS["text"](result(KEPT))
    assert text.endswith("exhausted, 1 suppressed\n")
    assert f"suppressed[{RULE}]: " in text
    (run,) = json.loads(FORMATS["sarif"](result(KEPT)))["runs"]
    (told,) = run["results"]
    (suppression,) = told["suppressions"]
    assert suppression["kind"] == "inSource"
    assert suppression["justification"] == f"SAF-0-safe: {WHY}"
    (run,) = json.loads(FORMATS["sarif"](result(REFUSED)))["runs"]
    assert "suppressions" not in run["results"][0]
    (review,) = json.loads(FORMATS["b4-review"](result(KEPT)))
    assert review["status"] == "pass"
    assert review["summary"] == "clean: 1 suppressed"
    (quality,) = json.loads(FORMATS["codequality"](result(KEPT)))
    assert quality["severity"] == "info"
    assert json.loads(FORMATS["patchwork"](result(KEPT)))["state"] == "success"
    assert "<skipped" in FORMATS["junit"](result(KEPT))
    assert "::notice " in FORMATS["github"](result(KEPT))


# ------------------------------------------------------------------- from the C on


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the embedded base whose flush is local, with a comment."""
    top = Path(shutil.copytree(EMBEDDED, tmp_path / "xen"))
    old = "    flush_guest_tlb();\n\n    if ( ovttbr"
    text = (top / P2M).read_text()
    assert text.count(old) == 1
    new = old.replace("tlb()", "tlb_local()")
    (top / P2M).write_text(text.replace(old, COMMENT + new))
    (top / SAFE).parent.mkdir(parents=True)
    (top / SAFE).write_text(safe(entry()))
    return top


def test_an_audit_from_the_command_line(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = ["audit", "--tree", str(tree), "--jobs", "1", "--profile", "P0-v8.0"]
    audit += ["--scenario", "unmap-4k/own-vttbr/2-pcpus", "--format", "json"]
    assert main(audit) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "clean"
    (told,) = report["findings"]
    assert told["rule"] == RULE
    assert told["suppressed"] == f"SAF-0-safe: {WHY}"
    (tree / SAFE).unlink()
    assert main(audit) == 1
    (told,) = json.loads(capsys.readouterr().out)["findings"]
    assert "has no such entry" in told["suppression_refused"]


def test_a_patch_from_the_command_line(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").symlink_to(EMBEDDED)
    (tmp_path / "b").symlink_to(tree)
    command = ["git", "diff", "--no-index", "--no-prefix", "a/", "b/"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    (tmp_path / "x.patch").write_bytes(made.stdout)
    check = ["check", str(tmp_path / "x.patch"), "--tree", str(EMBEDDED), "--jobs", "1"]
    check += ["--profile", "P0-v8.0", "--scenario", "unmap-4k/own-vttbr/2-pcpus"]
    assert main(check) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert f"not suppressed: SAF-0-safe does not count: its entry in {SAFE}" in text
