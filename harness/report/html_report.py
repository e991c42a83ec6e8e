"""The report as one HTML file: no network, and readable without script."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import harness
from harness.catalogue import page
from harness.check.finding import Finding, Status, Step
from harness.check.result import Result
from harness.model_version import model_version
from harness.report.by_patch import Part, parts
from harness.report.cost_table import cost_lines
from harness.report.finding_text import place
from harness.report.gaps import gaps
from harness.report.names import short_names
from harness.report.order import worst_first
from harness.report.terminal import Style, harmless
from harness.report.text import verdict_lines
from harness.report.timeline import timeline

__all__ = ["render_html"]

_KINDS = {"+": "add", "-": "del"}


def render_html(result: Result) -> str:
    """Return the page of a patch, a tree or a series."""
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=_report(result), style=_file("report.css"), script=_file("report.js")
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_plain,
    )


def _plain(value: object) -> object:
    """Show control characters of untrusted texts instead of passing them on."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return harmless(value)


def _file(name: str) -> Markup:
    """Return a file of our own, which is not escaped."""
    text = resources.files("harness.report").joinpath("templates", name)
    return Markup(text.read_text(encoding="utf-8"))


# ----------------------------------------------------------------- view models


def _report(result: Result) -> dict[str, Any]:
    every = parts(result)
    patches = [_part(part, result.profiles) for part in every]
    words = " ".join(line.strip() for line in verdict_lines(result, Style()))
    bounds = result.bounds
    end = "exhausted" if bounds.exhausted else "not exhausted"
    return {
        "verdict": result.verdict.value,
        "title": _title(every, result),
        "sentence": words.removeprefix(f"harness: {result.verdict.value}: "),
        "base": f"{result.base} (Xen {result.tree_version})",
        "notes": [note for patch in result.patches for note in patch.notes],
        "bound": f"{bounds.scenarios} scenarios, {bounds.profiles} profiles, "
        f"{bounds.pcpus} pCPUs, {end}; {bounds.executions:,} executions, "
        f"{bounds.events:,} events",
        "assumptions": result.assumptions,
        "gaps": gaps(result),
        "patches": patches,
        "rules": sorted({f.rule for part in every for f in part.findings}),
        "old": [
            {
                "status": f.status.value,
                "rule": f.rule,
                "message": f.message,
                "place": place(f),
            }
            for f in worst_first(result.findings)
            if f.status is not Status.NEW
        ],
        "cost": cost_lines(result.cost, result.profiles, verbose=False),
        "tool": f"harness {harness.__version__}, model {model_version()}",
    }


def _title(every: list[Part], result: Result) -> str:
    first = every[0].title or f"Xen {result.tree_version}"
    return first if len(every) == 1 else f"series of {len(every)} patches: {first}"


def _part(part: Part, profiles: Sequence[str]) -> dict[str, Any]:
    return {
        "title": part.title,
        "verdict": part.verdict.value,
        "rules": [f.rule for f in part.findings],
        "findings": [_finding(f, profiles) for f in part.findings],
    }


def _finding(finding: Finding, profiles: Sequence[str]) -> dict[str, Any]:
    shown = page(finding.rule)
    names = short_names(step.file for step in finding.trace if step.file)
    steps = [_step(step, names) for step in finding.trace]
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "place": place(finding),
        "touched": "in the patch" if finding.location.in_patch else "not in the patch",
        "scenario": finding.scenario,
        "others": len(finding.scenarios) - 1,
        "arm_rules": ", ".join(finding.arm_rules),
        "assumptions": ", ".join(finding.assumptions),
        "repair": _repair(finding),
        "repair_diff": [],
        "replay": finding.replay,
        "timeline": Markup(timeline(finding)),
        "columns": [state.name for state in finding.trace[-1].states]
        if finding.trace
        else [],
        "steps": steps,
        "steps_json": _embedded(steps),
        "tlb_diff": finding.tlb_diff,
        "excerpts": list(_excerpts(finding)),
        "hunk": _diff(finding.hunk),
        "matrix": [
            {"name": name, "breaks": name in finding.profiles} for name in profiles
        ],
        "checks": shown.checks,
        "why": shown.why,
        "fine": shown.fine,
    }


def _repair(finding: Finding) -> str:
    if finding.repair is None:
        return ""
    replayed = "replayed, clears it" if finding.repair.verified else "not verified"
    return f"{finding.repair.text} ({replayed})"


def _step(step: Step, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "step": step.step,
        "pe": step.pe,
        "event": harmless(step.event),
        "file": step.file,
        "place": f"{names.get(step.file, step.file)}:{step.line}",
        "effect": harmless(step.effect),
        "states": [
            {"name": s.name, "text": harmless(s.text), "stale": s.stale}
            for s in step.states
        ],
    }


def _embedded(data: object) -> Markup:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(data).replace("<", "\\u003c").replace("&", "\\u0026")
    return Markup(text)


def _excerpts(finding: Finding) -> Iterator[dict[str, Any]]:
    events: dict[tuple[str, int], list[str]] = {}
    for step in finding.trace:
        if step.file:
            events.setdefault((step.file, step.line), []).append(str(step.step))
    for excerpt in finding.excerpts:
        yield {
            "file": excerpt.file,
            "lines": [
                {
                    "number": number,
                    "text": text.expandtabs(),
                    "events": ",".join(events.get((excerpt.file, number), ())),
                }
                for number, text in excerpt.lines
            ],
        }


def _diff(text: str) -> list[dict[str, str]]:
    return [
        {"kind": _KINDS.get(line[:1], "same"), "text": line.expandtabs()}
        for line in text.split("\n")
        if text
    ]
