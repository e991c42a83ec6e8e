"""``harness explain`` and ``harness rules``."""

from __future__ import annotations

import json

import pytest

from harness.check.rules import RULES
from harness.cli import main
from harness.exitcodes import ExitCode


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "dsb-scope-too-narrow"]) == ExitCode.CLEAN
    shown = capsys.readouterr().out
    assert shown.startswith("dsb-scope-too-narrow (error)\n")
    for head in ("What it checks", "Why it matters", "When it is fine", "Limits"):
        assert f"\n{head}\n" in shown
    silence = " ".join(shown.split("How to silence")[1].split("Limits")[0].split())
    assert '"analyser": {"harness": "dsb-scope-too-narrow"}' in silence
    assert "finding dsb-scope-too-narrow" in shown
    assert "finding none" in shown


def test_explain_a_mistyped_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "dsb-scope-to-narrow"]) == ExitCode.UNUSABLE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "did you mean dsb-scope-too-narrow" in shown.err
    assert shown.err.count("\n") == 1


def test_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == ExitCode.CLEAN
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(RULES)
    assert max(map(len, lines)) <= 80


def test_rules_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--json"]) == ExitCode.CLEAN
    rows = json.loads(capsys.readouterr().out)
    assert [row["rule"] for row in rows] == list(RULES)
    (row,) = [row for row in rows if row["rule"] == "missing-isb-after-tlbi"]
    assert row["severity"] == "warning"
    assert row["arm_rules"] == ["R_BLDZX"]
    assert set(row) == {"rule", "severity", "title", "message", "arm_rules"}
