"""A replay for a terminal: what was found, and the verdict."""

from __future__ import annotations

import re

from harness.check.finding import Severity, Step
from harness.check.replays.replayed import Replayed
from harness.check.result import Verdict
from harness.report.finding_text import finding_lines
from harness.report.names import counted, profiles_text
from harness.report.terminal import Colour, Style, hanging, harmless, outdented
from harness.traces.discipline.breach import Breach

__all__ = ["render_replay"]

_COLOURS = {
    Verdict.CLEAN: Colour.GOOD,
    Verdict.UNSAFE: Colour.ERROR,
    Verdict.INCONCLUSIVE: Colour.WARNING,
}


def render_replay(
    replayed: Replayed,
    *,
    colour: bool = False,
    verbose: bool = False,
    stepping: bool = False,
) -> str:
    """Return the text, at most 80 columns wide."""
    style = Style(colour)
    sections = [_subject(replayed)]
    for finding in replayed.findings:
        lines = finding_lines(finding, replayed.profiles, style, verbose)
        sections.append(lines if replayed.patched else _unpatched(lines))
        if stepping:
            sections += [_step(step) for step in finding.trace]
    sections += [_breach(breach, style) for breach in replayed.breaches]
    sections += [_stopped(replayed), _verdict(replayed, style)]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _subject(replayed: Replayed) -> list[str]:
    events = counted(replayed.events, "event")
    lines = hanging("trace: ", f"{harmless(replayed.name)} ({events})")
    if replayed.note and replayed.findings:
        lines += hanging("       ", replayed.note)
    if replayed.claim is not None:
        lines += hanging("claims: ", harmless(replayed.claim))
    return lines


def _step(step: Step) -> list[str]:
    """Say what a step does, and what holds after it."""
    lines = hanging(f"step {step.step}  pCPU{step.pe}  ", harmless(step.event))
    if step.file:
        function = f" ({harmless(step.function)})" if step.function else ""
        lines += hanging("  at ", f"{harmless(step.file)}:{step.line}{function}")
    if step.effect:
        lines += hanging("  ", harmless(step.effect))
    for state in step.states:
        lines += hanging(f"    {harmless(state.name)}: ", harmless(state.text))
    return lines


def _unpatched(lines: list[str]) -> list[str]:
    """Leave out of a location that it is not in the patch: there is none."""
    text = re.sub(r"\s+\(not in the patch\)", "", "\n".join(lines), count=1)
    return re.sub(r",\s+not in the patch\)", ")", text, count=1).split("\n")


def _breach(breach: Breach, style: Style) -> list[str]:
    label = f"discipline[{breach.rule.removeprefix('discipline-')}]"
    first, *rest = outdented(f"{label}:", harmless(breach.message))
    lines = [style.paint(label, Colour.ERROR) + first[len(label) :], *rest]
    coord = breach.origin.coord if breach.origin else None
    where = f"{harmless(coord.file)}:{coord.line}, " if coord else ""
    text = f"{where}record {breach.number}, thread {breach.thread}"
    return [*lines, *hanging(" --> ", text)]


def _stopped(replayed: Replayed) -> list[str]:
    profiles: dict[str, list[str]] = {}
    for stopped in replayed.stopped:
        where = f" at {harmless(stopped.place)}" if stopped.place else ""
        text = f"{harmless(stopped.what)}{where}"
        profiles.setdefault(text, []).append(stopped.profile)
    lines = ["not modelled, so nothing is claimed beyond it:"] if profiles else []
    for text, names in profiles.items():
        lines += outdented("  - ", f"{text}, on {', '.join(names)}")
    return lines


def _verdict(replayed: Replayed, style: Style) -> list[str]:
    verdict = replayed.verdict
    errors = sum(f.severity is Severity.ERROR for f in replayed.findings)
    warnings = len(replayed.findings) - errors
    parts = []
    if errors:
        parts.append(counted(errors, "error"))
    if replayed.breaches:
        breaches = len(replayed.breaches)
        word = "breach" if breaches == 1 else "breaches"
        parts.append(f"{breaches} {word} of discipline")
    if warnings:
        parts.append(counted(warnings, "warning"))
    if replayed.stopped:
        parts.append("not run to its end")
    parts.append(f"on {profiles_text(replayed.profiles, replayed.profiles)}")
    if replayed.assumptions:
        parts.append(f"with {', '.join(replayed.assumptions)}")
    first, *rest = hanging(f"harness: {verdict.value}: ", "; ".join(parts))
    painted = style.paint(verdict.value, _COLOURS[verdict])
    return [first.replace(verdict.value, painted, 1), *rest]
