"""What became of the findings of a first version, for a terminal."""

from __future__ import annotations

from harness.check.comparison import Compared, Comparison, Fate
from harness.check.finding import Finding, Status
from harness.check.pairing import Pair
from harness.check.result import Result, Verdict
from harness.report.finding_text import finding_lines, place
from harness.report.gaps import gaps
from harness.report.names import counted
from harness.report.terminal import Colour, Style, hanging, harmless, outdented

__all__ = ["comparison_text"]

_COLOURS = {
    Fate.NEW: Colour.ERROR,
    Fate.STILL: Colour.ERROR,
    Fate.GONE: Colour.WARNING,
    Fate.FIXED: Colour.GOOD,
    Fate.LOST: Colour.WARNING,
    Fate.MENDED: Colour.GOOD,
}
_WORDS = {
    Fate.NEW: "new",
    Fate.STILL: "still there",
    Fate.GONE: "gone but not proved to be fixed",
    Fate.FIXED: "fixed",
    Fate.LOST: "of the base not mended any more",
    Fate.MENDED: "of the base mended now",
}
_VERDICTS = {
    Verdict.CLEAN: Colour.GOOD,
    Verdict.UNSAFE: Colour.ERROR,
    Verdict.INCONCLUSIVE: Colour.WARNING,
}


def comparison_text(
    comparison: Comparison, *, colour: bool = False, verbose: bool = False
) -> str:
    """Return the comparison; what is new in full if ``verbose``."""
    style = Style(colour)
    sections = [
        [
            *_version("v1", comparison.first),
            *_version("v2", comparison.second),
            *_notes(comparison),
        ],
        _patches(comparison),
        [line for one in comparison.findings for line in _row(one, comparison, style)],
        _unchanged(comparison.second),
        *(_gaps(name, result) for name, result in _both(comparison)),
    ]
    if verbose:
        profiles = comparison.second.profiles
        sections += [
            finding_lines(one.shown, profiles, style, True)
            for one in comparison.findings
            if one.fate is Fate.NEW
        ]
    sections.append(_verdict(comparison, style))
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _both(comparison: Comparison) -> tuple[tuple[str, Result], tuple[str, Result]]:
    return ("v1", comparison.first), ("v2", comparison.second)


def _version(name: str, result: Result) -> list[str]:
    what = counted(len(result.patches), "patch").replace("patchs", "patches")
    if len(result.patches) == 1:
        what = harmless(result.patches[0].subject or result.patches[0].name)
    if not result.patches:
        what = f"Xen {harmless(result.tree_version)}"
    verdict = result.verdict.value
    return hanging(f"{name}: ", f"{what}; on {harmless(result.base)}; {verdict}")


def _notes(comparison: Comparison) -> list[str]:
    return [
        line for note in comparison.notes for line in hanging("note: ", harmless(note))
    ]


def _patches(comparison: Comparison) -> list[str]:
    if len(comparison.first.patches) < 2 and len(comparison.second.patches) < 2:
        return []
    return [
        "patches:",
        *(line for p in comparison.pairs for line in _pair(p, comparison)),
    ]


def _pair(pair: Pair, comparison: Comparison) -> list[str]:
    first, second = comparison.first.patches, comparison.second.patches
    patch = second[pair.second - 1] if pair.second else first[pair.first - 1]
    old = f"{pair.first}/{len(first)}" if pair.first else "-"
    new = f"{pair.second}/{len(second)}" if pair.second else "-"
    label = f"  {old:>5} -> {new:<5} {pair.sameness.value:<8} "
    return hanging(label, harmless(patch.subject or patch.name))


def _row(one: Compared, comparison: Comparison, style: Style) -> list[str]:
    finding = one.shown
    word = one.fate.name
    label = f"{word:<6} {finding.severity.value}[{harmless(finding.rule)}]:"
    text = f"{harmless(finding.message)} ({place(finding)}{_origin(one, comparison)})"
    first, *rest = outdented(label, text)
    lines = [style.paint(word, _COLOURS[one.fate]) + first[len(word) :], *rest]
    if one.note:
        lines += hanging("    = ", harmless(one.note))
    return lines


def _origin(one: Compared, comparison: Comparison) -> str:
    """Name the patches of both versions, where there are several."""
    parts = []
    each = ((one.first, comparison.first), (one.second, comparison.second))
    for name, (finding, result) in zip(("v1", "v2"), each, strict=True):
        if finding is not None and finding.patch and len(result.patches) > 1:
            parts.append(f"{name} patch {finding.patch}/{len(result.patches)}")
    return "".join(f", {part}" for part in parts)


def _unchanged(result: Result) -> list[str]:
    old: list[Finding] = [f for f in result.findings if f.status is Status.UNCHANGED]
    if not old:
        return []
    return [f"unchanged: {counted(len(old), 'finding')}, on the base of v2 as well"]


def _gaps(name: str, result: Result) -> list[str]:
    lines = []
    for gap in gaps(result):
        where = f"{harmless(gap.file)}:{gap.line}: " if gap.line else ""
        lines += outdented("  ", f"{where}{harmless(gap.text)}")
    return [f"{name} does not cover:", *lines] if lines else []


def _verdict(comparison: Comparison, style: Style) -> list[str]:
    verdict = comparison.verdict
    counts = [(fate, comparison.count(fate)) for fate in Fate]
    parts = [f"{count} {_WORDS[fate]}" for fate, count in counts if count]
    text = f"v2 is {verdict.value}: {', '.join(parts) or 'no findings in either'}"
    if covered := [name for name, result in _both(comparison) if gaps(result)]:
        text += f"; {' and '.join(covered)} not covered in full"
    first, *rest = hanging("harness: ", text)
    word = style.paint(verdict.value, _VERDICTS[verdict])
    return [first.replace(verdict.value, word, 1), *rest]
