"""JSON for ``b4.review-perpatch-check-cmd``: an array of check results."""

from __future__ import annotations

import json

from harness.check.finding import Finding, Severity, Status
from harness.check.result import Result, Verdict
from harness.report.gaps import gaps
from harness.report.names import counted
from harness.report.order import told, worst_first
from harness.report.suppressions import message, suppressed_text

__all__ = ["render_b4_review"]

_STATUS = {
    Verdict.CLEAN: "pass",
    Verdict.UNSAFE: "fail",
    Verdict.INCONCLUSIVE: "warn",
}
_SEVERITY = {Severity.ERROR: "fail", Severity.WARNING: "warn"}


def render_b4_review(result: Result) -> str:
    """Return an array with one entry, its findings as details."""
    return json.dumps([_entry(result)], indent=1) + "\n"


def _entry(result: Result) -> dict[str, str]:
    details = [_detail(f) for f in worst_first(result.findings)]
    details += [
        {"status": "warn", "description": f"{gap.file}:{gap.line}: {gap.text}"}
        if gap.line
        else {"status": "warn", "description": gap.text}
        for gap in gaps(result)
    ]
    warned = any(detail["status"] == "warn" for detail in details)
    status = _STATUS[result.verdict]
    return {
        "tool": "harness",
        "status": "warn" if status == "pass" and warned else status,
        "summary": _summary(result),
        "url": "",
        "details": json.dumps(details) if details else "",
    }


def _summary(result: Result) -> str:
    new = told(result.findings)
    kept = len(result.suppressed)
    suppressed = [f"{kept:,} suppressed"] if kept else []
    if not new:
        return ": ".join([result.verdict.value, *suppressed])
    errors = sum(f.severity is Severity.ERROR for f in new)
    parts = [counted(errors, "new error"), counted(len(new) - errors, "other")]
    shown = [part for part in parts if not part.startswith("0 ")]
    return f"{result.verdict.value}: {', '.join([*shown, *suppressed])}"


def _detail(finding: Finding) -> dict[str, str]:
    """Say what a finding is; one that was there before counts for nothing."""
    place = f"{finding.location.file}:{finding.location.line}"
    status = _SEVERITY.get(finding.severity, "pass")
    text = f"{place}: {finding.rule}: {message(finding)}"
    if finding.suppressed:
        text = f"{place}: {finding.rule}: {suppressed_text(finding)}"
        return {"status": "pass", "description": text}
    if finding.status is not Status.NEW:
        status, text = "pass", f"{text} ({finding.status.value})"
    return {"status": status, "description": text}
