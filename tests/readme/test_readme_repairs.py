"""What the README says of repairs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.exitcodes import ExitCode
from harness.report.examples import example
from harness.report.formats import FORMATS, WITH_REPAIRS
from harness.report.generated.generate import README_EXAMPLE
from harness.series.base import EMBEDDED

REPOSITORY = Path(__file__).resolve().parents[2]
README = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
ONE = ("--scenario", "unmap-4k/own-vttbr/2-pcpus", "--profile", "P0-v8.0")


def _checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main(["check", *arguments, *ONE, "--format", "json"])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def _applied(tree: Path, text: bytes) -> None:
    command = ["git", "apply", "-"]
    environment = {"GIT_DIR": "/dev/null", "PATH": "/usr/bin:/bin"}
    subprocess.run(command, input=text, cwd=tree, check=True, env=environment)


def test_a_diff_applies_on_top_of_the_patch_and_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "which `git apply` takes on top of the patch" in README
    (found,) = (
        finding
        for finding in _checked(capsys, "--example", README_EXAMPLE)["findings"]
        if finding["status"] == "new" and finding["severity"] == "error"
    )
    tree = tmp_path / "tree"
    shutil.copytree(EMBEDDED, tree)
    _applied(tree, example(README_EXAMPLE)[0])
    base = _audited(tree, capsys)
    _applied(tree, found["repair"]["diff"].encode())
    mended = _audited(tree, capsys)
    assert base - mended == {found["rule"]}
    assert mended < base


def _audited(tree: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    main(["audit", "--tree", str(tree), *ONE, "--format", "json"])
    return {each["rule"] for each in json.loads(capsys.readouterr().out)["findings"]}


def test_a_diff_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert "shown as a diff, marked `checked`" in README
    assert main(["check", "--example", README_EXAMPLE, *ONE]) == ExitCode.FINDINGS
    out = capsys.readouterr().out
    assert "  = repair (checked): " in out
    assert '+    asm volatile ("tlbi vmalle1is" : : : "memory");\n' in out


@pytest.mark.long
def test_where_there_is_none_the_report_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "where none is found, the report says so" in README
    assert main(["check", "--example", "bad_one_ipa_for_table"]) == ExitCode.FINDINGS
    assert "  = repair as a diff: no change of the source" in capsys.readouterr().out


def test_diffs_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert "`--no-repair-diff` leaves it out" in README
    report = _checked(capsys, "--example", README_EXAMPLE, "--no-repair-diff")
    repairs = [f["repair"] for f in report["findings"] if f["repair"]]
    assert repairs
    assert not any(r["diff"] or r["no_diff"] for r in repairs)


def test_formats_without_room_do_not_look_for_them() -> None:
    assert set(FORMATS) > WITH_REPAIRS
    assert {"terse", "junit", "b4-check", "patchwork"}.isdisjoint(WITH_REPAIRS)
