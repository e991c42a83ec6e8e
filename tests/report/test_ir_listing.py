"""The committed listing of the embedded base's IR."""

from __future__ import annotations

import re

import pytest

from harness.report.generated.ir_listing import ir_listings
from harness.series.base import EMBEDDED

_PLACE = re.compile(r"  # (\S+):(\d+)$")


@pytest.fixture(scope="module", name="listings")
def _listings() -> dict[str, str]:
    return ir_listings()


def test_there_is_one_for_each_architecture(listings: dict[str, str]) -> None:
    assert sorted(listings) == ["arm32", "arm64"]
    # The instruction that the same line of C is for each.
    assert "'msr VTTBR_EL2, %0'" in listings["arm64"]
    assert "'mcrr p15, 6, %0, %H0, c2;'" in listings["arm32"]


@pytest.mark.parametrize("name", ["arm64", "arm32"])
def test_each_place_is_a_line_of_the_base(listings: dict[str, str], name: str) -> None:
    lines = {}
    places = [m for line in listings[name].splitlines() if (m := _PLACE.search(line))]
    assert len(places) > 1000
    for place in places:
        file, number = place[1], int(place[2])
        if file not in lines:
            lines[file] = (EMBEDDED / file).read_text().count("\n")
        assert 1 <= number <= lines[file], place[0]


def test_nothing_of_the_base_is_unsupported(listings: dict[str, str]) -> None:
    for text in listings.values():
        assert "unsupported<" not in text
