"""Diffs of repairs as replacements, against what git makes of the same diff."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from report_samples import LOCAL, UNSAFE

from harness.check.finding import Repair
from harness.check.repairs.texts import Change, diff_of
from harness.report.replacements import region, replacements
from harness.report.sarif import render_sarif

_LINES = st.lists(st.sampled_from(["a", "b", "-- a/x", "++ b/x", "@@ -1 +1 @@", ""]))


def _replaced(text: str, diff: str, file: str) -> str:
    lines = text.splitlines(keepends=True)
    for each in replacements(diff).get(file, [])[::-1]:
        start = each.line - 1
        lines[start : start + each.count] = [each.text]
    return "".join(lines)


@given(_LINES, _LINES)
def test_they_come_to_the_same_text(old: list[str], new: list[str]) -> None:
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    change = Change("x", 0, len(before), after)
    diff = diff_of({"x": before}, [change])
    assert _replaced(before, diff, "x") == after


def test_git_makes_the_same_of_it(tmp_path: Path) -> None:
    texts = {name: "".join(f"{name}{n}\n" for n in range(40)) for name in "xy"}
    changes = [
        Change("x", 0, 0, "first\n"),
        Change("x", 9, 15, ""),
        Change("x", 60, 64, "other\nand more\n"),
        Change("y", len(texts["y"]), len(texts["y"]), "last\n"),
    ]
    diff = diff_of(texts, changes)
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    command = ["git", "apply", "-"]
    subprocess.run(command, input=diff.encode(), cwd=tmp_path, check=True)
    for name, text in texts.items():
        assert _replaced(text, diff, name) == (tmp_path / name).read_text() != text


def test_a_region_is_whole_lines() -> None:
    (one,) = replacements("--- a/x\n+++ b/x\n@@ -5,2 +5 @@\n-a\n-b\n+c\n")["x"]
    wanted = {"startLine": 5, "startColumn": 1, "endLine": 7, "endColumn": 1}
    assert region(one) == wanted


def test_sarif_has_it_as_a_fix() -> None:
    diff = "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-nsh\n+ish\n"
    found = replace(LOCAL, repair=Repair(("make it ISH",), True, diff))
    fixes = _fixes(found)
    assert len(fixes) == 1
    (change,) = fixes[0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "x.c"
    assert change["replacements"][0]["insertedContent"] == {"text": "ish\n"}
    assert "nothing new" in fixes[0]["description"]["text"]


def test_what_was_not_analysed_is_no_fix() -> None:
    assert _fixes(replace(LOCAL, repair=Repair(("make it ISH",), True))) == []


def _fixes(found: Any) -> list[Any]:
    report = json.loads(render_sarif(replace(UNSAFE, findings=(found,))))
    (result,) = report["runs"][0]["results"]
    fixes: list[Any] = result.get("fixes", [])
    return fixes
