"""The Code Quality report of GitLab: one array, empty when all is well."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from harness.check.finding import Severity
from harness.check.result import Result
from harness.report.cpus import cpus_text
from harness.report.gaps import gaps
from harness.report.order import told
from harness.report.suppressions import message, suppressed_text

__all__ = ["render_codequality"]

_SEVERITY = {
    Severity.ERROR: "critical",
    Severity.WARNING: "major",
    Severity.PERF: "minor",
    Severity.INFO: "info",
}
_NOWHERE = "xen/Makefile"  # GitLab drops an entry without a file


def render_codequality(result: Result) -> str:
    """Return an entry for each new finding and each gap.

    What is suppressed has the lowest severity: GitLab knows no other way.

    GitLab drops entries with the same fingerprint silently: those of findings
    are structural and differ by themselves, those of gaps are made here.
    """
    entries: dict[str, dict[str, Any]] = {}
    for f in told(result.findings):
        place = (f.location.file, f.location.line)
        text = f"{message(f)} (breaks on {cpus_text(f.profiles, result.profiles)})"
        severity = _SEVERITY[f.severity]
        entry = _entry(f.rule, text, f.fingerprint, severity, place)
        entries.setdefault(f.fingerprint, entry)
    for f in result.suppressed:
        place = (f.location.file, f.location.line)
        entry = _entry(f.rule, suppressed_text(f), f.fingerprint, "info", place)
        entries.setdefault(f.fingerprint, entry)
    times: dict[tuple[str, ...], int] = {}
    for gap in gaps(result):
        what = (gap.rule, gap.file, gap.text)
        times[what] = number = times.get(what, 0) + 1
        told_apart = (*what, str(number)) if number > 1 else what
        digest = hashlib.sha256(repr(told_apart).encode())
        name = digest.hexdigest()[:16]
        place = (gap.file, gap.line)
        entries.setdefault(name, _entry(gap.rule, gap.text, name, "minor", place))
    return json.dumps(list(entries.values()), indent=1) + "\n"


def _entry(
    rule: str, text: str, fingerprint: str, severity: str, place: tuple[str, int]
) -> dict[str, Any]:
    return {
        "description": text,
        "check_name": rule,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {
            "path": place[0] or _NOWHERE,
            "lines": {"begin": max(1, place[1])},
        },
    }
