"""``harness profiles``, and checks on real cores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from reference_model.cores import CORES
from reference_model.id_fields import ID_FIELDS
from reference_model.profiles import AARCH32_PROFILES, ARCHITECTURE_PROFILES

SCENARIO = ("--scenario", "unmap-4k/own-vttbr/2-pcpus")


def _told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["profiles", *arguments]) == 0
    return capsys.readouterr().out


def test_the_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    out = _told(capsys)
    for name in (*ARCHITECTURE_PROFILES, *AARCH32_PROFILES, *CORES):
        assert f"  {name} " in out
    assert "unknown: ETS, nTLBPA, BBM, so 12 variants" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", [*ARCHITECTURE_PROFILES, *AARCH32_PROFILES, *CORES])
def test_a_page_fits_and_cites(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = _told(capsys, name.upper())
    assert out.startswith(f"{name}: ")
    assert "[1] " in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_page_shows_fields_sources_and_errata(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = _told(capsys, "cortex-a76")
    assert "ID_AA64MMFR1_EL1  0x0000000010212122" in out
    assert "1286807, revisions: r0p0-r3p0" in out
    assert "aarch64_a76_initfn" in out
    assert "unknown" in _told(capsys, "Cortex-X4")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    every = json.loads(_told(capsys, "--json"))
    assert [one["name"] for one in every] == [
        *ARCHITECTURE_PROFILES,
        *AARCH32_PROFILES,
        *CORES,
    ]
    for one in every:
        for name, field in one["fields"].items():
            assert field["bits"] == ID_FIELDS[name].bits
            assert field["source"]
    one = json.loads(_told(capsys, "Cortex-A510", "--json"))
    assert one["fields"]["BBM"]["value"] is None
    assert one["fields"]["PARange"]["value"] == 2
    assert len(one["variants"]) == 24
    assert one["errata"][0]["number"] == "2441009"


def test_a_name_that_nobody_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "Cortex-Z9"]) == 2
    assert "no profile 'Cortex-Z9'" in capsys.readouterr().err
    example = ("--example", "good_rename")
    assert main(["check", *example, "--profile", "P0-v8.0,Cortex-Z9"]) == 2
    assert "no profile 'Cortex-Z9'" in capsys.readouterr().err


# ---------------------------------------------------------------------- checks


def _report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main(["check", *arguments, *SCENARIO, "--format", "json", "--jobs", "1"])
    return dict(json.loads(capsys.readouterr().out))


def _rules(report: dict[str, Any], profile: str) -> set[str]:
    return {f["rule"] for f in report["findings"] if profile in f["profiles"]}


def test_a_core_with_the_erratum_shows_what_its_profile_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = _report(
        capsys,
        "--example",
        "bad_no_repeat_tlbi",
        "--profile",
        "P0-v8.0,P1-repeat,cortex-a76,Cortex-A73",
    )
    assert "repeat-tlbi-missing" in _rules(report, "P1-repeat")
    assert "repeat-tlbi-missing" in _rules(report, "Cortex-A76")
    assert "repeat-tlbi-missing" not in _rules(report, "Cortex-A73")
    assert "repeat-tlbi-missing" not in _rules(report, "P0-v8.0")


def test_an_erratum_that_the_tree_does_not_know_of(
    xen_tree: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """XSA-493 came after 4.17.5; nothing handles 2441007 of the Cortex-A55."""
    for version, unhandled in (
        ("4.17.5", ["Cortex-A55", "Cortex-A76"]),
        ("4.20.3", ["Cortex-A55"]),
    ):
        main(
            [
                *("audit", "--tree", str(xen_tree(version)), *SCENARIO, "--jobs", "1"),
                *("--profile", "Cortex-A55,Cortex-A76,Cortex-A72", "--format", "json"),
            ]
        )
        report = json.loads(capsys.readouterr().out)
        assert report["unhandled"]["REPEAT_TLBI"] == unhandled
        for core in ("Cortex-A55", "Cortex-A76", "Cortex-A72"):
            found = "repeat-tlbi-missing" in _rules(report, core)
            assert found == (core in unhandled), (version, core)


def test_unknown_values_are_checked_both_ways(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = _report(
        capsys, "--example", "bad_s1_step_local", "--profile", "neoverse-v2"
    )
    variants = [p.name for p in CORES["Neoverse-V2"].profiles()]
    assert report["profiles"] == variants
    (finding,) = (f for f in report["findings"] if f["status"] == "new")
    assert finding["profiles"] == variants


def test_the_text_names_a_core_once(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--example", "bad_s1_step_local", "--profile", "Neoverse-V2,P0-v8.0")
    main(["check", *arguments, *SCENARIO, "--jobs", "1"])
    out = capsys.readouterr().out
    assert "= breaks on: all 13 profiles" in out
    arguments = ("--example", "bad_no_repeat_tlbi", "--profile", "Neoverse-V2,P0-v8.0")
    main(["check", *arguments, *SCENARIO, "--jobs", "1"])
    out = capsys.readouterr().out
    assert "= breaks on: Neoverse-V2; not on: P0-v8.0" in out


def test_the_default_is_the_architecture(capsys: pytest.CaptureFixture[str]) -> None:
    report = _report(capsys, "--example", "good_rename")
    assert report["profiles"] == [*ARCHITECTURE_PROFILES, *AARCH32_PROFILES]
