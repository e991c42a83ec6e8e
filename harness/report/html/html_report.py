"""The report as one HTML file: no network, and readable without script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import harness
from harness.check.finding import Finding, Severity, Status
from harness.check.result import PatchSummary, Result, Verdict
from harness.cost.parameters import TLB_ENTRIES, Parameters
from harness.model_version import model_version
from harness.report.answers import answers
from harness.report.by_patch import Part, parts
from harness.report.cost.bar_chart import bar_chart
from harness.report.cost.chart import HEIGHT, WIDTH, line_chart
from harness.report.cost.cost_text import value_text
from harness.report.cost_table import cost_lines
from harness.report.gaps import gaps
from harness.report.html.glossary import glossary
from harness.report.html.html_finding import (
    MANY,
    cpu_mark,
    embedded_finding,
    finding_row,
    finding_view,
)
from harness.report.html.listing import DiffLine, diff_lines
from harness.report.html.result_charts import count_charts, result_charts
from harness.report.names import (
    and_more,
    counted,
    every_profile_text,
    profiles_text,
)
from harness.report.order import worst_first
from harness.report.patch_lines import mender
from harness.report.repair_diff import whole
from harness.report.terminal import Style, harmless
from harness.report.text import verdict_lines

__all__ = ["render_html"]

_NEAR = 6  # lines of a hunk that are shown before and after the one it is about


def render_html(result: Result) -> str:
    """Return the page of a patch, a tree or a series."""
    every = parts(result)
    style, script = _file("report.css"), _file("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=_report(result, every),
            style=style,
            script=script,
            policy=_policy(style, script),
            trace=_trace(every),
        )
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
    return Markup("\n" + text.read_text(encoding="utf-8"))


def _policy(style: str, script: str) -> str:
    """Return what the browser may load and run: the two texts of this page."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _trace(every: list[Part]) -> Markup:
    """Return the traces as JSON that cannot end the element it stands in."""
    found = [
        embedded_finding(finding, _anchor(part, number))
        for part in every
        for number, finding in enumerate(part.findings, 1)
    ]
    data = {"model": model_version(), "findings": found}
    text = json.dumps(data, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def _anchor(part: Part, number: int) -> str:
    return f"finding-{part.number}-{number}"


# ------------------------------------------------------------------ the page


def _report(result: Result, every: list[Part]) -> dict[str, Any]:
    patches = [_part(part, result) for part in every]
    findings = [finding for part in every for finding in part.findings]
    cost = cost_lines(result.cost, result.profiles, verbose=True)
    return {
        "verdict": result.verdict.value,
        "title": _title(every, result),
        "sentence": _sentence(result),
        "about": _about(result),
        "command": result.command,
        "facts": list(_facts(result)),
        "gaps": _gaps(result),
        "patches": patches,
        "profiles": result.profiles,
        "cores": _cores(findings, result.profiles),
        "findings": [finding for part in patches for finding in part["findings"]],
        "rules": _matrix(result, every),
        "suppressed": [
            {**finding_row(f), "mender": ""} for f in worst_first(result.suppressed)
        ],
        "fixed": _with_status(result, Status.FIXED),
        "known": _with_status(result, Status.KNOWN),
        "unchanged": _with_status(result, Status.UNCHANGED),
        "answers": answers(result),
        "cost": cost,
        "cost_lines": counted(len(cost), "line"),
        "charts": _charts(result),
        "parameters": list(_parameters()),
        "run": list(_run(result)),
        "glossary": glossary(result, findings),
        "tool": f"harness {harness.__version__}, model {model_version()}",
    }


def _sentence(result: Result) -> str:
    """Say what the verdict rests on."""
    words = " ".join(line.strip() for line in verdict_lines(result, Style()))
    words = words.removeprefix(f"harness: {result.verdict.value}: ")
    if result.verdict is not Verdict.CLEAN:
        return words
    return f"no {'' if result.command == 'audit' else 'new '}error in {words}"


def _title(every: list[Part], result: Result) -> str:
    first = every[0].title or f"Xen {result.tree_version}"
    return first if len(every) == 1 else f"series of {len(every)} patches: {first}"


def _about(result: Result) -> str:
    """Say what is done, for readers who do not know the tool."""
    what = "tree" if result.command == "audit" else "patch"
    return (
        f"harness runs the C of a {what} over simulated page tables and CPUs, and "
        "works out what each TLB may still hold by the rules of the Arm architecture. "
        "A finding is a sequence of steps that can be followed by hand."
    )


def _facts(result: Result) -> Iterable[tuple[str, str]]:
    """Yield what was checked, and what is to be noted about it."""
    if len(result.patches) == 1:
        (patch,) = result.patches
        yield "patch", f"{patch.name} ({counted(len(patch.files), 'file')})"
        yield from (("note", note) for note in _notes(patch))
    version = f" (Xen {result.tree_version})" if result.tree_version else ""
    commit = f", commit {result.base_commit}" if result.base_commit else ""
    label = "tree" if result.command == "audit" else "base"
    yield label, f"{result.base}{version}{commit}"
    if result.alternatives:
        text = "the patches do not build on one another: each is checked on the base"
        yield "note", text
    yield from (("note", note) for note in result.notes)
    if result.only_under:
        yield "only under", ", ".join(result.only_under)


def _notes(patch: PatchSummary) -> list[str]:
    notes = list(patch.notes)
    if patch.recovered is not None:
        proved = "verified: its blob ids prove every line"
        state = proved if patch.recovered else "not verifiable: no blob id proves it"
        notes.append(f"recovered, {state}")
    return [*notes, *(f"not sure: {what}" for what in patch.uncertain)]


def _gaps(result: Result) -> list[dict[str, Any]]:
    """Return what is not covered; where it was reached, if it is not modelled."""
    reached = []
    for item in result.unsupported:
        where = [
            and_more(item.scenarios, 2),
            profiles_text(item.profiles, result.profiles),
        ]
        where += ["on the base as well"] if item.in_base else []
        reached.append("; ".join(filter(None, where)))
    found = gaps(result)
    reached += [""] * (len(found) - len(reached))
    return [
        {
            "place": f"{gap.file}:{gap.line}" if gap.line else gap.file,
            "text": gap.text,
            "reached": where,
        }
        for gap, where in zip(found, reached, strict=True)
    ]


def _part(part: Part, result: Result) -> dict[str, Any]:
    views = [
        finding_view(finding, _anchor(part, number), result)
        for number, finding in enumerate(part.findings, 1)
    ]
    _tell_once(views)
    _print_once(views, part)
    changes = dict(whole(result.patches, part.findings))
    return {
        "number": part.number,
        "title": part.title,
        "verdict": part.verdict.value,
        "name": part.patch.name if part.patch else "",
        "notes": _notes(part.patch) if part.patch else [],
        "findings": views,
        "repair": diff_lines(changes.get(part.number, "")),
    }


def _tell_once(views: list[dict[str, Any]]) -> None:
    """Leave out a diff that was shown with a finding before, and say with which."""
    first: dict[str, dict[str, Any]] = {}
    for view in views:
        repair = view["repair"]
        if repair is None or not repair["diff"]:
            continue
        shown = first.setdefault(repair["text"], view)
        if shown is not view:
            repair["shown"] = {"name": shown["name"], "rule": shown["rule"]}


def _print_once(views: list[dict[str, Any]], part: Part) -> None:
    """Leave of a hunk that was shown before what is around the finding."""
    first: dict[str, dict[str, Any]] = {}
    for view, finding in zip(views, part.findings, strict=True):
        shown = first.setdefault(finding.hunk, view)
        if shown is not view and view["hunk"]:
            view["hunk_before"] = {"name": shown["name"], "rule": shown["rule"]}
            view["hunk"] = _around(view["hunk"])


def _around(hunk: list[DiffLine]) -> list[DiffLine]:
    """Return the lines of a hunk near the one that is marked, all if none is."""
    at = next((n for n, line in enumerate(hunk) if line.marked), None)
    if at is None:
        return hunk
    return hunk[max(0, at - _NEAR) : at + _NEAR + 1]


def _matrix(result: Result, every: list[Part]) -> list[dict[str, Any]]:
    """Return a row for each rule, with what each patch of a series does about it."""
    if len(every) == 1:
        return []
    mended = [f for f in result.findings if f.status is Status.FIXED and f.patch]
    rules = {f.rule: f.severity for part in every for f in part.findings}
    rules |= {f.rule: f.severity for f in mended if f.rule not in rules}
    order = list(Severity)
    return [
        {
            "rule": rule,
            "severity": severity.value,
            "cells": [_cell(rule, part, mended, result) for part in every],
        }
        for rule, severity in sorted(
            rules.items(), key=lambda pair: (order.index(pair[1]), pair[0])
        )
    ]


def _cell(
    rule: str, part: Part, mended: list[Finding], result: Result
) -> dict[str, str]:
    """Say what a patch does about a rule: it brings it in, mends it, or nothing."""
    new = [n for n, f in enumerate(part.findings, 1) if f.rule == rule]
    gone = any(f.rule == rule and f.patch == part.number for f in mended) or any(
        f.rule == rule and f.fixed_by == part.number
        for f in result.findings
        if f.status is Status.NEW
    )
    if new:
        text = "new, mends another" if gone else "new"
        return {"text": text, "link": _anchor(part, new[0])}
    return {"text": "mends" if gone else "", "link": ""}


def _cores(
    findings: Sequence[Finding], profiles: Sequence[str]
) -> list[dict[str, Any]]:
    """Return what breaks by core, where there are too many for one line.

    Cores on which the same breaks are one row.
    """
    if len(profiles) <= MANY:
        return []
    groups: dict[tuple[bool, ...], list[str]] = {}
    for name in profiles:
        pattern = tuple(name in finding.profiles for finding in findings)
        groups.setdefault(pattern, []).append(name)
    return [
        {
            "name": profiles_text(names, profiles),
            "cells": [
                cpu_mark(finding, there)
                for finding, there in zip(findings, pattern, strict=True)
            ],
        }
        for pattern, names in groups.items()
    ]


def _with_status(result: Result, status: Status) -> list[dict[str, Any]]:
    return [
        {**finding_row(f), "mender": mender(f, result)}
        for f in worst_first(result.findings)
        if f.status is status
    ]


def _charts(result: Result) -> list[Markup]:
    """Return the charts; they take their colours from the page."""
    drawn = [bar_chart(chart) for chart in count_charts(result)]
    drawn += [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}">{line_chart(chart)}</svg>'
        for chart in result_charts(result)
    ]
    return [Markup(chart) for chart in drawn]


def _parameters() -> Iterable[tuple[str, str]]:
    """Yield what the times of the charts are computed from, with the sources."""
    for parameter in Parameters().every():
        if parameter.value is not None:
            what = f"{value_text(parameter)}: {parameter.source}"
            yield parameter.what, what
    for core, (entries, source) in TLB_ENTRIES.items():
        yield f"entries of the largest TLB of a {core}", f"{entries:,}: {source}"


def _run(result: Result) -> Iterable[tuple[str, str]]:
    """Yield what the result rests on."""
    bounds = result.bounds
    end = "exhausted" if bounds.exhausted else "not exhausted"
    yield (
        "bound",
        f"{counted(bounds.scenarios, 'scenario')}, "
        f"{counted(bounds.profiles, 'profile')}, {counted(bounds.pcpus, 'pCPU')}, "
        f"{end}; {counted(bounds.executions, 'execution')}, "
        f"{counted(bounds.events, 'event')}",
    )
    yield "profiles", every_profile_text(result.profiles)
    yield "assumptions", ", ".join(result.assumptions)
    yield "build", result.configuration
    for erratum in dict.fromkeys(name for name, _ in result.unhandled):
        cores = ", ".join(core for name, core in result.unhandled if name == erratum)
        yield f"{erratum} not handled by the tree on", cores
    for number, patch in enumerate(result.patches, 1):
        label = "files" if len(result.patches) == 1 else f"files of patch {number}"
        yield label, ", ".join(patch.files)
