"""What a change costs or saves: instructions per scenario, base and patched."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.result import Counts, ScenarioCost
from harness.report.names import counted, profiles_text
from harness.report.terminal import hanging, harmless, outdented

__all__ = ["cost_lines"]

# Rows beyond these are counted, not shown.
_SHOWN_ROWS = 6


def cost_lines(
    cost: Sequence[ScenarioCost], every_profile: Sequence[str], verbose: bool
) -> list[str]:
    """Render the rows that changed, the greatest change first; count the rest.

    Rows that change by the same numbers are shown as one of them.
    """
    if not cost:
        return []
    if all(row.base is None for row in cost):
        title, wanted = "cost (instructions executed by one scenario):", list(cost)
    else:
        title = "cost (instructions executed by one scenario, base -> patched):"
        wanted = [row for row in cost if row.base != row.patched]
    if not wanted:
        return [f"cost: unchanged in all {counted(len(cost), 'row')}"]
    groups = sorted(_grouped(wanted).values(), key=lambda rows: -_size(rows[0]))
    shown = len(groups) if verbose else _SHOWN_ROWS
    lines = [title]
    for rows in groups[:shown]:
        lines += _row(rows, every_profile)
    if len(groups) > shown:
        hidden = counted(sum(map(len, groups[shown:])), "row")
        lines.append(f"  {hidden} with smaller changes (-v shows them)")
    if len(cost) > len(wanted):
        lines.append(f"  unchanged in {counted(len(cost) - len(wanted), 'row')}")
    return lines


def _grouped(cost: Sequence[ScenarioCost]) -> dict[object, list[ScenarioCost]]:
    groups: dict[object, list[ScenarioCost]] = {}
    for row in cost:
        groups.setdefault(tuple(_difference(row).items()), []).append(row)
    return groups


def _difference(row: ScenarioCost) -> dict[str, int]:
    """Return by how much each number changes, or the numbers of an audit."""
    if row.patched is None:
        return {"not run": 0}
    old = _numbers(row.base) if row.base is not None else {}
    new = _numbers(row.patched)
    names = sorted(set(old) | set(new))
    changes = {name: new.get(name, 0) - old.get(name, 0) for name in names}
    return {name: change for name, change in changes.items() if change}


def _size(row: ScenarioCost) -> int:
    return sum(map(abs, _difference(row).values()))


def _row(rows: list[ScenarioCost], every_profile: Sequence[str]) -> list[str]:
    first = rows[0]
    scenarios = dict.fromkeys(row.scenario for row in rows)
    some = {profile for row in rows for profile in row.profiles}
    profiles = [profile for profile in every_profile if profile in some]
    others = len(scenarios) - 1
    similar = f" (+{counted(others, 'scenario')} alike)" if others else ""
    label = f"  {harmless(first.scenario)}{similar},"
    head = outdented(label, profiles_text(profiles, every_profile))
    return [*head, *_joined(_changes(first.base, first.patched))]


def _joined(parts: list[str]) -> list[str]:
    """Break between the parts only: no-break spaces hold each together."""
    lines = hanging("      ", ", ".join(part.replace(" ", "\xa0") for part in parts))
    return [line.replace("\xa0", " ") for line in lines]


def _changes(base: Counts | None, patched: Counts | None) -> list[str]:
    """Name each kind of instruction with its counts, the TLBIs first."""
    if patched is None:
        return ["the patched tree could not be run"]
    old = _numbers(base or patched)
    new = _numbers(patched)
    names = sorted(set(old) | set(new), key=lambda n: (not n.startswith("tlbi"), n))
    changed = [n for n in names if old.get(n, 0) != new.get(n, 0)]
    if not changed:
        return [f"{name} {new[name]:,}" for name in names] or ["none"]
    return [f"{name} {old.get(name, 0):,} -> {new.get(name, 0):,}" for name in changed]


def _numbers(counts: Counts) -> dict[str, int]:
    numbers = {f"tlbi {kind.lower()}": n for kind, n in counts.tlbi}
    numbers |= {"dsb": counts.dsb, "isb": counts.isb, "vttbr writes": counts.vttbr}
    numbers["tlbis with irqs off"] = counts.irqs_off
    return {name: n for name, n in numbers.items() if n}
