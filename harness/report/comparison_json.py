"""A comparison of two versions for machines."""

from __future__ import annotations

import json
from typing import TypedDict

import harness
from harness.check.comparison import Compared, Comparison, Fate
from harness.check.finding import Finding
from harness.check.pairing import Pair
from harness.check.result import Result
from harness.model_version import model_version
from harness.report.gaps import gaps

__all__ = ["comparison_json"]


class _Version(TypedDict):
    verdict: str
    base: str
    base_commit: str
    tree_version: str
    patches: list[str]
    not_covered: list[str]


class _Pair(TypedDict):
    v1: int | None
    v2: int | None
    pairing: str


class _Place(TypedDict):
    fingerprint: str
    severity: str
    file: str
    line: int
    function: str
    patch: int
    profiles: list[str]
    scenarios: list[str]


class _Row(TypedDict):
    fate: str
    rule: str
    severity: str
    message: str
    note: str
    v1: _Place | None
    v2: _Place | None


class _Report(TypedDict):
    tool: dict[str, str]
    command: str
    verdict: str
    v1: _Version
    v2: _Version
    notes: list[str]
    patches: list[_Pair]
    counts: dict[str, int]
    findings: list[_Row]


def comparison_json(comparison: Comparison) -> str:
    """Return the comparison as the text of one JSON document."""
    report: _Report = {
        "tool": {
            "name": "harness",
            "version": harness.__version__,
            "model": model_version(),
        },
        "command": "compare",
        "verdict": comparison.verdict.value,
        "v1": _version(comparison.first),
        "v2": _version(comparison.second),
        "notes": list(comparison.notes),
        "patches": [_pair(pair) for pair in comparison.pairs],
        "counts": {fate.value: comparison.count(fate) for fate in Fate},
        "findings": [_row(one) for one in comparison.findings],
    }
    return json.dumps(report, indent=1) + "\n"


def _version(result: Result) -> _Version:
    return {
        "verdict": result.verdict.value,
        "base": result.base,
        "base_commit": result.base_commit,
        "tree_version": result.tree_version,
        "patches": [patch.subject or patch.name for patch in result.patches],
        "not_covered": [
            f"{gap.file}:{gap.line}: {gap.text}" if gap.line else gap.text
            for gap in gaps(result)
        ],
    }


def _pair(pair: Pair) -> _Pair:
    return {
        "v1": pair.first or None,
        "v2": pair.second or None,
        "pairing": pair.sameness.value,
    }


def _row(one: Compared) -> _Row:
    return {
        "fate": one.fate.value,
        "rule": one.shown.rule,
        "severity": one.shown.severity.value,
        "message": one.shown.message,
        "note": one.note,
        "v1": _place(one.first),
        "v2": _place(one.second),
    }


def _place(finding: Finding | None) -> _Place | None:
    if finding is None:
        return None
    return {
        "fingerprint": finding.fingerprint,
        "severity": finding.severity.value,
        "file": finding.location.file,
        "line": finding.location.line,
        "function": finding.location.function,
        "patch": finding.patch,
        "profiles": list(finding.profiles),
        "scenarios": list(finding.scenarios),
    }
