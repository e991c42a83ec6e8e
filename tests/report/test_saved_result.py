"""Saved reports: they come back as they were, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from report_samples import AUDIT, CLEAN, INCONCLUSIVE, UNSAFE

from harness.errors import ReportError
from harness.report import report_reader
from harness.report.json_report import render_json
from harness.report.report_reader import parsed, read_report
from harness.report.saved_result import result_of, saved_result
from harness.report.schema import schema

SAMPLES = {
    "audit": AUDIT,
    "clean": CLEAN,
    "inconclusive": INCONCLUSIVE,
    "unsafe": UNSAFE,
}
VALIDATOR = Draft202012Validator(schema())
_REPORTS = Path(__file__).resolve().parents[2] / "generated/reports"
GENERATED = sorted(p for p in _REPORTS.glob("*.json") if "." not in p.stem)
REPORT: dict[str, Any] = json.loads(render_json(UNSAFE))


def _back(text: str) -> str:
    return render_json(result_of(parsed(text.encode(), "a.json"), "a.json"))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_result_comes_back(name: str) -> None:
    text = render_json(SAMPLES[name])
    assert _back(text) == text


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_CHANGES: dict[str, st.SearchStrategy[object]] = {
    "notes": st.lists(_TEXT, max_size=3),
    "base": _TEXT,
    "not_executed": st.lists(_TEXT, min_size=1, max_size=3),
    "assumptions": st.lists(_TEXT, max_size=3),
    "stats": st.dictionaries(_TEXT, st.floats(0, 1e6), max_size=3),
    "unhandled": st.dictionaries(
        _TEXT, st.lists(_TEXT, min_size=1, max_size=2), max_size=2
    ),
}


@settings(deadline=None)
@given(st.fixed_dictionaries(_CHANGES))
def test_whatever_it_says_comes_back(changes: dict[str, object]) -> None:
    report = {**REPORT, **changes, "verdict": "unsafe"}
    report["stats"] = dict(sorted(report["stats"].items()))
    assert json.loads(_back(json.dumps(report))) == report


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.stem)
def test_reports_of_real_results_come_back(path: Path) -> None:
    report = json.loads(path.read_bytes())
    current = json.loads(render_json(CLEAN))
    # Samples are generated without a model version.
    report["tool"] = current["tool"]
    if set(report) != set(current):
        pytest.skip("the samples are of another version: run 'harness regen'")
    assert json.loads(_back(json.dumps(report))) == report


# -------------------------------------------------------------- what is damaged


def _places(value: object, where: tuple[str | int, ...] = ()) -> Iterator[Any]:
    """Yield the way to everything in a document."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value[:1])
    for key, item in items:
        yield (*where, key)
        yield from _places(item, (*where, key))


PLACES = list(_places(REPORT))
_OTHERS: tuple[object, ...] = (None, True, 7, 1.5, "x", [], {}, [None], {"x": None})


@settings(deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(_OTHERS))
def test_the_reader_agrees_with_the_schema(
    place: tuple[str | int, ...], value: object
) -> None:
    report = deepcopy(REPORT)
    inside: Any = report
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    valid = VALIDATOR.is_valid(report)
    tool = report["tool"]
    # The schema takes a number without a fraction for a whole one.
    assert not isinstance(value, float) or value != int(value)
    try:
        parsed(json.dumps(report).encode(), "a.json")
    except ReportError as error:
        assert not valid or tool != REPORT["tool"], error
    else:
        assert valid


@settings(deadline=None)
@given(st.sampled_from(PLACES))
def test_a_field_that_is_missing(place: tuple[str | int, ...]) -> None:
    report = deepcopy(REPORT)
    inside: Any = report
    for key in place[:-1]:
        inside = inside[key]
    del inside[place[-1]]
    valid = VALIDATOR.is_valid(report)
    try:
        parsed(json.dumps(report).encode(), "a.json")
    except ReportError:
        assert not valid
    else:
        assert valid


def test_fields_that_are_not_known_are_left_alone() -> None:
    report = {**REPORT, "new": 1, "bounds": {**REPORT["bounds"], "new": 1}}
    assert json.loads(_back(json.dumps(report))) == REPORT


def _verdict(report: dict[str, Any]) -> None:
    report["verdict"] = "clean"


def _version(report: dict[str, Any]) -> None:
    report["tool"]["model"] = "0.0+0"


def _maker(report: dict[str, Any]) -> None:
    report["tool"]["name"] = "other"


def _status(report: dict[str, Any]) -> None:
    report["findings"][0]["status"] = "odd"


def _pe(report: dict[str, Any]) -> None:
    finding = report["findings"][0]
    finding["tlb_diff"] = {"9" * 5000: {"unexpected": [], "missing": [], "allowed": ""}}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_verdict, "it says clean, what it holds is unsafe"),
        (
            _version,
            r"made by harness .*, model 0\.0\+0; this one is .*run the",
        ),
        (_maker, "does not say that harness made it"),
        (_status, r"findings\[0\]\.status is none of new, unchanged, fixed, known"),
        (_pe, "is no number"),
    ],
)
def test_what_is_refused_and_why(
    edit: Callable[[dict[str, Any]], None], said: str
) -> None:
    report = deepcopy(REPORT)
    edit(report)
    with pytest.raises(ReportError, match=said):
        _back(json.dumps(report))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"nul", b"[]", b"7", b"{}", b"[" * 100_000, b'{"tool": "harness"}'],
)
def test_what_is_no_report(data: bytes) -> None:
    with pytest.raises(ReportError, match=r"'a.json' is no result of 'harness check"):
        parsed(data, "a.json")


def test_a_file_is_read_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.json"
    file.write_text(render_json(CLEAN))
    assert saved_result(file) == CLEAN
    monkeypatch.setattr(report_reader, "LIMIT", file.stat().st_size - 1)
    with pytest.raises(ReportError, match="is larger than"):
        read_report(file)
    with pytest.raises(ReportError, match="cannot read"):
        read_report(tmp_path)
