"""One finding for a terminal, in at most 30 lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.check.finding import Finding, Severity, TlbDiff
from harness.report.names import and_more, profiles_text
from harness.report.repair_diff import how_known, indented_diff
from harness.report.replay_command import saved_command
from harness.report.terminal import (
    WIDTH,
    Colour,
    Style,
    hanging,
    harmless,
    outdented,
)
from harness.report.trace_table import trace_table

__all__ = [
    "FINDING_LINES",
    "finding_lines",
    "finding_row",
    "heading",
    "place",
    "repair_lines",
]

# A reviewer reads no more.
FINDING_LINES = 30
# Below this many lines a trace says nothing; long effects may then exceed.
_TRACE_LINES = 7
_ALL = 10**6

_COLOURS = {
    Severity.ERROR: Colour.ERROR,
    Severity.WARNING: Colour.WARNING,
    Severity.PERF: Colour.PERF,
    Severity.INFO: Colour.INFO,
}


def place(finding: Finding) -> str:
    """Return file and line of a finding."""
    location = finding.location
    return f"{harmless(location.file) or '?'}:{location.line}"


def heading(finding: Finding, style: Style) -> list[str]:
    """Return the lines that say what is wrong."""
    level = f"{finding.severity.value}[{harmless(finding.rule)}]"
    first, *rest = outdented(f"{level}:", harmless(finding.message))
    painted = style.paint(level, _COLOURS[finding.severity])
    return [painted + first[len(level) :], *rest]


def finding_row(finding: Finding, word: str = "", more: str = "") -> list[str]:
    """Return a finding in one sentence, ``word`` instead of its severity."""
    label = f"{word or finding.severity.value}[{harmless(finding.rule)}]:"
    return outdented(label, f"{harmless(finding.message)} ({place(finding)}){more}")


def finding_lines(
    finding: Finding,
    every_profile: Sequence[str],
    style: Style,
    verbose: bool,
    facts: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Return everything that is known of a finding, or what fits 30 lines.

    ``facts`` are further ones, each with its label.
    """
    head = [*heading(finding, style), *_location(finding)]
    notes = [*_labelled(facts), *_notes(finding, every_profile, verbose)]

    def whole(layout: _Layout) -> list[str]:
        trace = _trace(finding, style, layout)
        return [*head, *trace, *_tlb(finding, layout), *notes]

    lines = whole(_Layout())
    for layout in _TIGHTER:
        if verbose or len(lines) <= FINDING_LINES:
            return lines
        lines = whole(layout)
    over = len(lines) - FINDING_LINES
    if over <= 0 or not finding.trace:
        return lines
    room = len(_trace(finding, style, layout)) - 1 - over
    return whole(replace(layout, room=max(_TRACE_LINES, room)))


@dataclass(frozen=True, slots=True)
class _Layout:
    """How much of a finding is shown."""

    functions: bool = True  # the C function of each step
    entries: int = _ALL  # TLB entries of each pCPU
    right: bool = True  # pCPUs whose TLB is as it should be
    gaps: int = 2  # empty lines round the trace
    room: int = _ALL  # lines of the trace


_TIGHTER = (
    _Layout(entries=2),
    _Layout(entries=2, functions=False),
    _Layout(entries=1, functions=False),
    _Layout(entries=1, functions=False, right=False),
    _Layout(entries=1, functions=False, right=False, gaps=1),
    _Layout(entries=1, functions=False, right=False, gaps=0),
)


def _trace(finding: Finding, style: Style, layout: _Layout) -> list[str]:
    if not finding.trace:
        return [""]
    table = trace_table(finding.trace, style, layout.room, functions=layout.functions)
    above, below = min(layout.gaps, 1), layout.gaps // 2
    return [*[""] * above, *table, *[""] * below]


def _location(finding: Finding) -> list[str]:
    where = finding.location
    touched = "in the patch" if where.in_patch else "not in the patch"
    function = f"{harmless(where.function)}, " if where.function else ""
    return hanging(" --> ", f"{place(finding)} ({function}{touched})")


def _tlb(finding: Finding, layout: _Layout) -> list[str]:
    lines = []
    wrong = [diff for diff in finding.tlb_diff if diff.unexpected or diff.missing]
    if not wrong:
        return []  # nothing to compare, and no reason to say that all is well
    for diff in finding.tlb_diff if layout.right else wrong:
        pe = f"  TLB of pCPU{diff.pe}  "
        for n, (label, text) in enumerate(_compared(finding, diff, layout.entries)):
            start = pe if n == 0 else " " * len(pe)
            lines += hanging(f"{start}{label:<9} ", harmless(text))
    return lines


def _compared(finding: Finding, diff: TlbDiff, entries: int) -> list[tuple[str, str]]:
    """Set what the TLB may hold against what it is allowed to, as labelled rows."""
    if not diff.unexpected and not diff.missing:
        return [("observed", "only what is allowed")]
    kind = f"{finding.witness.kind} " if finding.witness else ""
    # The entry that the message is about comes first.
    shown = sorted(diff.unexpected, key=lambda entry: not entry.startswith(kind))
    shown = shown[:entries]
    if len(diff.unexpected) > entries:
        shown[-1] += f"; and {len(diff.unexpected) - entries} more"
    rows = [("" if n else "observed", entry) for n, entry in enumerate(shown)]
    rows += [("missing", entry) for entry in diff.missing]
    return [*rows, ("allowed", diff.allowed)]


def _notes(finding: Finding, every_profile: Sequence[str], verbose: bool) -> list[str]:
    """Return the labelled facts below the trace."""
    notes = []
    if finding.arm_rules:
        notes.append(("Arm rules", ", ".join(finding.arm_rules)))
    perf = finding.severity is Severity.PERF
    notes.append(
        ("costs on" if perf else "breaks on", _profiles(finding, every_profile))
    )
    if finding.assumptions:
        notes.append(("assumes", ", ".join(finding.assumptions)))
    others = [name for name in finding.scenarios if name != finding.scenario]
    names = [finding.scenario, *others]
    notes.append(("scenario", and_more(names, len(names) if verbose else 1, "similar")))
    if finding.repair is not None:
        known = how_known(finding.repair, perf=perf)
        notes.append((f"repair ({known})", finding.repair.text))
    if finding.suppressed:
        notes.append(("suppressed by", finding.suppressed))
    if finding.suppression_refused:
        notes.append(("not suppressed", finding.suppression_refused))
    if finding.trace_file:
        notes.append(("replay", saved_command(finding)))
    return _labelled(notes)


def repair_lines(finding: Finding, *, again: bool) -> list[str]:
    """Return the repair of a finding as a diff, if there is one.

    ``again``: it was shown before.
    """
    if finding.repair is None:
        return []
    if finding.repair.no_diff:
        return _labelled([("repair as a diff", finding.repair.no_diff)])
    if not finding.repair.diff:
        return []
    if again:
        return _labelled([("repair (checked)", "the change shown above removes it")])
    said = "this change of the patched tree was analysed: it is gone, and nothing new"
    diff = indented_diff(finding.repair.diff, WIDTH)
    return [*_labelled([("repair (checked)", said)]), *diff]


def _labelled(notes: Sequence[tuple[str, str]]) -> list[str]:
    return [
        line
        for label, text in notes
        for line in outdented(f"  = {label}:", harmless(text))
    ]


def _profiles(finding: Finding, every: Sequence[str]) -> str:
    breaks = profiles_text(finding.profiles, every)
    others = [name for name in every if name not in finding.profiles]
    return f"{breaks}; not on: {profiles_text(others, every)}" if others else breaks
