"""The charts of ``harness cost`` as SVG."""

from __future__ import annotations

from harness.check.cost_comparison import CostComparison
from harness.check.costing import CREATION
from harness.cost.break_even import REGIONS, region_costs
from harness.cost.nested import PA_BITS, Nested
from harness.cost.parameters import Parameters
from harness.report.chart import HEIGHT, WIDTH, Chart, Line, line_chart
from harness.report.duration import duration, size

__all__ = ["cost_charts", "cost_svg", "region_chart"]

_REGION_BITS = 48


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
    return [*_over_bits(comparison), region_chart(comparison.parameters)]


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
    nested = Nested(parameters, _REGION_BITS)
    costs = [region_costs(nested, region) for region in REGIONS]
    return Chart(
        f"flush a region under KVM, {_REGION_BITS} PA bits (modelled)",
        "size of the region",
        [size(region) for region in REGIONS],
        [Line(name, [cost[name].typical for cost in costs]) for name in costs[0]],
        duration,
    )
