"""``--assume``: other readings of the architecture, and what they change."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from harness.assumptions import (
    ASSUMPTIONS,
    NO_CHOICE,
    alternatives,
    changed,
    dependents,
    read,
    rested_on,
)
from harness.check.rules import RULES
from harness.cli import main
from harness.errors import UsageError
from reference_model.assumptions import Assumptions

EXAMPLE = ("--example", "bad_s1_step_local")
QUICK = ("--scenario", "unmap-4k/own-vttbr/2-pcpus", "--profile", "P0-v8.0")


def _check(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main(["check", *EXAMPLE, *QUICK, *arguments, "--format", "json", "--jobs", "1"])
    return dict(json.loads(capsys.readouterr().out))


# -------------------------------------------------------------------- registry


def test_every_field_has_a_name() -> None:
    assert [one.field for one in ASSUMPTIONS.values()] == [
        field.name for field in fields(Assumptions)
    ]


def test_the_defaults_are_those_of_the_machine() -> None:
    defaults = Assumptions()
    for one in ASSUMPTIONS.values():
        assert one.word(defaults) == one.default
        assert one.meaning
    assert read([]) == defaults
    assert changed(defaults) == ()


@pytest.mark.parametrize("name", ASSUMPTIONS)
def test_every_value_can_be_taken(name: str) -> None:
    one = ASSUMPTIONS[name]
    for word, value in one.values:
        taken = read([f"{name}={word}"])
        assert getattr(taken, one.field) is value
        assert changed(taken) == (() if word == one.default else (f"{name}={word}",))
    assert len(list(alternatives(one, Assumptions()))) == len(one.values) - 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["drain"], "no assumption 'drain'"),
        (["drain-ptw"], "no value '' for assumption 'drain-ptw'"),
        (["drain-ptw=maybe"], "one of off, on"),
        (["drain-ptw=on", "drain-ptw=off"], "two values"),
        (["amalgamation=one"], "one value only"),
    ],
)
def test_what_does_not_exist_is_refused(settings: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(settings)


def test_what_a_clean_result_rests_on() -> None:
    rested = rested_on(Assumptions())
    assert "alloc-flushes-tlb=on" in rested
    assert "drain-ptw=off" not in rested
    assert "drain-ptw=on" in rested_on(read(["drain-ptw=on"]))
    assert "drain-ptw=off" in rested_on(Assumptions(), ["drain-ptw=off"])


def test_rules_and_assumptions_meet() -> None:
    for one in ASSUMPTIONS.values():
        assert set(one.findings) <= set(RULES)
        ids = re.fullmatch(r"([RI]_[A-Z]{5} ?)*", " ".join(one.arm_rules))
        assert ids, one.name
    (one,) = dependents("ptw-not-drained-before-regime-switch")
    assert one.name == "drain-ptw"


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assumptions"]) == 0
    out = capsys.readouterr().out
    for name, one in ASSUMPTIONS.items():
        assert f"{name}={one.default} (default)" in out
    for name in NO_CHOICE:
        assert f"  {name}: " in out
    assert main(["assumptions", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in data["assumptions"]] == list(ASSUMPTIONS)


# ---------------------------------------------------------------------- checks


def test_another_reading_changes_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    usual = _check(capsys)
    assert usual["verdict"] == "unsafe"
    assert usual["only_under"] == []
    other = _check(capsys, "--assume", "combined-tlb=off")
    assert other["verdict"] != "unsafe"
    assert other["only_under"] == ["combined-tlb=off"]
    assert "combined-tlb=off" in other["assumptions"]


def test_no_general_verdict_under_another_reading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("--example", "good_stronger_barrier", *QUICK)
    main(["check", *arguments, "--assume", "combined-tlb=off", "--jobs", "1"])
    last = capsys.readouterr().out.split("\nharness: ")[-1]
    assert last.split(":")[0] in ("clean", "inconclusive")
    assert "; only under combined-tlb=off" in " ".join(last.split())


def test_a_finding_names_what_it_rests_on(capsys: pytest.CaptureFixture[str]) -> None:
    report = _check(capsys)
    (finding,) = (f for f in report["findings"] if f["status"] == "new")
    assert finding["assumptions"] == ["combined-tlb=on"]
    assert "combined-tlb=on" in report["assumptions"]
    main(["check", *EXAMPLE, *QUICK, "--jobs", "1"])
    assert "  = assumes: combined-tlb=on\n" in capsys.readouterr().out


def test_what_is_kept_is_kept_for_one_reading(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("HARNESS_NO_CACHE", raising=False)
    verdicts = [
        _check(capsys, *more)["verdict"]
        for more in ((), ("--assume", "combined-tlb=off"), ())
    ]
    assert verdicts[0] == verdicts[2] == "unsafe"
    assert verdicts[1] != "unsafe"


@pytest.mark.parametrize("setting", ["nonsense=on", "combined-tlb=maybe"])
def test_a_mistake_is_one_line(
    setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *EXAMPLE, "--assume", setting]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("harness: error: no ")
    assert err.count("\n") == 1
