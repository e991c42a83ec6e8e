"""The JSON report: complete, stable, and as its schema says."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import jsonschema
import pytest
from report_samples import AUDIT, CLEAN, INCONCLUSIVE, LOCAL, PROFILES, UNSAFE

from harness.check.finding import Finding
from harness.check.result import Result
from harness.report.json_report import render_json
from harness.report.schema import schema

each_sample = pytest.mark.parametrize(
    "result",
    [UNSAFE, CLEAN, INCONCLUSIVE, AUDIT],
    ids=["unsafe", "clean", "inconclusive", "audit"],
)


def _report(result: Result) -> dict[str, Any]:
    return dict(json.loads(render_json(result)))


def _validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


@each_sample
def test_matches_the_schema(result: Result) -> None:
    _validator().validate(_report(result))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict",), "maybe"),
        (("findings", 0, "severity"), "fatal"),
        (("findings", 0, "status"), "old"),
        (("findings", 1, "tlb_diff", "1", "unexpected"), None),
        (("findings", 0, "location", "line"), "345"),
        (("bounds", "exhausted"), 1),
        (("cost", "unmap-4k/own-vttbr/1-pcpu", 0, "patched", "dsb"), "3"),
    ],
)
def test_the_schema_refuses_what_is_wrong(path: tuple[Any, ...], value: object) -> None:
    report: Any = _report(UNSAFE)
    place = report
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        _validator().validate(report)


def test_the_schema_refuses_a_missing_field() -> None:
    for name in _report(CLEAN):
        report = _report(CLEAN)
        del report[name]
        with pytest.raises(jsonschema.ValidationError):
            _validator().validate(report)


def test_fields_that_readers_rely_on() -> None:
    report = _report(UNSAFE)
    assert list(report["tool"]) == ["name", "version", "model"]
    assert {"verdict", "base", "patches", "profiles", "bounds"} <= set(report)
    assert {"unsupported", "cost", "stats"} <= set(report)
    finding = report["findings"][1]
    assert finding["rule"] == "stale-s12-after-local-vmalle1"
    assert (finding["severity"], finding["status"]) == ("error", "new")
    assert finding["profiles"] == list(PROFILES[:3])
    assert finding["location"] == {
        "file": "xen/arch/arm/mmu/p2m.c",
        "line": 345,
        "function": "p2m_force_tlb_flush_range_sync",
        "in_patch": True,
    }
    assert {"pe", "kind", "vmid", "va", "ipa", "pa"} <= set(finding["witness"])
    assert finding["witness"]["ipa"] == 0x40203000
    assert list(finding["tlb_diff"]) == ["1"]
    assert {"unexpected", "missing"} <= set(finding["tlb_diff"]["1"])
    assert {"step", "pe", "event", "file", "line", "effect"} <= set(finding["trace"][0])
    assert finding["repair"]["text"] == "promote TLBI VMALLE1 to VMALLE1IS"
    assert finding["repair"]["verified"] is True
    assert finding["arm_rules"] == ["R_TVTYQ", "I_DMCXY"]


def test_nothing_of_the_result_is_left_out() -> None:
    report = _report(UNSAFE)
    assert {f.name for f in fields(Result)} <= set(report)
    # Trees are compared by them; what was shown is gone when the check is done.
    inner = {"seen", "places", "shown"}
    names = {f.name for f in fields(Finding)} - inner
    assert names == set(report["findings"][0])


def test_all_findings_are_there_whatever_their_status() -> None:
    statuses = [f["status"] for f in _report(UNSAFE)["findings"]]
    assert statuses == ["new", "new", "new", "unchanged", "fixed"]


def test_text_that_is_not_ascii_survives() -> None:
    subject = "naïve \ud83d\ude00 \x1b subject"
    finding = replace(LOCAL, message=subject)
    text = render_json(replace(UNSAFE, findings=(finding,)))
    assert text.isascii()
    assert json.loads(text)["findings"][0]["message"] == subject.encode(
        "utf-16", "surrogatepass"
    ).decode("utf-16")
