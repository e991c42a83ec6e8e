"""Workflow commands that GitHub shows as annotations of a pull request."""

from __future__ import annotations

from harness.check.finding import Finding, Severity
from harness.check.result import Result
from harness.report.cpus import cpus_text
from harness.report.gaps import gaps
from harness.report.order import told
from harness.report.suppressions import message, suppressed_text
from harness.report.terminal import harmless

__all__ = ["render_github"]

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}
# GitHub shows no more of each level for one step.
_SHOWN = 10
_NEWLINE = "%0A"


def render_github(result: Result) -> str:
    """Return commands, the worst first; what GitHub would drop is counted."""
    lines: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    for finding in told(result.findings):
        level = _LEVELS.get(finding.severity, "notice")
        where = finding.location
        lines[level].append(
            _command(
                level, where.file, where.line, finding.rule, *_told(finding, result)
            )
        )
    for finding in result.suppressed:
        where = finding.location
        text = suppressed_text(finding)
        lines["notice"].append(
            _command("notice", where.file, where.line, finding.rule, text)
        )
    lines["warning"] += [
        _command("warning", gap.file, gap.line, gap.rule, gap.text)
        for gap in gaps(result)
    ]
    return "".join(f"{line}\n" for level in lines for line in _shown(lines[level]))


def _told(finding: Finding, result: Result) -> list[str]:
    """Return the lines of an annotation: what, on which CPUs, and what mends it."""
    lines = [message(finding)]
    does = "costs" if finding.severity is Severity.PERF else "breaks"
    lines.append(f"{does} on {cpus_text(finding.profiles, result.profiles)}")
    if finding.repair is not None and finding.repair.verified:
        lines.append(f"fix, tried on the trace: {finding.repair.text}")
    return lines


def _shown(lines: list[str]) -> list[str]:
    if len(lines) <= _SHOWN:
        return lines
    more = len(lines) - _SHOWN + 1
    return [*lines[: _SHOWN - 1], f"::notice title=harness::{more} more are not shown"]


def _command(level: str, file: str, line: int, rule: str, *text: str) -> str:
    place = f"file={_property(file)},line={line}," if file and line else ""
    title = _property(f"harness {rule}")
    return f"::{level} {place}title={title}::{_NEWLINE.join(map(_data, text))}"


def _data(text: str) -> str:
    text = harmless(text)
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, code)
    return text


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
