"""What a change costs or saves: instructions per scenario, base and patched."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.result import Counts, ScenarioCost
from harness.report.names import counted, profiles_text
from harness.report.terminal import hanging, harmless

__all__ = ["cost_lines"]

_Row = tuple[Counts | None, Counts | None, tuple[str, ...]]


def cost_lines(
    cost: Sequence[ScenarioCost], every_profile: Sequence[str], verbose: bool
) -> list[str]:
    """Render the rows that changed, and count the rest.

    Scenarios with equal counts on the same profiles share a row.
    """
    if not cost:
        return []
    compared = any(row.base is not None for row in cost)
    wanted = [row for row in cost if row.base != row.patched or verbose]
    if not compared:
        wanted = list(cost)
    rest = len(cost) - len(wanted)
    if not wanted:
        return [f"cost: unchanged in {counted(len(cost), 'row')}"]
    title = "cost (instructions executed by one scenario"
    lines = [f"{title}{', base -> patched' if compared else ''}):"]
    for (base, patched, profiles), scenarios in _grouped(wanted).items():
        lines += _row(base, patched, scenarios, profiles_text(profiles, every_profile))
    if rest:
        lines.append(f"  unchanged in {counted(rest, 'other row')}")
    return lines


def _grouped(cost: Sequence[ScenarioCost]) -> dict[_Row, list[str]]:
    groups: dict[_Row, list[str]] = {}
    for row in cost:
        key = (row.base, row.patched, row.profiles)
        groups.setdefault(key, []).append(row.scenario)
    return groups


def _row(
    base: Counts | None, patched: Counts | None, scenarios: list[str], profiles: str
) -> list[str]:
    similar = f" (+{len(scenarios) - 1} similar)" if len(scenarios) > 1 else ""
    head = hanging("  ", f"{harmless(scenarios[0])}{similar}, {profiles}")
    return [*head, *_joined(_changes(base, patched))]


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
    numbers |= {"dsb": counts.dsb, "isb": counts.isb}
    return {name: n for name, n in numbers.items() if n}
