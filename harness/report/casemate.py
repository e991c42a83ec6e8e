"""The traces of the new findings as logs of casemate, the worst finding first.

A line that starts with "!" ends a log, for casemate as for ``harness replay``: it
names the finding, and the next log starts after it.  What is in no log is said at
the end, in such lines as well.
"""

from __future__ import annotations

from harness.check.finding import Finding
from harness.check.replays.casemate_log import CasemateLog, casemate_log
from harness.check.result import Result
from harness.report.finding_text import place
from harness.report.gaps import gaps
from harness.report.order import told
from harness.report.suppressions import message, suppressed_text
from harness.report.terminal import Style, harmless
from harness.report.text import verdict_lines

__all__ = ["render_casemate"]


def render_casemate(result: Result) -> str:
    """Return the logs, then what is in none, and the verdict."""
    logs = [(finding, casemate_log(finding)) for finding in told(result.findings)]
    text = "".join(_log(finding, log) for finding, log in logs if log.lines)
    remarks = [_missing(finding, log) for finding, log in logs if not log.lines]
    remarks += [
        f"{place(f)}: {f.rule}: {suppressed_text(f)}" for f in result.suppressed
    ]
    remarks += [f"{gap.file or '?'}:{gap.line}: {gap.text}" for gap in gaps(result)]
    verdict = " ".join(line.strip() for line in verdict_lines(result, Style()))
    remarks.append(verdict.removeprefix("harness: "))
    return text + "".join(map(_remark, remarks))


def _remark(text: str) -> str:
    return f"! harness: {harmless(text)}\n"


def _log(finding: Finding, log: CasemateLog) -> str:
    beside = "; the log, the least that shows it, has as well: " if log.beside else ""
    ending = f"{_told(finding)}{beside}{', '.join(log.beside)}"
    return "".join(log.lines) + _remark(ending)


def _missing(finding: Finding, log: CasemateLog) -> str:
    again = f"; harness replay {finding.replay}" if finding.replay else ""
    return f"no log of {_told(finding)}: {log.missing}{again}"


def _told(finding: Finding) -> str:
    level = f"{finding.severity.value}[{finding.rule}]"
    return f"{level} at {place(finding)}: {message(finding)}"
