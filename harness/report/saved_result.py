"""Results out of saved reports.

Everything that a report says comes back.  What it does not say is lost: the mails
that patches came in, and where exactly each finding was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.check import finding as found
from harness.check import result as results
from harness.check.answer import Answer, Figure
from harness.errors import ReportError
from harness.report import contract
from harness.report.report_reader import read_report

__all__ = ["part_of_report", "result_of", "saved_result"]


def saved_result(path: Path) -> results.Result:
    """Read the result that a file holds."""
    return result_of(read_report(path), str(path))


def result_of(report: contract.Report, name: str) -> results.Result:
    """Return the result that a report was made from; ``name`` is that of its file."""
    try:
        result = _result(report)
    except ReportError as error:
        raise ReportError(f"'{name}' is damaged: {error.message}") from error
    if result.verdict.value != report["verdict"]:
        raise ReportError(
            f"'{name}' is damaged: it says {report['verdict']}, what it holds "
            f"is {result.verdict.value}"
        )
    return result


def _result(report: contract.Report) -> results.Result:
    return results.Result(
        command=report["command"],
        base=report["base"],
        tree_version=report["tree_version"],
        patches=tuple(_patch(patch) for patch in report["patches"]),
        profiles=tuple(report["profiles"]),
        bounds=_bounds(report["bounds"]),
        findings=tuple(_finding(finding) for finding in report["findings"]),
        unsupported=tuple(_unsupported(item) for item in report["unsupported"]),
        cost=tuple(
            _cost(scenario, row)
            for scenario, rows in report["cost"].items()
            for row in rows
        ),
        assumptions=tuple(report["assumptions"]),
        not_executed=tuple(report["not_executed"]),
        nothing_ran=report["nothing_ran"],
        only_under=tuple(report["only_under"]),
        unhandled=tuple(
            (erratum, core)
            for erratum, cores in report["unhandled"].items()
            for core in cores
        ),
        stats=dict(report["stats"]),
        configuration=report["configuration"],
        base_commit=report["base_commit"],
        notes=tuple(report["notes"]),
        alternatives=report["alternatives"],
        answers=tuple(_answer(answer) for answer in report["answers"]),
        part=part_of_report(report),
    )


def part_of_report(report: contract.Report) -> results.Part | None:
    """Return the part that a report is of, None of a whole one."""
    part = report["part"]
    if part is None:
        return None
    common = tuple(part["common"].items())
    return results.Part(
        part["number"], part["count"], common, tuple(part["plan"]), part["work"]
    )


def _patch(patch: contract.Patch) -> results.PatchSummary:
    recovery = patch["recovery"]
    return results.PatchSummary(
        patch["name"],
        patch["subject"],
        tuple(patch["files"]),
        tuple(patch["notes"]),
        None if recovery is None else recovery["verified"],
        () if recovery is None else tuple(recovery["uncertain"]),
        patch["commit"],
        identity=patch["identity"],
        repair=patch["repair"],
    )


def _bounds(bounds: contract.Bounds) -> results.Bounds:
    return results.Bounds(
        bounds["scenarios"],
        bounds["profiles"],
        bounds["pcpus"],
        bounds["executions"],
        bounds["events"],
        bounds["exhausted"],
    )


def _finding(finding: contract.Finding) -> found.Finding:
    location, witness = finding["location"], finding["witness"]
    return found.Finding(
        rule=finding["rule"],
        severity=found.Severity(finding["severity"]),
        status=found.Status(finding["status"]),
        message=finding["message"],
        profiles=tuple(finding["profiles"]),
        scenario=finding["scenario"],
        scenarios=tuple(finding["scenarios"]),
        location=found.Location(
            location["file"],
            location["line"],
            location["function"],
            location["in_patch"],
        ),
        witness=None if witness is None else _witness(witness),
        tlb_diff=tuple(_diff(pe, diff) for pe, diff in finding["tlb_diff"].items()),
        trace=tuple(_step(step) for step in finding["trace"]),
        repair=_repair(finding["repair"]),
        arm_rules=tuple(finding["arm_rules"]),
        fingerprint=finding["fingerprint"],
        replay=finding["replay"],
        trace_file=finding["trace_file"],
        assumptions=tuple(finding["assumptions"]),
        patch=finding["patch"],
        fixed_by=finding["fixed_by"],
        excerpts=tuple(_excerpt(excerpt) for excerpt in finding["excerpts"]),
        hunk=finding["hunk"],
        suppressed=finding["suppressed"],
        suppression_refused=finding["suppression_refused"],
        kin=tuple(finding["kin"]),
    )


def _witness(witness: contract.Witness) -> found.Witness:
    return found.Witness(
        witness["pe"],
        witness["kind"],
        witness["vmid"],
        witness["va"],
        witness["ipa"],
        witness["pa"],
        witness["permissions"],
        witness["size"],
    )


def _diff(pe: str, diff: contract.TlbDiff) -> found.TlbDiff:
    return found.TlbDiff(
        _number(pe),
        tuple(diff["unexpected"]),
        diff["allowed"],
        tuple(diff["missing"]),
    )


def _step(step: contract.Step) -> found.Step:
    return found.Step(
        step["step"],
        step["pe"],
        step["event"],
        step["file"],
        step["line"],
        step["function"],
        step["effect"],
        step["blamed"],
        tuple(
            found.State(state["name"], state["text"], state["stale"])
            for state in step["states"]
        ),
    )


def _repair(repair: contract.Repair | None) -> found.Repair | None:
    if repair is None:
        return None
    return found.Repair(
        tuple(repair["edits"]), repair["verified"], repair["diff"], repair["no_diff"]
    )


def _excerpt(excerpt: contract.Excerpt) -> found.Excerpt:
    lines = tuple((_number(n), text) for n, text in excerpt["lines"].items())
    return found.Excerpt(excerpt["file"], lines)


def _unsupported(item: contract.Unsupported) -> results.UnsupportedItem:
    return results.UnsupportedItem(
        item["what"],
        item["file"],
        item["line"],
        tuple(item["scenarios"]),
        tuple(item["profiles"]),
        item["in_base"],
    )


def _cost(scenario: str, row: contract.Cost) -> results.ScenarioCost:
    return results.ScenarioCost(
        scenario, tuple(row["profiles"]), _counts(row["base"]), _counts(row["patched"])
    )


def _counts(counts: contract.Counts | None) -> results.Counts | None:
    if counts is None:
        return None
    return results.Counts(
        tuple(counts["tlbi"].items()),
        counts["dsb"],
        counts["isb"],
        counts["vttbr"],
        counts["irqs_off"],
    )


def _answer(answer: contract.Answer) -> Answer:
    figures: Mapping[str, float] = answer["figures"]
    return Answer(
        answer["id"],
        answer["question"],
        answer["text"],
        tuple(Figure(name, value) for name, value in figures.items()),
        answer["source"],
    )


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ReportError(f"'{text[:20]}' is no number")
    return int(text)
