"""SARIF 2.1.0: findings with a thread flow for each pCPU."""

from __future__ import annotations

import json
from typing import Any

import harness
from harness.catalogue import page
from harness.check.finding import Finding, Repair, Severity, Status, Step
from harness.check.result import Result
from harness.check.rules import RULES
from harness.model_version import model_version
from harness.report.gaps import Gap, gaps
from harness.report.order import worst_first
from harness.report.repair_diff import how_known
from harness.report.replacements import region, replacements
from harness.report.suppressions import message

__all__ = ["render_sarif"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    "sarif-schema-2.1.0.json"
)
_LEVELS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.PERF: "note",
    Severity.INFO: "note",
}
_STATES = {
    Status.NEW: "new",
    Status.UNCHANGED: "unchanged",
    Status.FIXED: "absent",
    Status.KNOWN: "unchanged",
}
_ROOT = "SRCROOT"
_Json = dict[str, Any]


def render_sarif(result: Result) -> str:
    """Return a log with one run."""
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [_run(result)],
    }
    return json.dumps(log, indent=1) + "\n"


def _run(result: Result) -> _Json:
    findings = worst_first(result.findings)
    rules = sorted({f.rule for f in findings})
    missing = gaps(result)
    return {
        "tool": {
            "driver": {
                "name": "harness",
                "semanticVersion": harness.__version__,
                "version": model_version(),
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": _named(result)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "the top of the Xen tree"}}
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(g) for g in missing],
            }
        ],
        "properties": {"verdict": result.verdict.value, "base": result.base},
        "results": [_result(f, rules.index(f.rule)) for f in findings],
    }


def _named(result: Result) -> str:
    patch = result.patches[-1] if result.patches else None
    return f"harness/{(patch.subject or patch.name) if patch else 'audit'}"


def _rule(name: str) -> _Json:
    shown = page(name)
    rule = RULES[name]
    return {
        "id": name,
        "shortDescription": {"text": shown.title},
        "fullDescription": {"text": shown.checks},
        "help": {
            "text": f"{shown.why}\n\n{shown.fine}\n\nArm rules: "
            f"{', '.join(rule.arm_rules) or 'none'}. More: harness explain {name}"
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _notification(gap: Gap) -> _Json:
    notification: _Json = {
        "descriptor": {"id": gap.rule},
        "level": "warning",
        "message": {"text": gap.text},
    }
    if gap.file and gap.line:
        notification["locations"] = [_location(gap.file, gap.line)]
    return notification


def _result(finding: Finding, index: int) -> _Json:
    where = finding.location
    result: _Json = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": message(finding)},
        "partialFingerprints": {"harness/v1": finding.fingerprint},
        "baselineState": _STATES[finding.status],
        "properties": {
            "profiles": list(finding.profiles),
            "scenario": finding.scenario,
            "armRules": list(finding.arm_rules),
        },
    }
    if where.file:
        result["locations"] = [_location(where.file, where.line, where.function)]
    if finding.trace:
        result["codeFlows"] = [_flow(finding)]
    if finding.suppressed:
        result["suppressions"] = [
            {
                "kind": "inSource",
                "status": "accepted",
                "justification": finding.suppressed,
            }
        ]
    if finding.suppression_refused:
        result["properties"]["suppressionRefused"] = finding.suppression_refused
    if finding.replay:
        result["properties"]["replay"] = f"harness replay {finding.replay}"
    if finding.repair is not None:
        perf = finding.severity is Severity.PERF
        said = how_known(finding.repair, perf=perf)
        result["properties"]["repair"] = f"{finding.repair.text} ({said})"
        if finding.repair.diff:
            result["fixes"] = [_fix(finding.repair)]
    return result


def _fix(repair: Repair) -> _Json:
    """Return the diff of a repair as replacements of lines."""
    return {
        "description": {
            "text": f"{repair.text} (as a diff: applied, analysed, the finding gone "
            "and nothing new)"
        },
        "artifactChanges": [
            {
                "artifactLocation": {"uri": file, "uriBaseId": _ROOT},
                "replacements": [
                    {
                        "deletedRegion": region(replacement),
                        "insertedContent": {"text": replacement.text},
                    }
                    for replacement in found
                ],
            }
            for file, found in replacements(repair.diff).items()
        ],
    }


def _location(file: str, line: int, function: str = "") -> _Json:
    location: _Json = {
        "physicalLocation": {
            "artifactLocation": {"uri": file, "uriBaseId": _ROOT},
            "region": {"startLine": max(1, line)},
        }
    }
    if function:
        location["logicalLocations"] = [{"name": function, "kind": "function"}]
    return location


def _flow(finding: Finding) -> _Json:
    pes = sorted({step.pe for step in finding.trace})
    return {
        "message": {"text": "the counterexample; execution order is over all pCPUs"},
        "threadFlows": [
            {
                "id": f"pCPU{pe}",
                "locations": [
                    _step(step, last=step is finding.trace[-1])
                    for step in finding.trace
                    if step.pe == pe
                ],
            }
            for pe in pes
        ],
    }


def _step(step: Step, *, last: bool) -> _Json:
    text = f"{step.event}: {step.effect}" if step.effect else step.event
    location: _Json = {"message": {"text": text}}
    if step.file:
        location |= _location(step.file, step.line, step.function)
    return {
        "location": location,
        "executionOrder": step.step,
        "importance": "essential" if step.blamed or last else "important",
        "kinds": ["danger"]
        if last
        else ["memory" if "store" in step.event else "call"],
        "state": {s.name: {"text": s.text} for s in step.states},
    }
