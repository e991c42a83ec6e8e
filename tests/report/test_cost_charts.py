"""The charts of what a patch costs."""

from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from html_samples import EVERY, FULL
from report_samples import CLEAN, COST, PROFILES

from harness.check.result import Counts, ScenarioCost
from harness.cost.nested import Nested
from harness.cost.parameters import TLB_ENTRIES, Parameters
from harness.report.cost.bar_chart import Bar, BarChart, BarGroup, bar_chart
from harness.report.cost.chart import Chart, Line, Mark, line_chart
from harness.report.cost.cost_svg import bare_metal_chart, region_chart
from harness.report.html.result_charts import count_charts, result_charts


def test_a_change_is_charted_for_a_hypervisor_in_a_guest() -> None:
    bits, regions, bare_metal = result_charts(FULL)
    assert [line.name for line in bits.lines] == ["base", "patched"]
    base, patched = (line.values for line in bits.lines)
    assert base[0] < base[-1]  # a full flush goes over all addresses
    assert patched[0] == patched[-1]  # one by IPA does not
    assert regions == region_chart(Parameters())
    assert bare_metal.title == bare_metal_chart().title


def test_the_creation_of_a_domain_is_charted_where_its_unmaps_change() -> None:
    row = replace(COST[0], scenario="unmap-foreign-4k/own-vttbr/1-pcpu")
    once, whole, *_ = result_charts(replace(FULL, cost=(row,)))
    assert whole.title.startswith("create a domU of 128 MiB, 7,458 unmaps, under KVM")
    # The thread says about 200 minutes with 48 bits, and 256 times less with 40.
    assert [mark.name for mark in whole.marks] == ["42.5 s", "181 min"]
    few, many = (mark.value for mark in whole.marks)
    assert many / few == 256
    for part, full in zip(once.lines, whole.lines, strict=True):
        assert [value * 7458 for value in part.values] == pytest.approx(full.values)


def test_a_side_that_costs_nothing_is_named() -> None:
    row = replace(COST[0], patched=Counts((), 0, 1))
    (bits, *_) = result_charts(replace(FULL, cost=(row,)))
    assert [line.name for line in bits.lines] == ["base"]
    assert bits.title.endswith("(modelled); patched: no TLBI")


def test_what_costs_the_same_is_one_line() -> None:
    local = Counts((("VMALLS12E1", 1),), 2, 3)
    (bits, *_) = result_charts(replace(FULL, cost=(replace(COST[0], patched=local),)))
    assert [line.name for line in bits.lines] == ["base and patched"]


def test_what_has_a_short_name_is_charted_first() -> None:
    names = ("unmap-table/own-vttbr/1-pcpu", "unmap-table/foreign-vttbr/1-pcpu")
    rows = tuple(replace(COST[0], scenario=name) for name in names)
    (bits, *_) = result_charts(replace(FULL, cost=rows))
    assert bits.title == "unmap 2M, 512 pages under KVM (modelled)"


def test_without_a_change_there_is_no_chart() -> None:
    for result in (CLEAN, EVERY["audit"]):
        assert result_charts(result) == []
        assert count_charts(result) == []


# ------------------------------------------------------------------ break-even


def test_the_ways_to_flush_a_region_are_marked_where_a_full_flush_pays() -> None:
    chart = region_chart(Parameters())
    assert [line.name for line in chart.lines] == [
        "per page",
        "by range",
        "full, 40 PA bits",
        "full, 48 PA bits",
    ]
    few, many = chart.marks
    assert few.name == "270 (41 to 1,900) pages"
    assert many.name == "70,000 (10,000 to 470,000) pages"
    per_page = chart.lines[0].values
    for mark, bits in ((few, 40), (many, 48)):
        assert mark.low < mark.place < mark.high
        assert mark.value == Nested(Parameters(), bits).full.typical
        # The mark stands where the two lines cross.
        before, after = math.floor(mark.place), math.ceil(mark.place)
        assert per_page[before] < mark.value < per_page[after]


def test_on_bare_metal_it_depends_on_what_is_lost() -> None:
    chart = bare_metal_chart()
    assert chart.lines[0].name == "1,280 x 19 reads"
    largest = max(entries for entries, _ in TLB_ENTRIES.values())
    assert chart.lines[0].values[0] == largest * 19
    assert chart.lines[1].values[0] == largest
    for line in chart.lines:  # the dearer a message, the sooner it pays
        assert list(line.values) == sorted(line.values, reverse=True)


def test_a_mark_is_drawn_within_the_chart_and_told() -> None:
    mark = Mark(-3.0, 1.0, 9.0, 10.0, "7 <pages>")
    chart = Chart("t", "p", ["a", "b", "c"], [Line("l", [1, 10, 100])], str, [mark])
    root = ElementTree.fromstring(line_chart(chart))
    assert (root.get("aria-label") or "").endswith("7 <pages>")
    (path,) = root.findall("path")
    assert "M70.0" in (path.get("d") or "")  # cut off at the axis
    (ring,) = root.findall("circle")
    line = root.findall("g/circle")
    assert ring.get("cx") == line[1].get("cx")
    assert ring.get("cy") == line[1].get("cy")


# ---------------------------------------------------------------------- counts


def test_counts_are_compared_by_operation() -> None:
    (chart,) = count_charts(
        replace(
            FULL,
            cost=(
                *COST,
                replace(COST[0], scenario="unmap-2m/foreign-vttbr/1-pcpu"),
                replace(COST[3], scenario="replace-4k/foreign-vttbr/1-pcpu"),
                ScenarioCost(
                    "vcpu-switch-same-domain",
                    PROFILES,
                    Counts((("VMALLS12E1", 1),), 2, 2),
                    Counts((), 0, 1),
                ),
            ),
        )
    )
    assert PROFILES[0] in chart.title
    assert [group.name for group in chart.groups] == [
        "unmap 2M, one block",
        "switch to another vCPU",  # and nothing that did not change
    ]
    first, last = chart.groups
    assert first.bars == [
        Bar("base", 1, "1 VMALLS12E1IS, 2 DSB, 3 ISB"),
        Bar("patched", 2, "1 IPAS2E1IS, 1 VMALLE1, 3 DSB, 2 ISB"),
    ]
    assert last.bars[1] == Bar("patched", 0, "no TLBI, 0 DSB, 1 ISB")


def test_many_kinds_of_tlbi_are_counted_together() -> None:
    kinds = (("IPAS2E1IS", 5), ("VMALLE1IS", 1), ("ALLE1IS", 1))
    row = ScenarioCost("create-domain", PROFILES, Counts((), 0, 0), Counts(kinds, 1, 1))
    (chart,) = count_charts(replace(FULL, cost=(row,)))
    assert chart.groups[0].bars[1].text == "7 TLBIs of 3 kinds, 1 DSB, 1 ISB"


def test_an_operation_that_did_not_run_has_no_bars() -> None:
    row = ScenarioCost("create-domain", PROFILES, Counts((), 0, 0), None)
    assert count_charts(replace(FULL, cost=(row,))) == []


@pytest.mark.parametrize("most", [1, 2, 262_145])
def test_more_is_longer_and_nothing_has_no_length(most: int) -> None:
    bars = [Bar("a", 0, "none"), Bar("b", 1, "one"), Bar("c", most, "<most>")]
    root = ElementTree.fromstring(bar_chart(BarChart("t", [BarGroup("g", bars)])))
    none, one, longest = (float(r.get("width") or 0) for r in root.findall(".//rect"))
    assert none == 0
    assert 10 < one <= longest == 200
    assert (one < longest) == (most > 1)
    assert "c <most>" in (root.get("aria-label") or "")
    assert "<most>" in [text.text for text in root.findall("text")]
