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
