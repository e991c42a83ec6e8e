"""The report as JSON: the stable machine interface."""

from __future__ import annotations

import json
from collections.abc import Sequence

import harness
from harness.check import answer as answered
from harness.check import finding as found
from harness.check import result as results
from harness.model_version import model_version
from harness.report import contract

__all__ = ["render_json", "report"]


def render_json(result: results.Result) -> str:
    """Return the report as the text of one JSON document."""
    return json.dumps(report(result), indent=1) + "\n"


def report(result: results.Result) -> contract.Report:
    """Return the report as plain data, in the order of the contract."""
    return {
        "tool": {
            "name": "harness",
            "version": harness.__version__,
            "model": model_version(),
        },
        "command": result.command,
        "verdict": result.verdict.value,
        "base": result.base,
        "base_commit": result.base_commit,
        "tree_version": result.tree_version,
        "configuration": result.configuration,
        "notes": list(result.notes),
        "patches": [_patch(patch) for patch in result.patches],
        "alternatives": result.alternatives,
        "part": _part(result.part),
        "profiles": list(result.profiles),
        "bounds": _bounds(result.bounds),
        "assumptions": list(result.assumptions),
        "findings": [_finding(finding) for finding in result.findings],
        "unsupported": [_unsupported(item) for item in result.unsupported],
        "not_executed": list(result.not_executed),
        "nothing_ran": result.nothing_ran,
        "only_under": list(result.only_under),
        "unhandled": _unhandled(result.unhandled),
        "cost": _costs(result.cost),
        "answers": [_answer(answer) for answer in result.answers],
        "stats": dict(sorted(result.stats.items())),
    }


def _patch(patch: results.PatchSummary) -> contract.Patch:
    return {
        "name": patch.name,
        "subject": patch.subject,
        "files": list(patch.files),
        "notes": list(patch.notes),
        "commit": patch.commit,
        "identity": patch.identity,
        "recovery": _recovery(patch),
        "repair": patch.repair,
    }


def _recovery(patch: results.PatchSummary) -> contract.Recovery | None:
    if patch.recovered is None:
        return None
    return {"verified": patch.recovered, "uncertain": list(patch.uncertain)}


def _part(part: results.Part | None) -> contract.Part | None:
    if part is None:
        return None
    return {
        "number": part.number,
        "count": part.count,
        "common": dict(part.common),
        "plan": list(part.plan),
        "work": part.work,
    }


def _bounds(bounds: results.Bounds) -> contract.Bounds:
    return {
        "scenarios": bounds.scenarios,
        "profiles": bounds.profiles,
        "pcpus": bounds.pcpus,
        "executions": bounds.executions,
        "events": bounds.events,
        "exhausted": bounds.exhausted,
    }


def _finding(finding: found.Finding) -> contract.Finding:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "status": finding.status.value,
        "message": finding.message,
        "profiles": list(finding.profiles),
        "scenario": finding.scenario,
        "scenarios": list(finding.scenarios),
        "location": {
            "file": finding.location.file,
            "line": finding.location.line,
            "function": finding.location.function,
            "in_patch": finding.location.in_patch,
        },
        "witness": _witness(finding.witness),
        "tlb_diff": {str(diff.pe): _diff(diff) for diff in finding.tlb_diff},
        "trace": [_step(step) for step in finding.trace],
        "repair": _repair(finding.repair),
        "arm_rules": list(finding.arm_rules),
        "fingerprint": finding.fingerprint,
        "kin": list(finding.kin),
        "replay": finding.replay,
        "trace_file": finding.trace_file,
        "assumptions": list(finding.assumptions),
        "patch": finding.patch,
        "fixed_by": finding.fixed_by,
        "excerpts": [
            {"file": e.file, "lines": {str(n): text for n, text in e.lines}}
            for e in finding.excerpts
        ],
        "hunk": finding.hunk,
        "suppressed": finding.suppressed,
        "suppression_refused": finding.suppression_refused,
    }


def _witness(witness: found.Witness | None) -> contract.Witness | None:
    if witness is None:
        return None
    return {
        "pe": witness.pe,
        "kind": witness.kind,
        "vmid": witness.vmid,
        "va": witness.va,
        "ipa": witness.ipa,
        "pa": witness.pa,
        "permissions": witness.permissions,
        "size": witness.size,
    }


def _diff(diff: found.TlbDiff) -> contract.TlbDiff:
    return {
        "unexpected": list(diff.unexpected),
        "missing": list(diff.missing),
        "allowed": diff.allowed,
    }


def _step(step: found.Step) -> contract.Step:
    return {
        "step": step.step,
        "pe": step.pe,
        "event": step.event,
        "file": step.file,
        "line": step.line,
        "function": step.function,
        "effect": step.effect,
        "blamed": step.blamed,
        "states": [
            {"name": state.name, "text": state.text, "stale": state.stale}
            for state in step.states
        ],
    }


def _repair(repair: found.Repair | None) -> contract.Repair | None:
    if repair is None:
        return None
    return {
        "text": repair.text,
        "edits": list(repair.edits),
        "verified": repair.verified,
        "diff": repair.diff,
        "no_diff": repair.no_diff,
    }


def _unsupported(item: results.UnsupportedItem) -> contract.Unsupported:
    return {
        "what": item.what,
        "file": item.file,
        "line": item.line,
        "scenarios": list(item.scenarios),
        "profiles": list(item.profiles),
        "in_base": item.in_base,
    }


def _unhandled(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    errata: dict[str, list[str]] = {}
    for erratum, core in pairs:
        errata.setdefault(erratum, []).append(core)
    return errata


def _answer(answer: answered.Answer) -> contract.Answer:
    return {
        "id": answer.id,
        "question": answer.question,
        "text": answer.text,
        "figures": {figure.name: figure.value for figure in answer.figures},
        "source": answer.source,
    }


def _costs(cost: Sequence[results.ScenarioCost]) -> dict[str, list[contract.Cost]]:
    rows: dict[str, list[contract.Cost]] = {}
    for row in cost:
        rows.setdefault(row.scenario, []).append(
            {
                "profiles": list(row.profiles),
                "base": _counts(row.base),
                "patched": _counts(row.patched),
            }
        )
    return rows


def _counts(counts: results.Counts | None) -> contract.Counts | None:
    if counts is None:
        return None
    return {
        "tlbi": dict(counts.tlbi),
        "dsb": counts.dsb,
        "isb": counts.isb,
        "vttbr": counts.vttbr,
        "irqs_off": counts.irqs_off,
    }
