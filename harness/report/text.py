"""The report for a terminal: what the patch brings in, in full, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.finding import Finding, Status
from harness.check.result import Result, UnsupportedItem, Verdict
from harness.report.cost_table import cost_lines
from harness.report.finding_text import (
    finding_lines,
    finding_row,
    place,
    repair_lines,
)
from harness.report.gaps import by_function, gap_row, gaps, part_text
from harness.report.names import and_more, counted, profiles_text
from harness.report.order import told, worst_first
from harness.report.patch_lines import mender, origin, subject_lines
from harness.report.repair_diff import Told, indented_diff, whole
from harness.report.replay_command import replay_command
from harness.report.terminal import (
    WIDTH,
    Colour,
    Style,
    hanging,
    harmless,
    outdented,
)

__all__ = ["render_text", "terse_text", "verdict_lines"]

_VERDICT_COLOURS = {
    Verdict.CLEAN: Colour.GOOD,
    Verdict.UNSAFE: Colour.ERROR,
    Verdict.INCONCLUSIVE: Colour.WARNING,
}
_SHOWN_UNSUPPORTED_SCENARIOS = 1


def render_text(result: Result, *, colour: bool = False, verbose: bool = False) -> str:
    """Return the report, at most 80 columns wide."""
    style = Style(colour)
    sections = [subject_lines(result)]
    diffs = Told()
    for finding in _full(result, verbose):
        facts = origin(finding, result)
        lines = finding_lines(finding, result.profiles, style, verbose, facts)
        sections.append([*lines, *repair_lines(finding, again=diffs.again(finding))])
    sections += [
        *_whole(result),
        _summaries(result, verbose),
        cost_lines(result.cost, result.profiles, verbose),
        _unsupported(result, verbose),
        _not_executed(result),
        _replays(result),
        _bounds(result, verbose),
        verdict_lines(result, style),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _whole(result: Result) -> Iterator[list[str]]:
    """Yield the changes that mend all errors of a patch together."""
    for number, diff in whole(result.patches, result.findings):
        which = "" if len(result.patches) == 1 else f" of patch {number}"
        yield [
            f"all new errors{which} together, repair (checked):",
            *indented_diff(diff, WIDTH),
        ]


def terse_text(result: Result, *, colour: bool = False) -> str:
    """Return one line for each new finding and each gap, and the verdict."""
    lines = [
        f"{place(f)}: {f.severity.value.upper()}:{f.rule}: {harmless(f.message)}"
        for f in _full(result, False)
    ]
    lines += [harmless(gap_row(gap)) for gap in gaps(result)]
    return "\n".join([*lines, *verdict_lines(result, Style(colour))]) + "\n"


def _full(result: Result, verbose: bool) -> list[Finding]:
    """Return the findings to show in full, the worst first."""
    return worst_first(
        f
        for f in result.findings
        if (f.status is Status.NEW and not f.suppressed)
        or (verbose and f.status is not Status.FIXED)
    )


def _summaries(result: Result, verbose: bool) -> list[str]:
    lines = []
    for finding in result.findings:
        if finding.status is Status.FIXED:
            lines += finding_row(finding, "fixed", mender(finding, result))
    unchanged = [f for f in result.findings if f.status is Status.UNCHANGED]
    if unchanged and not verbose:
        rules = sorted({f.rule for f in unchanged})
        text = f"{counted(len(unchanged), 'finding')}, on the base as well"
        lines += hanging("unchanged: ", f"{text}: {and_more(rules, 3)} (-v shows them)")
    for finding in result.suppressed:
        lines += finding_row(finding, "suppressed")
        lines += hanging("  by ", harmless(finding.suppressed))
    if result.known and not verbose:
        rules = sorted({f.rule for f in result.known})
        text = f"{counted(len(result.known), 'finding')}, in the baseline as well"
        lines += hanging("known: ", f"{text}: {and_more(rules, 3)} (-v shows them)")
    return lines


def _unsupported(result: Result, verbose: bool) -> list[str]:
    if not result.unsupported:
        return []
    lines = ["not modelled, so nothing is claimed beyond it:"]
    for item in result.unsupported:
        lines += hanging("  ", _unsupported_text(item, result, verbose))
    return lines


def _unsupported_text(item: UnsupportedItem, result: Result, verbose: bool) -> str:
    shown = len(item.scenarios) if verbose else _SHOWN_UNSUPPORTED_SCENARIOS
    scenarios = and_more(item.scenarios, shown, "scenarios")
    where = f"{scenarios}, {profiles_text(item.profiles, result.profiles)}"
    base = ", on the base as well" if item.in_base else ""
    return harmless(f"{item.file or '?'}:{item.line}: {item.what} [{where}{base}]")


def _not_executed(result: Result) -> list[str]:
    if not result.not_executed:
        return []
    lines = [
        "nothing that the patch changes was executed:"
        if result.nothing_ran
        else "changed, but run by no scenario:"
    ]
    for where in by_function(result.not_executed):
        lines += outdented("  ", harmless(where))
    return lines


def _replays(result: Result) -> list[str]:
    """Say how to see each new finding again without the tree."""
    lines: list[str] = []
    for finding in told(result.findings):
        if finding.replay:
            lines += [f"  {finding.rule} at {place(finding)}:"]
            lines += replay_command(finding.replay, WIDTH, "    ")
    return ["to see it again, without the tree:", *lines] if lines else []


def _bounds(result: Result, verbose: bool) -> list[str]:
    bounds = result.bounds
    lines = []
    for erratum in dict.fromkeys(erratum for erratum, _ in result.unhandled):
        cores = ", ".join(core for name, core in result.unhandled if name == erratum)
        lines += hanging(f"{erratum} not handled by the tree on: ", cores)
    if result.assumptions:
        lines += hanging("assumptions: ", harmless(", ".join(result.assumptions)))
    text = (
        f"{_explored(result)}; {counted(bounds.executions, 'execution')}, "
        f"{counted(bounds.events, 'event')}"
    )
    lines += hanging("bound: ", text)
    if verbose and result.stats:
        stats = ", ".join(f"{k} {v:g}" for k, v in sorted(result.stats.items()))
        lines += hanging("statistics: ", stats)
    return lines


def _explored(result: Result) -> str:
    bounds = result.bounds
    end = "exhausted" if bounds.exhausted else "not exhausted"
    return (
        f"{counted(bounds.scenarios, 'scenario')}, "
        f"{counted(bounds.profiles, 'profile')}, "
        f"{counted(bounds.pcpus, 'pCPU')}, {end}"
    )


def verdict_lines(result: Result, style: Style) -> list[str]:
    """Return the last line: the verdict and what it rests on."""
    verdict = result.verdict
    text = {
        Verdict.CLEAN: _explored,
        Verdict.UNSAFE: _unsafe,
        Verdict.INCONCLUSIVE: _inconclusive,
    }[verdict](result)
    if result.known:
        text += f", {len(result.known)} known"
    if result.suppressed:
        text += f", {len(result.suppressed)} suppressed"
    if result.only_under:
        text += f"; only under {', '.join(result.only_under)}"
    word = style.paint(verdict.value, _VERDICT_COLOURS[verdict])
    first, *rest = hanging(f"harness: {verdict.value}: ", text)
    return [first.replace(verdict.value, word, 1), *rest]


def _unsafe(result: Result) -> str:
    new = "" if result.command == "audit" else "new "
    parts = [counted(len(result.new_errors), f"{new}error")]
    if mended := sum(bool(f.fixed_by) for f in result.new_errors):
        parts.append(f"{mended} of them mended by a later patch")
    fixed = sum(f.status is Status.FIXED for f in result.findings)
    unchanged = sum(f.status is Status.UNCHANGED for f in result.findings)
    if unchanged:
        parts.append(f"{unchanged} unchanged")
    if fixed:
        parts.append(f"{fixed} fixed")
    parts += _gaps(result)
    return ", ".join(parts)


def _inconclusive(result: Result) -> str:
    if result.part is not None:
        return f"{part_text(result.part)}: harness merge puts the parts together"
    new = "" if result.command == "audit" else "new "
    return f"no {new}error found, but {' and '.join(_gaps(result))}"


def _gaps(result: Result) -> list[str]:
    """Say what keeps the result from covering everything."""
    gaps = []
    if result.unsupported:
        gaps.append(f"{counted(len(result.unsupported), 'construct')} not modelled")
    if result.nothing_ran:
        gaps.append("nothing that the patch changes was executed")
    elif result.not_executed:
        gaps.append(f"{counted(len(result.not_executed), 'changed place')} not run")
    if result.unproved:
        gaps.append(f"{counted(len(result.unproved), 'recovery')} not verifiable")
    if not result.bounds.exhausted:
        gaps.append("a bound was reached")
    return gaps
