"""Findings as a reply tells them: below the lines of the patch they are about.

Those about one hunk stand below one quotation of it.  The worst is told with
its whole trace, each further one as long as there is room, and the rest with
what each step is called only.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from harness.catalogue import page
from harness.check.finding import Finding, Step
from harness.report.cpus import cpus_text
from harness.report.finding_text import place
from harness.report.mail.quote import numbered, quoted
from harness.report.names import short_names
from harness.report.plain import plain
from harness.report.repair_diff import indented_diff
from harness.report.suppressions import message
from harness.report.terminal import harmless

__all__ = [
    "WIDTH",
    "Quoted",
    "change_lines",
    "in_mail_order",
    "told_findings",
    "wrapped",
]

WIDTH = 72
_DIFF_LINES = 40  # a longer one is no reply any more
_LABEL = 10
_CHECKED = (
    "{what} against the patched tree (checked: all was run again with it, {gone} "
    "gone, and there is nothing new):"
)
_CODE = 80  # columns of a line of the source
_SHARED = 3  # steps that are worth looking for elsewhere


@dataclass(frozen=True, slots=True)
class Quoted:
    """Quoted lines of the patch, and the findings about them."""

    quotation: list[str]
    findings: list[list[str]]


def wrapped(text: str, indent: str = "", further: str | None = None) -> list[str]:
    """Break a text into lines of a mail."""
    return textwrap.wrap(
        harmless(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_on_hyphens=False,
    )


def told_findings(
    findings: Sequence[Finding], every: Sequence[str], room: int, *, diffs: bool
) -> list[Quoted]:
    """Tell findings, the worst of each hunk first, in about ``room`` lines.

    ``diffs``: each with the change that mends it.
    """
    groups = _groups(findings)
    quotations = [_quotation(group) for group in groups]
    order = in_mail_order(findings)
    all_texts = [_Text(f, n, every, order, diffs) for n, f in enumerate(order, 1)]
    short = [text.short() for text in all_texts]
    used = sum(len(each) + 1 for each in quotations) + sum(map(len, short))
    for n, text in enumerate(all_texts):
        full = text.full()
        more = len(full) - len(short[n])
        if n and used + more > room:
            break
        short[n] = full
        used += more
    rest = iter(short)
    return [
        Quoted(quotation, [next(rest) for _ in group])
        for quotation, group in zip(quotations, groups, strict=True)
    ]


def in_mail_order(findings: Sequence[Finding]) -> list[Finding]:
    """Put findings about the same hunk behind the worst of them."""
    return [finding for group in _groups(findings) for finding in group]


def _groups(findings: Sequence[Finding]) -> list[list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.hunk or finding.fingerprint, []).append(finding)
    return list(groups.values())


def _quotation(group: Sequence[Finding]) -> list[str]:
    wanted = set()
    for finding in group:
        where = finding.location
        wanted.add(where.line)
        wanted |= {s.line for s in finding.trace if s.blamed and s.file == where.file}
    return quoted(group[0].hunk, wanted)


@dataclass(frozen=True, slots=True)
class _Text:
    """One of the findings as lines, numbered if there are several."""

    finding: Finding
    number: int
    every: Sequence[str]
    order: Sequence[Finding]
    diffs: bool

    def full(self) -> list[str]:
        """Tell what is wrong, why, how it happens, where, and what mends it."""
        trace = self._trace()
        return [
            *self._message(),
            *wrapped(" ".join(page(self.finding.rule).why.split())),
            "",
            *trace,
            *([""] if trace else []),
            *self._facts(),
            *self._diff(),
            "",
        ]

    def short(self) -> list[str]:
        """Tell it with no more of the trace than what each step is called."""
        names = _names(self.finding)
        trace = self.finding.trace
        same, above = self._above()
        steps = [f"1-{same} as in {above}"] if same else []
        steps += [_event(step, names) for step in trace[same:]]
        if steps:
            steps[-1] += f": {plain(trace[-1].effect)}"
        return [
            *self._message(),
            *_labelled("Steps", "; ".join(steps)),
            *self._facts(),
            *self._diff(),
            "",
        ]

    def _trace(self) -> list[str]:
        """Number the steps; those that another finding begins with are told there."""
        names = _names(self.finding)
        same, above = self._above()
        lines = [f"  1-{same}  as in {above}"] if same else []
        for step in self.finding.trace[same:]:
            lines += _step(step, names, last=step is self.finding.trace[-1])
        return lines

    def _above(self) -> tuple[int, int]:
        """Return how many steps another one begins with as well, and its number.

        Fewer than three are told again.
        """
        before = enumerate(self.order[: self.number - 1], 1)
        shared = [(_common(self.finding.trace, f.trace), -n) for n, f in before]
        count, number = max(shared, default=(0, 0))
        return (count, -number) if count >= _SHARED else (0, 0)

    def _message(self) -> list[str]:
        text = message(self.finding)
        if not text.startswith("vCPU"):
            text = f"{text[:1].upper()}{text[1:]}"
        label = f"{self.number}. " if len(self.order) > 1 else ""
        code = _code(self.finding)
        where = f"{place(self.finding)}{', ' if code else ''}{code}"
        return wrapped(f"{label}{text} ({where}).")

    def _facts(self) -> list[str]:
        """Return the labelled facts; no colon, or they would read like trailers."""
        finding = self.finding
        rules = ", ".join(finding.arm_rules)
        arm = f"Arm {rules}; " if rules else ""
        rows = [
            ("Breaks on", cpus_text(finding.profiles, self.every)),
            ("Fix", _repair(finding)),
            ("Mended", _mended(finding)),
            ("Rule", f"{arm}{finding.rule}"),
        ]
        return [line for label, text in rows if text for line in _labelled(label, text)]

    def _diff(self) -> list[str]:
        """Return the repair as a diff; it is told once."""
        repair = self.finding.repair
        lines = change_lines(repair.diff) if repair is not None else []
        if repair is None or not lines or not self.diffs:
            return []
        mended = [
            number
            for number, each in enumerate(self.order, 1)
            if each.repair is not None and each.repair.diff == repair.diff
        ]
        if mended[0] < self.number:
            return []
        what, gone = "As a diff", "this is"
        if len(mended) > 1:
            what = f"One change for {_numbers(mended)}"
            gone = "they are"
        checked = _CHECKED.format(what=what, gone=gone)
        return ["", *wrapped(checked, "  "), "", *lines]


def _numbers(numbers: Sequence[int]) -> str:
    """Return ascending numbers in words."""
    first, last = numbers[0], numbers[-1]
    if len(numbers) > 2 and last - first == len(numbers) - 1:
        return f"{first} to {last}"
    return f"{', '.join(map(str, numbers[:-1]))} and {last}"


def change_lines(diff: str) -> list[str]:
    """Return a diff, indented: it is not to be taken for a patch."""
    lines = indented_diff(diff, WIDTH)
    return lines if len(lines) <= _DIFF_LINES else []


def _code(finding: Finding) -> str:
    """Return the line that a finding points at, "" if it is not at hand."""
    where = finding.location
    excerpts = (e.lines for e in finding.excerpts if e.file == where.file)
    lines = {number: text for each in excerpts for number, text in each}
    if where.in_patch:
        lines |= numbered(finding.hunk)
    return " ".join(harmless(lines.get(where.line, "")).split())[:_CODE]


def _labelled(label: str, text: str) -> list[str]:
    start = f"  {label:<{_LABEL}} "
    return wrapped(text, start, " " * len(start)) if text else []


def _repair(finding: Finding) -> str:
    repair = finding.repair
    if repair is None:
        return ""
    if not repair.verified:
        return f"{repair.text} (part of it: alone this does not do)"
    if repair.no_diff:
        return f"{repair.text} (in the trace; {repair.no_diff})"
    return repair.text


def _mended(finding: Finding) -> str:
    if not finding.fixed_by:
        return ""
    return f"by patch {finding.fixed_by} of the series, but not before it"


# ---------------------------------------------------------------------- trace


def _common(some: Sequence[Step], others: Sequence[Step]) -> int:
    """Count the steps that two traces begin with, never all of one."""
    count = 0
    for mine, other in zip(some[:-1], others, strict=False):
        if _key(mine) != _key(other):
            break
        count += 1
    return count


def _key(step: Step) -> tuple[object, ...]:
    return (step.step, step.pe, step.event, step.file, step.line, step.effect)


def _step(step: Step, names: dict[str, str], *, last: bool) -> list[str]:
    where = f"{names[step.file]}:{step.line}: " if step.file else ""
    text = f"{where}{_worded(step)}"
    if step.effect:
        text += f": {'!! ' if last else ''}{plain(step.effect)}"
    label = f"  {step.step:>2}  pCPU{step.pe}  "
    return wrapped(text, label, " " * len(label))


def _event(step: Step, names: dict[str, str]) -> str:
    where = f" ({names[step.file]}:{step.line})" if step.file else ""
    return f"{_worded(step)}{where}"


def _worded(step: Step) -> str:
    return plain(step.event)


def _names(finding: Finding) -> dict[str, str]:
    return short_names(step.file for step in finding.trace if step.file)
