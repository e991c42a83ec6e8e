"""The Code Quality report of GitLab: one array, empty when all is well."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from harness.check.finding import Severity
from harness.check.result import Result
from harness.report.gaps import gaps
from harness.report.order import told

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

    GitLab drops entries with the same fingerprint silently: those of findings
    are structural and differ by themselves, those of gaps are made here.
    """
    entries: dict[str, dict[str, Any]] = {}
    for f in told(result.findings):
        place = (f.location.file, f.location.line)
        text = f"{f.message} [{', '.join(f.profiles)}]"
        severity = _SEVERITY[f.severity]
        entry = _entry(f.rule, text, f.fingerprint, severity, place)
        entries.setdefault(f.fingerprint, entry)
    for gap in gaps(result):
        digest = hashlib.sha256(repr((gap.rule, gap.file, gap.text)).encode())
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
