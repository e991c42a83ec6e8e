"""JUnit XML as GitLab reads it: a test case for each rule that was broken.

GitLab shows the class name as the suite and keeps the first of test cases with
the same class and name, so both together are unique.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from harness.check.finding import Finding, Severity
from harness.check.result import Result
from harness.report.finding_text import finding_lines
from harness.report.gaps import gaps
from harness.report.order import told
from harness.report.terminal import Style, harmless

__all__ = ["render_junit"]


def render_junit(results: Sequence[Result]) -> str:
    """Return a document with a suite for each patch."""
    root = ElementTree.Element("testsuites", name="harness")
    for number, result in enumerate(results, 1):
        _suite(root, result, _suite_name(result, number, len(results)))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite_name(result: Result, number: int, count: int) -> str:
    if not result.patches:
        return f"harness: Xen {harmless(result.tree_version)}"
    patch = result.patches[-1]
    title = harmless(patch.subject or patch.name)
    return f"harness: {f'{number}/{count} ' if count > 1 else ''}{title}"


def _suite(root: ElementTree.Element, result: Result, name: str) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=name)
    failures = skipped = 0
    used: dict[str, int] = {}
    for finding in told(result.findings):
        label = f"{finding.rule} in {finding.location.function or 'the trace'}"
        case = _case(suite, name, _unique(label, used))
        if finding.severity is Severity.ERROR:
            failures += 1
            _failure(case, finding, result)
        else:
            output = ElementTree.SubElement(case, "system-out")
            output.text = _text(finding, result)
    for gap in gaps(result):
        case = _case(suite, name, _unique(gap.text, used))
        place = f"{gap.file}:{gap.line}: " if gap.line else ""
        ElementTree.SubElement(case, "skipped", message=_xml(f"{place}{gap.text}"))
        skipped += 1
    if not len(suite):
        _case(suite, name, f"clean: {result.bounds.scenarios} scenarios")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    suite.set("skipped", str(skipped))


def _case(suite: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=_xml(classname), name=_xml(name)
    )


def _unique(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, 0) + 1
    return name if used[name] == 1 else f"{name} ({used[name]})"


def _failure(case: ElementTree.Element, finding: Finding, result: Result) -> None:
    failure = ElementTree.SubElement(
        case, "failure", message=_xml(finding.message), type=finding.rule
    )
    failure.text = _text(finding, result)


def _text(finding: Finding, result: Result) -> str:
    lines = finding_lines(finding, result.profiles, Style(), False)
    return _xml("\n".join(lines))


def _xml(text: str) -> str:
    """Escape what XML cannot hold at all."""
    return "\n".join(harmless(line) for line in text.split("\n"))
