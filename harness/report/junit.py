"""JUnit XML as GitLab reads it: a test case for each rule that was broken.

GitLab shows the class name as the suite and keeps the first of test cases with
the same class and name, so both together are unique.
"""

from __future__ import annotations

from xml.etree import ElementTree

from harness.check.finding import Finding, Severity
from harness.check.result import Result
from harness.report.by_patch import Part, parts
from harness.report.finding_text import finding_lines
from harness.report.finding_text import place as place_of
from harness.report.gaps import gaps
from harness.report.replay_command import replay_command
from harness.report.suppressions import message, suppressed_text
from harness.report.terminal import WIDTH, Style, harmless

__all__ = ["render_junit"]


def render_junit(result: Result) -> str:
    """Return a document with a suite for each patch."""
    root = ElementTree.Element("testsuites", name="harness")
    for part in parts(result):
        _suite(root, part, result)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(root: ElementTree.Element, part: Part, result: Result) -> None:
    name = _name(part, result)
    suite = ElementTree.SubElement(root, "testsuite", name=name)
    used: dict[str, int] = {}
    failures = 0
    for finding in part.findings:
        label = f"{finding.rule} in {finding.location.function or 'the trace'}"
        case = _case(suite, name, _unique(label, used))
        if finding.severity is Severity.ERROR:
            failures += 1
            _failure(case, finding, result)
        else:
            output = ElementTree.SubElement(case, "system-out")
            output.text = _text(finding, result)
    # What was not covered belongs to the series: it is told once, at its end.
    missing = gaps(result) if part.number == part.count else []
    for gap in missing:
        case = _case(suite, name, _unique(gap.text, used))
        place = f"{gap.file}:{gap.line}: " if gap.line else ""
        ElementTree.SubElement(case, "skipped", message=_xml(f"{place}{gap.text}"))
    kept = result.suppressed if part.number == part.count else ()
    for finding in kept:
        label = f"{finding.rule} in {finding.location.function or 'the trace'}"
        case = _case(suite, name, _unique(label, used))
        text = f"{place_of(finding)}: {suppressed_text(finding)}"
        ElementTree.SubElement(case, "skipped", message=_xml(text))
    if not len(suite):
        _case(suite, name, f"no new finding in {result.bounds.scenarios} scenarios")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    suite.set("skipped", str(len(missing) + len(kept)))


def _name(part: Part, result: Result) -> str:
    number = f"{part.number}/{part.count} " if part.count > 1 else ""
    return f"harness: {number}{harmless(part.title or f'Xen {result.tree_version}')}"


def _case(suite: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=_xml(classname), name=_xml(name)
    )


def _unique(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, 0) + 1
    return name if used[name] == 1 else f"{name} ({used[name]})"


def _failure(case: ElementTree.Element, finding: Finding, result: Result) -> None:
    failure = ElementTree.SubElement(
        case, "failure", message=_xml(message(finding)), type=finding.rule
    )
    failure.text = _text(finding, result)


def _text(finding: Finding, result: Result) -> str:
    lines = finding_lines(finding, result.profiles, Style(), False)
    if finding.replay:
        lines += ["  = replay:", *replay_command(finding.replay, WIDTH, "    ")]
    return _xml("\n".join(lines))


def _xml(text: str) -> str:
    """Escape what XML cannot hold at all."""
    return "\n".join(harmless(line) for line in text.split("\n"))
