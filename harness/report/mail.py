"""A reply to the mail that a patch came in, ready for git send-email.

One mail for a series, to the first patch that brings in an error, and none
where there is no error: people are not told that all is well, nor that the
tool could not tell.
"""

from __future__ import annotations

import re
import textwrap
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

import harness
from harness.check.finding import Finding, Severity, Step
from harness.check.result import Result, Verdict
from harness.model_version import model_version
from harness.report.answers import answers
from harness.report.by_patch import Part, parts
from harness.report.finding_text import place
from harness.report.gaps import gaps
from harness.report.names import counted, profiles_text, short_names
from harness.report.terminal import harmless

__all__ = ["render_mail"]

_WIDTH = 72
_HUNK_LINES = 12
_SUBJECT = 200
_HEAD = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)")
# What b4 would take from a reply into the commit, and git for a new mail.
_TRAILER = re.compile(r"^\s*(\w\S*):\s+(\S.*)")
_TAKEN = ("fixes", "link", "closes", "base-commit", "change-id", "message-id")


def render_mail(result: Result) -> str:
    """Return the reply, "" where nothing is to be said."""
    if result.verdict is not Verdict.UNSAFE or not result.patches:
        return ""
    every = parts(result)
    part = next(p for p in every if p.verdict is Verdict.UNSAFE)
    assert part.patch is not None
    template = _environment().get_template("mail.txt.j2")
    body = template.render(
        letter=part.patch.letter,
        findings=[_finding(f, result) for f in part.findings if _told(f)],
        count=counted(sum(_told(f) for f in part.findings), "problem"),
        others=_others(every, part),
        warnings=_warnings(part),
        answers=_answers(result),
        gaps=[
            _wrapped(f"{_place(g.file, g.line)}{g.text}", "  ") for g in gaps(result)
        ],
        base=_wrapped(f"On {harmless(result.base)}, Xen {result.tree_version}.", ""),
        bound=_bound(result),
        version=harness.__version__,
        model=model_version(),
        scenario=part.findings[0].scenario,
    )
    head, signature, tail = body.partition("\n-- \n")
    safe = "\n".join(_not_taken(line) for line in head.split("\n"))
    return "\n".join(_headers(part)) + "\n\n" + safe + signature + tail


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _told(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR


# --------------------------------------------------------------------- header


def _headers(part: Part) -> list[str]:
    assert part.patch is not None
    letter = part.patch.letter
    lines = []
    author, *others = letter.recipients or ("",)
    if author:
        lines.append(f"To: {author}")
    if others:
        lines.append("Cc: " + ",\n ".join(others))
    subject = harmless(part.title)[:_SUBJECT]
    lines.append(f"Subject: Re: {subject.removeprefix('Re: ')}")
    if letter.message_id:
        lines.append(f"In-Reply-To: {letter.message_id}")
        references = dict.fromkeys([*letter.references, letter.message_id])
        lines.append("References: " + "\n ".join(references))
    return [
        *lines,
        f"X-Mailer: harness {harness.__version__}",
        "X-Patchwork-Hint: ignore",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]


# ----------------------------------------------------------------------- body


def _finding(finding: Finding, result: Result) -> dict[str, object]:
    repair = finding.repair
    others = [p for p in result.profiles if p not in finding.profiles]
    breaks = profiles_text(finding.profiles, result.profiles)
    if others:
        breaks += f"; not on {profiles_text(others, result.profiles)}"
    rules = ", ".join(finding.arm_rules)
    return {
        "hunk": [f"> {harmless(line)}".rstrip() for line in _hunk(finding)],
        "message": _wrapped(f"{_sentence(finding)} ({place(finding)})", ""),
        "rule": finding.rule,
        "trace": _trace(finding),
        "facts": [
            line
            for label, text in (
                ("Breaks on", breaks),
                ("Arm rules", f"{rules} (Arm DDI 0487)" if rules else ""),
                ("Only if", ", ".join(finding.assumptions)),
            )
            if text
            for line in _labelled(label, text)
        ],
        "repair": _wrapped(repair.text, "    ") if repair else [],
        "verified": repair is not None and repair.verified,
    }


def _sentence(finding: Finding) -> str:
    text = harmless(finding.message)
    return text if text.startswith("vCPU") else f"{text[:1].upper()}{text[1:]}"


def _hunk(finding: Finding) -> list[str]:
    """Return the lines of the hunk near the place of the finding."""
    lines = finding.hunk.split("\n") if finding.hunk else []
    if len(lines) <= _HUNK_LINES:
        return lines
    at = _index(lines, finding)
    start = max(1, min(at - _HUNK_LINES // 2, len(lines) - _HUNK_LINES))
    end = start + _HUNK_LINES
    above = ["[...]"] if start > 1 else []
    below = ["[...]"] if end < len(lines) else []
    return [lines[0], *above, *lines[start:end], *below]


def _index(lines: list[str], finding: Finding) -> int:
    """Return where in a hunk the finding's line is, else its first change."""
    head = _HEAD.match(lines[0])
    number = int(head[1]) if head else 0
    wanted = {finding.location.line}
    wanted |= {s.line for s in finding.trace if s.blamed}
    for index, line in enumerate(lines[1:], 1):
        if line[:1] != "-":
            if number in wanted and line[:1] == "+":
                return index
            number += 1
    return next((n for n, line in enumerate(lines) if line[:1] in "+-"), 1)


def _trace(finding: Finding) -> list[str]:
    names = short_names(step.file for step in finding.trace if step.file)
    lines: list[str] = []
    for step in finding.trace:
        last = step is finding.trace[-1]
        lines += _step(step, names, last=last)
    return lines


def _step(step: Step, names: dict[str, str], *, last: bool) -> list[str]:
    where = f"{names[step.file]}:{step.line}: " if step.file else ""
    text = f"{where}{harmless(step.event)}"
    if step.effect:
        text += f": {harmless(step.effect)}"
    if last:
        text += "   <-- here"
    label = f"  {step.step:>2}  pCPU{step.pe}  "
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_on_hyphens=False,
    )


def _others(every: list[Part], shown: Part) -> list[str]:
    lines = []
    for part in every:
        errors = sum(f.severity is Severity.ERROR for f in part.findings)
        if part is not shown and errors:
            text = f"patch {part.number}/{part.count}: {counted(errors, 'new error')}: "
            rules = ", ".join(dict.fromkeys(f.rule for f in part.findings))
            lines += _wrapped(text + rules, "  ")
    return lines


def _warnings(part: Part) -> list[str]:
    return [
        line
        for f in part.findings
        if f.severity is Severity.WARNING
        for line in _wrapped(f"* {f.rule}, {place(f)}", "  ", "    ")
    ]


def _answers(result: Result) -> list[str]:
    return [
        line
        for each in answers(result)
        for line in _wrapped(f"* {each.question}? {each.answer}.", "  ", "    ")
    ]


def _bound(result: Result) -> str:
    bounds = result.bounds
    return (
        f"{bounds.scenarios} scenarios, {bounds.profiles} CPU profiles, "
        f"{bounds.pcpus} pCPUs"
    )


def _place(file: str, line: int) -> str:
    return f"{file}:{line}: " if line else ""


def _labelled(label: str, text: str) -> list[str]:
    # No colon behind the label: it would read like a trailer.
    return _wrapped(f"{label}  {text}", "", " " * (len(label) + 2))


def _wrapped(text: str, indent: str, further: str | None = None) -> list[str]:
    return textwrap.wrap(
        harmless(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_on_hyphens=False,
    )


def _not_taken(line: str) -> str:
    """Mark a line that a tool would take for a trailer or a new mail."""
    if line.startswith(">"):
        return line
    found = _TRAILER.match(line)
    taken = found is not None and ("@" in found[2] or found[1].lower() in _TAKEN)
    if taken or line.startswith(("From ", "diff --git ", "--- ", "+++ ", "@@ ")):
        return f"| {line}"
    return line
