"""Formats for machines, each judged by something that is not ours."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from junitparser import JUnitXml, TestSuite
from report_samples import (
    AUDIT,
    CLEAN,
    INCONCLUSIVE,
    LOCAL,
    P2M,
    UNSAFE,
    WARNING,
)

from harness.check.finding import Status
from harness.check.result import PatchSummary, Result
from harness.report.b4_check import render_b4_check
from harness.report.b4_review import render_b4_review
from harness.report.codequality import render_codequality
from harness.report.github import render_github
from harness.report.junit import render_junit
from harness.report.patchwork import render_patchwork
from harness.report.sarif import render_sarif

DATA = Path(__file__).parent / "data"
EVERY = (CLEAN, UNSAFE, INCONCLUSIVE, AUDIT)
HOSTILE = replace(
    UNSAFE,
    patches=(PatchSummary("x", "evil \x1b[2J ]]> ERROR: <b>&", (P2M,)),),
    findings=(
        replace(
            LOCAL,
            message="a\x00b ]]> \x1b]0;x\x07 % : , \ud800 ::error::x",
            location=replace(LOCAL.location, file="a%,:b.c"),
        ),
    ),
)
each = pytest.mark.parametrize(
    "result", [*EVERY, HOSTILE], ids=["clean", "unsafe", "incon", "audit", "hostile"]
)


def _b4() -> Any:
    return pytest.importorskip("b4", reason="b4 is not installed")


# -------------------------------------------------------------------- b4-check


def test_b4_check_says_nothing_of_a_clean_patch() -> None:
    assert render_b4_check(CLEAN) == ""


def test_b4_check_lines_are_those_of_checkpatch() -> None:
    error, warning = render_b4_check(UNSAFE).splitlines()[:2]
    assert error.startswith(f"{P2M}:345: ERROR:stale-s12-after-local-vmalle1: stage-1")
    lines = render_b4_check(UNSAFE).splitlines()
    assert sum("ERROR:" in line for line in lines) == 2
    assert sum("WARNING:ptw-not-drained" in line for line in lines) == 1
    assert warning


def test_b4_check_never_passes_what_was_not_covered() -> None:
    lines = render_b4_check(INCONCLUSIVE).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{P2M}:1140: WARNING:inconclusive-not-modelled: ")
    assert lines[1].startswith(f"{P2M}:1300: WARNING:inconclusive-not-executed: ")
    assert lines[2].startswith("WARNING:inconclusive-bound-reached: ")


def _answer(tmp_path: Path, text: str) -> list[str]:
    """Return a command that prints a text, as a check command of b4."""
    printed = tmp_path / "printed"
    printed.write_text(text)
    return shlex.split(
        f'{shlex.quote(sys.executable)} -c \'print(open("{printed}")'
        ".read(), end=str())'"
    )


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        (CLEAN, {"success"}),
        (UNSAFE, {"fail", "warning"}),
        (INCONCLUSIVE, {"warning"}),
    ],
    ids=["clean", "unsafe", "inconclusive"],
)
def test_b4_reads_the_lines(
    result: Result,
    wanted: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    b4 = _b4()
    monkeypatch.setattr(b4, "git_get_toplevel", lambda: str(tmp_path))
    monkeypatch.setattr(b4, "save_cache", lambda *_, **__: None)
    command = _answer(tmp_path, render_b4_check(result))
    report = b4.LoreMessage.run_local_check(command, "x", EmailMessage(), nocache=True)
    assert {flag for flag, _ in report} == wanted


# ------------------------------------------------------------------- b4-review


@pytest.mark.parametrize(
    ("result", "wanted"),
    [(CLEAN, "pass"), (UNSAFE, "fail"), (INCONCLUSIVE, "warn")],
    ids=["clean", "unsafe", "inconclusive"],
)
def test_b4_review_reads_the_array(result: Result, wanted: str, tmp_path: Path) -> None:
    _b4()
    from b4.review import checks  # type: ignore[import-untyped]

    command = _answer(tmp_path, render_b4_review(result))
    (entry,) = checks._run_external_cmd(command, EmailMessage(), str(tmp_path))
    assert (entry["tool"], entry["status"]) == ("harness", wanted)
    details = json.loads(entry["details"]) if entry["details"] else []
    assert bool(details) == (wanted != "pass")
    assert {d["status"] for d in details} <= {"pass", "warn", "fail"}


def test_b4_review_does_not_count_what_was_there_before() -> None:
    (entry,) = json.loads(render_b4_review(UNSAFE))
    details = json.loads(entry["details"])
    old = [d for d in details if d["description"].endswith("(unchanged)")]
    assert [d["status"] for d in old] == ["pass"]
    assert entry["summary"] == "unsafe: 2 new errors, 1 other"


# ------------------------------------------------------------------- patchwork


@pytest.mark.parametrize(
    ("result", "state"),
    [(CLEAN, "success"), (UNSAFE, "fail"), (INCONCLUSIVE, "warning")],
    ids=["clean", "unsafe", "inconclusive"],
)
def test_patchwork_takes_the_body(result: Result, state: str) -> None:
    body = json.loads(render_patchwork(result))
    assert body["state"] == state
    assert body["context"] == "harness"
    assert "\n" not in body["description"]
    assert 0 < len(body["description"]) <= 200


# ---------------------------------------------------------------------- github


def test_github_commands_are_one_line_each_the_worst_first() -> None:
    lines = render_github(UNSAFE).splitlines()
    levels = [line.split()[0] for line in lines]
    assert levels == ["::error", "::error", "::warning"]
    assert lines[0].startswith(
        f"::error file={P2M},line=345,title=harness stale-s12-after-local-vmalle1::"
    )


def test_github_escapes_what_would_end_a_property() -> None:
    line = render_github(HOSTILE).splitlines()[0]
    assert "file=a%25%2C%3Ab.c,line=" in line
    assert "\x1b" not in line
    assert "%25 : ," in line


def test_github_shows_the_cpus_and_what_mends_it_in_lines_of_their_own() -> None:
    lines = render_github(UNSAFE).splitlines()[0].split("%0A")
    assert len(lines) == 3
    assert lines[1].startswith(
        "breaks on only arm64 of plain Armv8.0 (such as Cortex-A35, A73)"
    )
    assert lines[2] == "fix, tried on the trace: promote TLBI VMALLE1 to VMALLE1IS"


def test_github_says_how_many_it_does_not_show() -> None:
    many = replace(UNSAFE, findings=(LOCAL,) * 14)
    lines = render_github(many).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::notice title=harness::5 more are not shown"


# ----------------------------------------------------------------- codequality

CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": [
            "description",
            "check_name",
            "fingerprint",
            "severity",
            "location",
        ],
        "properties": {
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "fingerprint": {"type": "string", "minLength": 8},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^(?!\\./|/).+"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


@each
def test_codequality_is_what_gitlab_documents(result: Result) -> None:
    entries = json.loads(render_codequality(result))
    jsonschema.validate(entries, CODE_QUALITY)
    prints = [entry["fingerprint"] for entry in entries]
    assert len(prints) == len(set(prints))


def test_codequality_of_a_clean_patch_is_an_empty_array() -> None:
    assert json.loads(render_codequality(CLEAN)) == []


def test_codequality_fingerprints_survive_moved_lines() -> None:
    moved = replace(LOCAL, location=replace(LOCAL.location, line=999))
    first, second = (
        json.loads(render_codequality(replace(UNSAFE, findings=(f,))))[0]
        for f in (LOCAL, moved)
    )
    assert first["fingerprint"] == second["fingerprint"]
    assert first["location"] != second["location"]
    gap = json.loads(render_codequality(INCONCLUSIVE))
    shifted = replace(INCONCLUSIVE.unsupported[0], line=7)
    other = replace(INCONCLUSIVE, unsupported=(shifted,))
    names = [e["fingerprint"] for e in json.loads(render_codequality(other))]
    assert names == [e["fingerprint"] for e in gap]


def test_codequality_has_an_entry_for_each_place_that_did_not_run() -> None:
    places = ("f (a.c:3)", "f (a.c:7)", "f (b.c:3)")
    entries = json.loads(
        render_codequality(
            replace(CLEAN, not_executed=places, findings=(LOCAL, WARNING))
        )
    )
    assert len(entries) == len({entry["fingerprint"] for entry in entries}) == 5


# ----------------------------------------------------------------------- junit


def _suites(result: Result, tmp_path: Path) -> list[TestSuite]:
    file = tmp_path / "junit.xml"
    file.write_text(render_junit(result), encoding="utf-8")
    return list(JUnitXml.fromfile(str(file)))


@each
def test_junit_is_read_by_junitparser(result: Result, tmp_path: Path) -> None:
    (suite,) = _suites(result, tmp_path)
    cases = list(suite)
    names = [(case.classname, case.name) for case in cases]
    assert names
    assert len(names) == len(set(names))
    assert suite.tests == len(cases)


def test_junit_fails_where_there_are_errors(tmp_path: Path) -> None:
    (suite,) = _suites(UNSAFE, tmp_path)
    assert (suite.failures, suite.skipped, suite.errors) == (2, 0, 0)
    failure = next(iter(suite)).result[0]
    assert failure.type == "stale-s12-after-local-vmalle1"
    assert "pCPU1" in failure.text


def test_junit_skips_what_was_not_covered(tmp_path: Path) -> None:
    (suite,) = _suites(INCONCLUSIVE, tmp_path)
    assert (suite.failures, suite.skipped) == (0, 3)


def test_junit_has_a_suite_for_each_patch(tmp_path: Path) -> None:
    patches = tuple(PatchSummary(f"{n}", f"patch {n}", (P2M,)) for n in (1, 2, 3))
    findings = (replace(LOCAL, patch=2), replace(WARNING, patch=3))
    series = replace(UNSAFE, patches=patches, findings=findings)
    suites = _suites(series, tmp_path)
    assert [suite.failures for suite in suites] == [0, 1, 0]
    assert suites[0].name == "harness: 1/3 patch 1"


# ----------------------------------------------------------------------- sarif


@pytest.fixture(scope="module")
def sarif() -> Any:
    """Return a validator with the schema as OASIS publishes it."""
    schema = json.loads((DATA / "sarif-schema-2.1.0.json").read_text())
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())


@each
def test_sarif_is_valid(result: Result, sarif: Any) -> None:
    log = json.loads(render_sarif(result))
    assert [error.message for error in sarif.iter_errors(log)] == []


def test_sarif_has_a_thread_flow_for_each_pcpu_with_states() -> None:
    result = json.loads(render_sarif(UNSAFE))["runs"][0]["results"][0]
    flows = result["codeFlows"][0]["threadFlows"]
    assert [flow["id"] for flow in flows] == ["pCPU0", "pCPU1"]
    orders = sorted(
        location["executionOrder"] for flow in flows for location in flow["locations"]
    )
    assert orders == list(range(1, len(LOCAL.trace) + 1))
    states = [location["state"] for flow in flows for location in flow["locations"]]
    assert all("TLB pCPU1" in state for state in states)


def test_sarif_tells_new_from_old() -> None:
    run = json.loads(render_sarif(UNSAFE))["runs"][0]
    states = {r["ruleId"]: r["baselineState"] for r in run["results"]}
    assert states["bbm-size-change"] == "unchanged"
    assert states["vcpu-switch-missing-s1-flush"] == "absent"
    assert states[LOCAL.rule] == "new"
    for result in run["results"]:
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]


def test_sarif_names_what_was_not_covered() -> None:
    run = json.loads(render_sarif(INCONCLUSIVE))["runs"][0]
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert len(notes) == 3
    assert notes[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 1140
    assert run["properties"]["verdict"] == "inconclusive"


def test_fixed_findings_are_no_annotations() -> None:
    fixed = replace(UNSAFE, findings=(replace(WARNING, status=Status.FIXED),))
    assert render_github(fixed) == render_b4_check(fixed) == ""
    assert json.loads(render_codequality(fixed)) == []
