"""The charts of what a patch costs, from the counts of a check."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.performance.cost_comparison import NESTED
from harness.check.performance.costing import CREATION, OPERATIONS
from harness.check.result import Counts, Result, ScenarioCost
from harness.cost.classes import classify
from harness.cost.nested import PA_BITS, Nested
from harness.cost.parameters import Parameters
from harness.report.cost.bar_chart import Bar, BarChart, BarGroup
from harness.report.cost.chart import Chart, Line, Mark
from harness.report.cost.cost_svg import bare_metal_chart, region_chart
from harness.report.duration import duration
from harness.report.names import counted
from harness.report.terminal import harmless

__all__ = ["count_charts", "result_charts"]

# The scenario that is charted: the first of these that the patch changes, then
# one with a short name, then any.
_FIRST = (CREATION, "unmap-4k/own-vttbr/1-pcpu")
_TOLD = (40, 48)  # address bits for which the cost is written out
_KINDS = 2  # of TLBI that are named beside a bar


def count_charts(result: Result) -> list[BarChart]:
    """Compare the TLBIs of each operation that the patch changes, on one profile.

    It is the first profile on which one changes; nothing changes in an audit.
    """
    for profile in result.profiles:
        rows = {row.scenario: row for row in result.cost if profile in row.profiles}
        groups = [
            _bars(what, rows[name])
            for name, what in OPERATIONS.items()
            if name in rows and _changed(rows[name])
        ]
        if groups:
            where = f"one operation on {harmless(profile)}"
            title = f"executed by {where} (lengths: log of TLBIs)"
            return [BarChart(title, groups)]
    return []


def _changed(row: ScenarioCost) -> bool:
    both = row.base is not None and row.patched is not None
    return both and row.base != row.patched


def _bars(what: str, row: ScenarioCost) -> BarGroup:
    sides = (("base", row.base), ("patched", row.patched))
    return BarGroup(
        what,
        [
            Bar(name, classify(counts).total, _counted(counts))
            for name, counts in sides
            if counts is not None
        ],
    )


def _counted(counts: Counts) -> str:
    """Name the TLBIs and barriers."""
    kinds = [f"{number:,} {kind}" for kind, number in counts.tlbi]
    if len(kinds) > _KINDS:
        total = f"{classify(counts).total:,}"
        kinds = [f"{total} TLBIs of {counted(len(kinds), 'kind')}"]
    barriers = [f"{counts.dsb:,} DSB", f"{counts.isb:,} ISB"]
    return ", ".join([*(kinds or ["no TLBI"]), *barriers])


def result_charts(result: Result) -> list[Chart]:
    """Chart a changed operation over address bits, and the ways to flush a region.

    Nothing is drawn for a tree, or for a patch that changes no count under KVM.
    """
    row = _charted(result.cost)
    if row is None:
        return []
    return [
        *_over_bits(row, OPERATIONS.get(row.scenario, harmless(row.scenario))),
        *(_creation(row) if row.scenario == CREATION else []),
        region_chart(Parameters()),
        bare_metal_chart(),
    ]


def _charted(cost: Sequence[ScenarioCost]) -> ScenarioCost | None:
    changed = {
        row.scenario: row
        for row in cost
        if NESTED in row.profiles
        and row.base is not None
        and row.patched is not None
        and row.base.tlbi != row.patched.tlbi
    }
    wanted = (*_FIRST, *OPERATIONS)
    names = [*(name for name in wanted if name in changed), *changed]
    return changed[names[0]] if names else None


def _creation(row: ScenarioCost) -> list[Chart]:
    """Chart what as many unmaps cost as creating a domain makes."""
    unmaps = Parameters().value("domu-unmaps").typical
    what = f"create a domU of 128 MiB, {unmaps:,.0f} unmaps,"
    return _over_bits(row, what, unmaps)


def _over_bits(row: ScenarioCost, what: str, times: float = 1) -> list[Chart]:
    lines, free = [], []
    for name, counts in (("base", row.base), ("patched", row.patched)):
        costs = [cost * times for cost in _costs(counts)]
        if all(costs):  # a logarithm has no place for what costs nothing
            lines.append(Line(name, costs))
        else:
            free.append(f"; {name}: no TLBI")
    if not lines:
        return []
    if len(lines) > 1 and lines[0].values == lines[1].values:
        lines = [Line("base and patched", lines[0].values)]
    return [
        Chart(
            f"{what} under KVM (modelled){''.join(free)}",
            "physical address bits of the guest hypervisor",
            [str(bits) for bits in PA_BITS],
            lines,
            duration,
            [_told(lines[0], PA_BITS.index(bits)) for bits in _TOLD],
        )
    ]


def _told(line: Line, place: int) -> Mark:
    """Write a value at its point."""
    value = line.values[place]
    return Mark(place, place, place, value, duration(value))


def _costs(counts: Counts | None) -> list[float]:
    if counts is None:
        return [0.0]
    classes = classify(counts)
    return [Nested(Parameters(), bits).of(classes).typical for bits in PA_BITS]
