"""``harness cost`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.cli import main
from harness.series.base import EMBEDDED

PATCHES = Path(__file__).resolve().parents[2] / "patches"
SVG = "{http://www.w3.org/2000/svg}"


def _cost(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["cost", "--tree", str(EMBEDDED), *arguments]) == 0
    return capsys.readouterr().out


def test_a_flush_by_ipa_saves_what_the_list_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch = str(PATCHES / "good_ipa_flush.patch")
    data = json.loads(_cost(capsys, patch, "--format", "json"))
    creation = data["nested"]["48"]["create_domain_128M"]
    assert 150 * 60 < creation["base"]["typical"] < 250 * 60
    assert creation["patched"]["typical"] < 1
    small = data["nested"]["40"]["create_domain_128M"]
    assert creation["base"]["typical"] / small["base"]["typical"] == pytest.approx(256)
    (row,) = [
        row
        for row in data["operations"]
        if row["scenario"].startswith("unmap-foreign-4k")
        and "P5-nested" in row["profiles"]
    ]
    assert row["base"]["tlbi"] == {"VMALLS12E1IS": 1}
    assert row["patched"]["tlbi"] == {"IPAS2E1IS": 1, "VMALLE1IS": 1}
    lost = [row[side]["right_entries"]["dropped"] for side in ("base", "patched")]
    assert lost[0] > lost[1]


def test_the_text_fits_a_terminal_and_names_its_sources(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch = str(PATCHES / "good_vcpu_switch_s1_only.patch")
    text = _cost(capsys, patch)
    assert max(map(len, text.splitlines())) <= 80
    assert "48 PA bits  1.46 s (1.46 s to 9.5 s) -> 18 us (10 us to 27 us)" in text
    assert "256\n  times as much" in text or "256 times as much" in text
    assert "Graviton4" in text
    assert "dvm: not set" in text


def test_a_tree_has_no_arrows(capsys: pytest.CaptureFixture[str]) -> None:
    text = _cost(capsys)
    assert "cost of the tree as it is" in text
    assert "->" not in text.replace("base -> patched", "")


def test_the_charts_are_one_svg_that_can_be_read_aloud(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch = str(PATCHES / "good_ipa_flush.patch")
    root = ElementTree.fromstring(_cost(capsys, patch, "--format", "svg"))
    charts = root.findall(f"{SVG}g")
    labels = [chart.get("aria-label") or "" for chart in charts]
    assert [chart.get("role") for chart in charts] == ["img"] * 3
    assert "base: 356 us to 23.4 s" in labels[0]
    assert "patched: 38.9 us to 38.9 us" in labels[0]
    assert "70,000 (10,000 to 470,000) pages" in labels[1]
    assert [len(c.findall(f".//{SVG}polyline")) for c in charts] == [2, 4, 4]


def test_a_mistyped_parameter_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["cost", "--tree", str(EMBEDDED), "--parameter", "nv-ipas=1us"])
    assert code == 2
    assert "no cost parameter 'nv-ipas'" in capsys.readouterr().err


def test_a_saving_by_a_wrong_patch_is_said_to_be_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = _cost(capsys, str(PATCHES / "bad_unmap_no_flush.patch"))
    assert text.count("but wrong with the patch: 'harness check' shows how") == 2
    flat = " ".join(text.split())
    assert "flushes by IPA that are right (1 IPAS2E1IS, 1 VMALLE1IS for each" in flat


def test_a_right_patch_costs_what_a_right_flush_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch = str(PATCHES / "good_ipa_flush.patch")
    data = json.loads(_cost(capsys, patch, "--format", "json"))
    creation = data["nested"]["48"]["create_domain_128M"]
    assert not creation["wrong_with_patch"]
    assert creation["right_by_ipa"] == pytest.approx(creation["patched"])


def test_a_region_is_plotted(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in _cost(capsys).splitlines() if line.count("|") == 2]
    assert len(lines) == 8
    plots = [line.split("|")[1] for line in lines]
    assert len({plot.index("f") for plot in plots}) == 1
    # By page is left of a full flush until the break-even.
    places = [plot.index("p") for plot in plots]
    assert places == sorted(places)
    assert places[0] < plots[0].index("f") < places[-1]


def test_a_vcpu_switch_without_a_flush_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = _cost(capsys, str(PATCHES / "bad_vcpu_switch_no_flush.patch"))
    assert text.count("but wrong with the patch") == 1


def test_the_break_even_on_bare_metal_is_in_what_the_user_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "D is dvm / walk-read: --parameter sets both" in _cost(capsys)
    given = ("--parameter", "dvm=1us", "--parameter", "walk-read=100ns")
    text = " ".join(_cost(capsys, *given).split())
    assert "D is dvm / walk-read = 10: from 51 to 2,432 pages on these cores" in text


def test_what_is_wrong_on_another_cpu_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = _cost(capsys, str(PATCHES / "bad_s1_step_local.patch"))
    assert text.count("but wrong with the patch") == 2
