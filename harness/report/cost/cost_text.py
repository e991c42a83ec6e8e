"""The report of ``harness cost`` as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from harness.check.performance.cost_comparison import (
    NESTED,
    CostComparison,
    OperationCost,
)
from harness.check.performance.costing import CREATION, SWITCH, Measured
from harness.cost.break_even import (
    REGIONS,
    nested_pages,
    refill_reads,
    region_costs,
)
from harness.cost.classes import classify
from harness.cost.nested import PA_BITS, Nested
from harness.cost.parameters import TLB_ENTRIES, Parameter, Parameters
from harness.cost.span import Span
from harness.cost.walks import combined_reads
from harness.report.cost.plot import Bar, bars, marks
from harness.report.duration import duration, number, size, spread
from harness.report.names import profiles_text
from harness.report.terminal import WIDTH, hanging, harmless, outdented

__all__ = ["cost_text", "value_text"]

_BITS = (40, 48)  # shown in full
_PLOT = 36  # columns
_Sides = tuple[Span | None, Span | None]


def cost_text(comparison: CostComparison) -> str:
    """Render everything: what was executed, what it costs where, from what."""
    lines = [
        *_head(comparison),
        *_executed(comparison),
        *_nested(comparison),
        *_break_even(comparison),
        *_bare_metal(comparison),
        *_parameters(comparison),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(comparison: CostComparison) -> Iterator[str]:
    yield from hanging("cost of ", harmless(comparison.subject or "the tree as it is"))
    yield from hanging("     on ", harmless(comparison.tree))
    yield ""


# ------------------------------------------------------------------ executed


def _executed(comparison: CostComparison) -> Iterator[str]:
    arrow = "" if comparison.base is None else ", base -> patched"
    yield f"executed by one operation{arrow} (counted, not modelled):"
    rows = comparison.operations()
    shown = _distinct(rows)
    for row in shown:
        yield from outdented(f"  {row.what}", _where(row, comparison))
        yield from _counted(row)
    if len(rows) > len(shown):
        yield "  profiles that differ in barriers and VTTBR writes only: --format json"
    yield ""


def _distinct(rows: list[OperationCost]) -> list[OperationCost]:
    """Leave out what executes the same TLBIs as a row before it."""
    first: dict[object, OperationCost] = {}
    for row in rows:
        old = row.base.counts.tlbi if row.base is not None else None
        stopped = (row.patched.stopped, row.base is not None and row.base.stopped)
        key = (row.scenario, old, row.patched.counts.tlbi, stopped)
        first.setdefault(key, row)
    return list(first.values())


def _where(row: OperationCost, comparison: CostComparison) -> str:
    return f"[{profiles_text(row.profiles, comparison.profiles)}]"


def _counted(row: OperationCost) -> Iterator[str]:
    for side in (row.base, row.patched):
        if side is not None and side.stopped:
            yield from hanging("      not run to its end: ", harmless(side.stopped))
            return
    old = _numbers(row.base) if row.base is not None else {}
    new = _numbers(row.patched)
    names = list(dict.fromkeys([*old, *new]))
    parts = []
    for name in names:
        before, after = old.get(name, "0"), new.get(name, "0")
        same = row.base is None or before == after
        parts.append(f"{name} {after}" if same else f"{name} {before} -> {after}")
    text = ", ".join(part.replace(" ", "\xa0") for part in parts) or "nothing"
    for line in hanging("      ", text):
        yield line.replace("\xa0", " ")


def _numbers(measured: Measured) -> dict[str, str]:
    counts = measured.counts
    numbers = {f"tlbi {kind.lower()}": f"{n:,}" for kind, n in counts.tlbi}
    for name, value in (
        ("dsb", counts.dsb),
        ("isb", counts.isb),
        ("vttbr writes", counts.vttbr),
        ("tlbis with irqs off", counts.irqs_off),
    ):
        if value:
            numbers[name] = f"{value:,}"
    if measured.refills is not None and measured.refills.held:
        lost = measured.refills
        numbers["right entries dropped"] = f"{lost.dropped:,} of {lost.held:,}"
    return numbers


# ---------------------------------------------------------------- under KVM


def _nested(comparison: CostComparison) -> Iterator[str]:
    yield "under KVM, nested (modelled): calibrated (least to greatest)"
    for title, scenario, of in (
        ("unmap one page of another domain", CREATION, _unmap(comparison)),
        ("switch to another vCPU of the domain", SWITCH, comparison.switch),
        (
            f"create a domU of 128 MiB ({_unmaps(comparison)} unmaps)",
            CREATION,
            comparison.creation,
        ),
    ):
        yield f"  {title}"
        for bits in _BITS:
            yield from _sides(f"    {bits} PA bits  ", of(bits))
        if comparison.goes_wrong(scenario):
            yield "    but wrong with the patch: 'harness check' shows how"
    yield from _right(comparison)
    few, many = (Nested(comparison.parameters, bits).chunks for bits in _BITS)
    yield from hanging(
        "  ",
        f"a full flush looks through {many:,} GiB with {_BITS[1]} bits and {few:,} GiB "
        f"with {_BITS[0]}: {many // few} times as much, mapped or not",
    )
    yield f"  one full flush, by PA bits of the guest that is the hypervisor ({NESTED})"
    rows = []
    for bits in PA_BITS:
        cost = Nested(comparison.parameters, bits).full
        rows.append(Bar(f"    {bits}", cost.typical, spread(cost)))
    yield from bars(rows, WIDTH)
    yield ""


def _unmaps(comparison: CostComparison) -> str:
    return f"{comparison.parameters.value('domu-unmaps').typical:,.0f}"


def _right(comparison: CostComparison) -> Iterator[str]:
    """Say what the creation would cost with the least that is right."""
    found = comparison.creation_by_ipa()
    if found is not None:
        counts, cost = found
        each = ", ".join(f"{n:,} {kind}" for kind, n in counts.tlbi)
        yield from hanging(
            "    ",
            f"with flushes by IPA that are right ({each} for each, replayed on the "
            f"reference machine): {spread(cost)}, whatever the PA bits",
        )


def _unmap(comparison: CostComparison) -> Callable[[int], _Sides]:
    return lambda bits: comparison.under_kvm(CREATION, bits)


def _sides(label: str, sides: _Sides) -> list[str]:
    old, new = sides
    if new is None:
        return hanging(label, "not known: the operation did not run to its end")
    if old is None or old == new:
        return hanging(label, spread(new))
    return hanging(label, f"{spread(old)} -> {spread(new)}")


# --------------------------------------------------------------- break-even


def _break_even(comparison: CostComparison) -> Iterator[str]:
    yield "break-even: pages from which a full flush is cheaper than one per page"
    for bits in _BITS:
        nested = Nested(comparison.parameters, bits)
        yield f"  under KVM, {bits} PA bits: {number(nested_pages(nested))} pages"
    nested = Nested(comparison.parameters, 48)
    yield "  a region under KVM with 48 PA bits: (p)er page, by (r)ange, (f)ull"
    rows = {region: region_costs(nested, region) for region in REGIONS}
    drawn = marks(
        [{name[:1]: c.typical for name, c in _named(rows[r])} for r in REGIONS], _PLOT
    )
    for region, plot in zip(REGIONS, drawn, strict=True):
        costs = rows[region]
        texts = " ".join(f"{duration(c.typical):>7}" for c in costs.values())
        best = min(costs, key=lambda name: costs[name].typical)
        yield f"    {size(region):>4} {texts} |{plot}| {best}"
    yield "  (by range: taken as one IPAS2E1* and a look through each further GiB)"
    yield ""


def _named(costs: Mapping[str, Span]) -> list[tuple[str, Span]]:
    """Return the ways by the letters that stand for them."""
    return [(name.removeprefix("by "), cost) for name, cost in costs.items()]


def _bare_metal(comparison: CostComparison) -> Iterator[str]:
    yield "on bare metal: per page one broadcast message each; a full flush is one"
    yield from hanging(
        "  ",
        "message, and what it drops is walked for again. With D descriptor reads "
        "in the time of one message, it pays from (entries * reads / D) pages:",
    )
    most, least = combined_reads(4, 3), 1
    for core, (entries, source) in TLB_ENTRIES.items():
        yield from hanging(
            f"    {core:<11} ",
            f"{refill_reads(entries, least):,} to {refill_reads(entries, most):,} / D "
            f"({entries:,} entries: {source})",
        )
    yield from hanging("  ", _messages_worth(comparison.parameters))
    yield from hanging(
        "  ",
        f"{least} read where the walk caches hold the rest, {most} for both stages "
        "with nothing cached (4 and 3 levels); fewer where the TLB is not full.",
    )
    yield from _messages(comparison)
    yield ""


def _messages_worth(parameters: Parameters) -> str:
    """Say what D is, and with it the bounds of all cores, if that can be said."""
    message, read = (parameters[name].value for name in ("dvm", "walk-read"))
    if message is None or read is None:
        return "D is dvm / walk-read: --parameter sets both"
    reads = message.over(read)
    sizes = [entries for entries, _ in TLB_ENTRIES.values()]
    low = refill_reads(min(sizes), 1) / reads.typical
    high = refill_reads(max(sizes), combined_reads(4, 3)) / reads.typical
    return (
        f"D is dvm / walk-read = {reads.typical:,.3g}: from {low:,.0f} to {high:,.0f} "
        "pages on these cores"
    )


def _messages(comparison: CostComparison) -> Iterator[str]:
    for row in _distinct(comparison.operations()):
        old = classify(row.base.counts) if row.base is not None else None
        new = classify(row.patched.counts)
        if old is not None and (old.broadcast, old.local) != (new.broadcast, new.local):
            text = (
                f"broadcasts {old.broadcast:,} -> {new.broadcast:,}, "
                f"local {old.local:,} -> {new.local:,} {_where(row, comparison)}"
            )
            yield from outdented(f"  {row.what}:", text)


# --------------------------------------------------------------- parameters


def value_text(parameter: Parameter) -> str:
    """Return the value of a parameter with its bounds."""
    value = parameter.value
    if value is None:
        return "not set"
    return spread(value) if parameter.unit == "s" else f"{value.typical:,.0f}"


def _parameters(comparison: CostComparison) -> Iterator[str]:
    yield "parameters (--parameter NAME=VALUE sets one):"
    for parameter in comparison.parameters.every():
        shown = value_text(parameter)
        yield from outdented(
            f"  {parameter.name}:", f"{shown}: {parameter.what}; {parameter.source}"
        )
