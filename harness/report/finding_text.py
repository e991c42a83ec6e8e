"""One finding for a terminal, in at most 30 lines."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.finding import Finding, Severity, TlbDiff
from harness.report.names import and_more, profiles_text
from harness.report.terminal import Colour, Style, hanging, harmless, outdented
from harness.report.trace_table import trace_table

__all__ = ["FINDING_LINES", "finding_lines", "finding_row", "heading", "place"]

# A reviewer reads no more.
FINDING_LINES = 30
# Below this many lines a trace says nothing; long effects may then exceed.
_TRACE_LINES = 7
_SHOWN_ENTRIES = 2

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


def finding_row(finding: Finding, word: str = "") -> list[str]:
    """Return a finding in one sentence, ``word`` instead of its severity."""
    label = f"{word or finding.severity.value}[{harmless(finding.rule)}]:"
    return outdented(label, f"{harmless(finding.message)} ({place(finding)})")


def finding_lines(
    finding: Finding, every_profile: Sequence[str], style: Style, verbose: bool
) -> list[str]:
    """Return everything that is known of a finding."""
    head = [*heading(finding, style), *_location(finding)]
    tail = [*_tlb(finding, verbose), *_notes(finding, every_profile, verbose)]
    lines = head
    if finding.trace:
        lines = [*lines, "", *_trace(finding, style, len(head) + len(tail), verbose)]
    return [*lines, "", *tail]


def _location(finding: Finding) -> list[str]:
    where = finding.location
    touched = "in the patch" if where.in_patch else "not in the patch"
    function = f"{harmless(where.function)}, " if where.function else ""
    return hanging(" --> ", f"{place(finding)} ({function}{touched})")


def _trace(finding: Finding, style: Style, others: int, verbose: bool) -> list[str]:
    room = FINDING_LINES - others - 2  # two empty lines
    full = trace_table(finding.trace, style, 10**6, functions=True)
    if verbose or len(full) <= room:
        return full
    return trace_table(finding.trace, style, max(room, _TRACE_LINES))


def _tlb(finding: Finding, verbose: bool) -> list[str]:
    lines = []
    for diff in finding.tlb_diff:
        pe = f"  TLB of pCPU{diff.pe}  "
        for n, (label, text) in enumerate(_observed(diff, verbose)):
            start = pe if n == 0 else " " * len(pe)
            lines += hanging(f"{start}{label:<9} ", harmless(text))
    return lines


def _observed(diff: TlbDiff, verbose: bool) -> list[tuple[str, str]]:
    shown = len(diff.unexpected) if verbose else _SHOWN_ENTRIES
    rows = [
        ("observed" if n == 0 else "", entry)
        for n, entry in enumerate(diff.unexpected[:shown])
    ]
    if len(diff.unexpected) > shown:
        rows.append(("", f"and {len(diff.unexpected) - shown} more entries"))
    if not rows:
        rows.append(("observed", "no entry that is not allowed"))
    rows += [("missing" if n == 0 else "", e) for n, e in enumerate(diff.missing)]
    rows.append(("allowed", diff.allowed))
    return rows


def _notes(finding: Finding, every_profile: Sequence[str], verbose: bool) -> list[str]:
    """Return the labelled facts below the trace."""
    notes = []
    if finding.arm_rules:
        notes.append(("Arm rules", ", ".join(finding.arm_rules)))
    notes.append(("breaks on", _profiles(finding, every_profile)))
    others = [name for name in finding.scenarios if name != finding.scenario]
    names = [finding.scenario, *others]
    notes.append(("scenario", and_more(names, len(names) if verbose else 1, "similar")))
    if finding.repair is not None:
        replayed = "replayed, clears it" if finding.repair.verified else "not verified"
        notes.append((f"repair ({replayed})", finding.repair.text))
    if finding.replay:
        notes.append(("replay", finding.replay))
    return [
        line
        for label, text in notes
        for line in outdented(f"  = {label}:", harmless(text))
    ]


def _profiles(finding: Finding, every: Sequence[str]) -> str:
    breaks = profiles_text(finding.profiles, every)
    others = [name for name in every if name not in finding.profiles]
    return f"{breaks}; not on: {', '.join(others)}" if others else breaks
