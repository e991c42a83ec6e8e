"""The charts of ``harness cost`` as SVG."""

from __future__ import annotations

import math

from harness.check.performance.cost_comparison import CostComparison
from harness.check.performance.costing import CREATION
from harness.cost.break_even import (
    FULL,
    PAGE,
    REGIONS,
    nested_pages,
    refill_reads,
    region_costs,
)
from harness.cost.nested import PA_BITS, Nested
from harness.cost.parameters import TLB_ENTRIES, Parameters
from harness.cost.walks import combined_reads
from harness.report.cost.chart import HEIGHT, WIDTH, Chart, Line, Mark, line_chart
from harness.report.duration import duration, number, size

__all__ = ["bare_metal_chart", "cost_charts", "cost_svg", "region_chart"]

_FULL_BITS = (40, 48)
_RATIOS = (1, 2, 5, 10, 20, 50, 100)


def cost_svg(comparison: CostComparison) -> str:
    """Render the charts as one file, below each other."""
    charts = cost_charts(comparison)
    drawn = [line_chart(chart, n * HEIGHT) for n, chart in enumerate(charts)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
            f'{HEIGHT * len(charts)}" font-family="sans-serif" '
            'style="color-scheme: light dark">',
            *drawn,
            "</svg>\n",
        ]
    )


def cost_charts(comparison: CostComparison) -> list[Chart]:
    """Return cost over address bits, where it is known, and over region size."""
    return [
        *_over_bits(comparison),
        region_chart(comparison.parameters),
        bare_metal_chart(),
    ]


def _over_bits(comparison: CostComparison) -> list[Chart]:
    sides: dict[str, list[float]] = {}
    for bits in PA_BITS:
        pair = comparison.under_kvm(CREATION, bits)
        for name, cost in zip(("base", "patched"), pair, strict=True):
            if cost is not None and cost.typical:
                sides.setdefault(name, []).append(cost.typical)
    lines = [Line(n, v) for n, v in sides.items() if len(v) == len(PA_BITS)]
    if not lines:
        return []
    return [
        Chart(
            "unmap one page of another domain under KVM (modelled)",
            "physical address bits of the guest hypervisor",
            [str(bits) for bits in PA_BITS],
            lines,
            duration,
        )
    ]


def region_chart(parameters: Parameters) -> Chart:
    """Return what each way to flush a region costs under KVM."""
    ways = [Nested(parameters, bits) for bits in _FULL_BITS]
    costs = [region_costs(ways[0], region) for region in REGIONS]
    lines = [
        Line(name, [cost[name].typical for cost in costs])
        for name in costs[0]
        if name != FULL
    ]
    for way in ways:
        full = [way.full.typical] * len(REGIONS)
        lines.append(Line(f"{FULL}, {way.pa_bits} PA bits", full))
    return Chart(
        "flush a region under KVM (modelled); o: from here on full costs less",
        "size of the region",
        [size(region) for region in REGIONS],
        lines,
        duration,
        [_break_even(way) for way in ways],
    )


def _break_even(nested: Nested) -> Mark:
    """Mark where a full flush costs as much as one TLBI a page."""
    pages = nested_pages(nested)
    step = math.log2(REGIONS[1] / REGIONS[0])
    low, place, high = (math.log2(count * PAGE / REGIONS[0]) / step for count in pages)
    return Mark(low, place, high, nested.full.typical, f"{number(pages)} pages")


def bare_metal_chart() -> Chart:
    """Return from how many pages on a full flush pays on bare metal.

    How long a message takes there is not known: it is counted in the reads of a
    walk that take as long.
    """
    small, large = min(TLB_ENTRIES.values()), max(TLB_ENTRIES.values())
    lines = []
    for entries, _ in (large, small):
        for reads in (combined_reads(4, 3), 1):
            total = refill_reads(entries, reads)
            each = "1 read" if reads == 1 else f"{reads} reads"
            name = f"{entries:,} x {each}"
            lines.append(Line(name, [total / ratio for ratio in _RATIOS]))
    return Chart(
        "bare metal: pages from which a full flush costs less, by entries lost",
        "descriptor reads in the time of one broadcast TLBI",
        [str(ratio) for ratio in _RATIOS],
        lines,
        lambda value: f"{value:,.0f}",
    )
