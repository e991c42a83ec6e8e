"""One finding as the HTML template wants it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.catalogue import page
from harness.check.finding import Finding, Severity, State, Step
from harness.check.result import Result
from harness.report.cpus import cpus_text
from harness.report.finding_text import place
from harness.report.html.glossary import scenario_summary
from harness.report.html.listing import diff_lines, listings
from harness.report.html.timeline import timeline
from harness.report.names import profiles_text, short_names
from harness.report.patch_lines import origin
from harness.report.terminal import harmless
from reference_model.profiles import AARCH32_PROFILES, ARCHITECTURE_PROFILES

__all__ = ["MANY", "cpu_mark", "embedded_finding", "finding_row", "finding_view"]

# What the replay of a repair showed, by whether it is about cost.
_REPLAYED = {
    False: "replayed: with it, the steps above no longer break the rule",
    True: "replayed: with it, nothing goes wrong either",
}
# By whether it is about cost, and whether it is there: class, sign and word.
_MARKS = {
    (False, True): ("bad", "✗", "breaks"),
    (False, False): ("good", "✓", "holds"),
    (True, True): ("dear", "▲", "costs"),
    (True, False): ("plain", "-", "costs nothing"),
}
MANY = 16  # profiles; more do not fit one line of a sheet


def finding_row(finding: Finding) -> dict[str, Any]:
    """Return what tells a finding in one line."""
    return {
        "status": finding.status.value,
        "severity": finding.severity.value,
        "rule": finding.rule,
        "message": finding.message,
        "place": place(finding),
        "suppressed": finding.suppressed,
    }


def finding_view(finding: Finding, name: str, result: Result) -> dict[str, Any]:
    """Return everything that is shown of a finding; ``name`` is its anchor."""
    shown = page(finding.rule)
    where = finding.location
    names = short_names(step.file for step in finding.trace if step.file)
    return {
        **finding_row(finding),
        "name": name,
        "function": where.function,
        # In an audit there is no patch to be in.
        "touched": ("not ", "")[where.in_patch] + "in the patch"
        if result.patches
        else "",
        "origin": origin(finding, result),
        "scenario": finding.scenario,
        "scenario_told": scenario_summary(finding.scenario),
        "scenarios": [s for s in finding.scenarios if s != finding.scenario],
        "arm_rules": ", ".join(finding.arm_rules),
        "assumptions": ", ".join(finding.assumptions),
        "suppression_refused": finding.suppression_refused,
        "repair": _repair(finding),
        "replay": finding.replay,
        "timeline": Markup(timeline(finding)),
        "columns": [s.name for s in finding.trace[-1].states] if finding.trace else [],
        "steps": [_step(step, names) for step in finding.trace],
        "tlb_diff": _compared(finding),
        "listings": listings(finding),
        "hunk": diff_lines(finding.hunk, _in_hunk(finding, result)),
        "hunk_before": None,  # the finding before it with the same hunk
        "hunk_lines": len(finding.hunk.split("\n")),
        "line": where.line,
        "matrix": _matrix(finding, result.profiles),
        "cpus": _cpus(finding, result.profiles),
        "does": "costs" if finding.severity is Severity.PERF else "breaks",
        "cpus_told": _cpus_told(finding, result.profiles),
        "checks": shown.checks,
        "why": shown.why,
        "fine": shown.fine,
        "limits": shown.limits,
    }


def embedded_finding(finding: Finding, name: str) -> dict[str, Any]:
    """Return the trace as data: for the script, and for programs."""
    return {
        "id": name,
        "rule": finding.rule,
        "fingerprint": finding.fingerprint,
        "profiles": finding.profiles,
        "scenario": finding.scenario,
        "steps": [
            {
                "step": step.step,
                "pe": step.pe,
                "event": harmless(step.event),
                "file": harmless(step.file),
                "line": step.line,
                "function": harmless(step.function),
                "effect": harmless(step.effect),
                "blamed": step.blamed,
                "states": [
                    {
                        "name": harmless(state.name),
                        "entries": _entries(state),
                        "stale": state.stale,
                    }
                    for state in step.states
                ],
            }
            for step in finding.trace
        ],
    }


def _entries(state: State) -> list[str]:
    """Return the parts of what is held: each speaks of one translation."""
    return [harmless(part) for part in state.text.split("; ") if part]


def _in_hunk(finding: Finding, result: Result) -> int:
    """Return the line that a finding is about; later patches may have moved it."""
    last = max(1, finding.patch) == len(result.patches)
    return finding.location.line if finding.location.in_patch and last else 0


def cpu_mark(finding: Finding, there: bool, name: str = "") -> dict[str, str]:
    """Return how it is shown whether a finding is there on some CPUs."""
    look, sign, word = _MARKS[finding.severity is Severity.PERF, there]
    return {"name": name, "look": look, "sign": sign, "word": word}


def _matrix(finding: Finding, profiles: Sequence[str]) -> list[dict[str, Any]]:
    return [cpu_mark(finding, name in finding.profiles, name) for name in profiles]


def _cpus(finding: Finding, profiles: Sequence[str]) -> list[dict[str, Any]]:
    """Name the profiles on which it is there and those on which not."""
    if len(profiles) <= MANY:
        return _matrix(finding, profiles)
    sides: dict[bool, list[str]] = {True: [], False: []}
    for name in profiles:
        sides[name in finding.profiles].append(name)
    return [
        cpu_mark(finding, there, profiles_text(names, profiles))
        for there, names in sides.items()
        if names
    ]


def _cpus_told(finding: Finding, profiles: Sequence[str]) -> str:
    """Say for people who know cores and errata, but not the profiles; "" for cores."""
    named = all(name in ARCHITECTURE_PROFILES | AARCH32_PROFILES for name in profiles)
    return cpus_text(finding.profiles, profiles) if named else ""


def _repair(finding: Finding) -> dict[str, Any] | None:
    repair = finding.repair
    if repair is None:
        return None
    perf = finding.severity is Severity.PERF
    return {
        "title": "What would do as well" if perf else "A repair",
        "edits": repair.edits,
        "verified": _REPLAYED[perf] if repair.verified else "not verified",
        "text": repair.diff,
        "shown": None,  # the finding before it that shows the same diff
        "diff": diff_lines(repair.diff),
        "no_diff": repair.no_diff,
    }


def _step(step: Step, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "step": step.step,
        "pe": step.pe,
        "event": step.event,
        "place": f"{names[step.file]}:{step.line}" if step.file else "",
        "function": step.function,
        "effect": step.effect,
        "blamed": step.blamed,
        "states": step.states,
    }


def _compared(finding: Finding) -> list[dict[str, Any]]:
    """Set what each TLB may hold against what it is allowed to.

    Nothing is compared where no TLB is wrong: the finding is about other things.
    """
    if not any(diff.unexpected or diff.missing for diff in finding.tlb_diff):
        return []
    kind = f"{finding.witness.kind} " if finding.witness else ""
    return [
        {
            "pe": diff.pe,
            # The entry that the message is about comes first.
            "unexpected": [
                re.sub(r"  +", " ", entry)
                for entry in sorted(
                    diff.unexpected, key=lambda entry: not entry.startswith(kind)
                )
            ],
            "missing": diff.missing,
            "allowed": diff.allowed,
        }
        for diff in finding.tlb_diff
    ]
