"""What the runs of one tree could do without, and the findings made of it.

A claim that less would do is told only if the replay says so for every run of
the code it is about, on every profile of the architecture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from harness.check.finding import Finding, Location, Repair, Severity, Status
from harness.check.performance.flushes import Flush
from harness.check.performance.spared import spared
from harness.check.performance.trial import Subject
from harness.check.rules import RULES
from harness.cost.nested import Nested
from harness.cost.parameters import Parameters

__all__ = ["THRESHOLDS", "Saving", "Savings", "perf_findings", "renamed"]

# From how many operations that could be spared in one run on a rule is told.
THRESHOLDS: dict[str, int] = {
    "perf-flush-not-batched": 1,
    "perf-flush-of-invalid-entry": 1,
    "perf-vcpu-switch-over-flush": 1,
    # A loop of operations where a few would do; each is a message to all PEs.
    "perf-tlbi-per-page-over-block": 2,
    # One more repeat for each flush is what the workaround is bound to cost.
    "perf-repeat-tlbi-overuse": 2,
    "perf-irqs-off-tlbi-loop": 16,
    "perf-vmalls12-under-nv": 1,
    "perf-no-ttl-hint-under-nv": 1,
}

# What would do instead; it was replayed.
_INSTEAD: dict[str, str] = {
    "perf-flush-not-batched": "leave it to the last flush before the lock is dropped",
    "perf-flush-of-invalid-entry": "flush only after a valid descriptor was changed",
    "perf-vcpu-switch-over-flush": "make the TLBI VMALLS12E1 a TLBI VMALLE1",
    "perf-tlbi-per-page-over-block": "one TLBI for each old leaf, whatever its size",
    "perf-repeat-tlbi-overuse": "repeat once, after the DSB behind the last TLBI",
    "perf-no-ttl-hint-under-nv": "give the level of the old leaf as the TTL",
}
# Bounds that a mark counts up to one by one; beyond them it doubles.
_COUNTED = 32
# Size of the physical address space that a cost under KVM is told for.
_PA_BITS = 48

Touched = Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class Saving:
    """Something that one run could do without; see ``Spared``.

    ``site`` tells one place of the code, with the calls that lead to it, from
    another.
    """

    rule: str
    site: tuple[str, ...]
    location: Location
    aarch32: bool
    scenario: str
    profile: str
    operations: int
    less: int
    held: bool | None


class Savings:
    """Tries what the runs of one tree could do without, and keeps the outcome.

    A claim that one run has refuted is not tried on others.
    """

    def __init__(self, touched: Touched, functions: frozenset[str]) -> None:
        self._touched = touched
        self._functions = functions
        self._refuted: set[tuple[object, ...]] = set()

    def of(self, subject: Subject, scenario: str) -> list[Saving]:
        """Try what a run could do without."""
        aarch32 = subject.replay.profile.aarch32

        def refuted(rule: str, flush: Flush) -> bool:
            site, _ = _place(flush, self._touched, self._functions)
            return (rule, site, aarch32) in self._refuted

        found = []
        for one in spared(replace(subject, refuted=refuted)):
            site, location = _place(one.flush, self._touched, self._functions)
            if not one.held:
                self._refuted.add((one.rule, site, aarch32))
            found.append(
                Saving(
                    one.rule,
                    site,
                    location,
                    aarch32,
                    scenario,
                    subject.replay.profile.name,
                    one.operations,
                    one.less,
                    one.held,
                )
            )
        return found


def _place(
    flush: Flush, touched: Touched, functions: frozenset[str]
) -> tuple[tuple[str, ...], Location]:
    """Return what tells the place of a flush, and the place to show.

    A line that the patch touched stands for all ways that lead through it;
    where it touched none, each way is a place of its own.
    """
    places = flush.path
    if not places:
        return (), Location("", 0, "", False)
    changed = [p for p in places if touched(p[0].file, p[0].line)]
    changed = [p for p in changed if p[0].file.endswith(".c")] or changed
    if changed:
        coord, function = changed[0]
        site: tuple[str, ...] = (f"{coord}", function)
    else:
        site = tuple(f"{coord} {function}" for coord, function in places)
        near = [p for p in places if p[1] in functions]
        in_c = [p for p in places if p[0].file.endswith(".c")]
        coord, function = (near or in_c or list(places))[0]
    return site, Location(coord.file, coord.line, function, bool(changed))


def perf_findings(
    found: Iterable[Saving],
    profiles: tuple[str, ...],
    scenarios: tuple[str, ...],
    base: Iterable[Saving] | None = None,
) -> list[Finding]:
    """Return what is worth telling of one tree.

    With a ``base``, a finding is about the runs in which there is more to spare
    than there, if there are such; for code that only moved there are none.
    """
    groups = _told(found)
    now = _totals(groups)
    before = None if base is None else _totals(_told(base))
    marks = _marks(groups)
    result = []
    for group in groups:
        grown = [s for s in group if before is not None and _grown(s, now, before)]
        result.append(
            _finding(grown or group, (profiles, scenarios), now, before, marks)
        )
    return sorted(result, key=_order)


# Of each rule, scenario and profile: how much could be spared.
_Run = tuple[str, str, str]
_Totals = dict[_Run, int]


def _run(saving: Saving) -> _Run:
    return saving.rule, saving.scenario, saving.profile


def _grown(saving: Saving, now: _Totals, before: _Totals) -> bool:
    run = _run(saving)
    more = now[run] > before.get(run, 0)
    # Where the patch touched nothing, something else has been added to.
    return more and (saving.location.in_patch or not before.get(run, 0))


def _told(found: Iterable[Saving]) -> list[list[Saving]]:
    """Return what is worth telling, by place; the ways to a place are joined.

    What is said of one way has to hold in all runs that take it.
    """
    sites: dict[tuple[object, ...], list[Saving]] = {}
    for saving in found:
        key = (saving.rule, saving.site, saving.aarch32)
        sites.setdefault(key, []).append(saving)
    places: dict[tuple[str, Location], list[Saving]] = {}
    for group in sites.values():
        if all(saving.held for saving in group):
            key2 = (group[0].rule, group[0].location)
            places.setdefault(key2, []).extend(group)
    every = [_added_up(group) for group in places.values()]
    return [
        group
        for group in every
        if max(saving.less for saving in group) >= THRESHOLDS[group[0].rule]
    ]


def _added_up(group: list[Saving]) -> list[Saving]:
    """Add up what one run could spare at one place."""
    runs: dict[_Run, Saving] = {}
    for saving in group:
        known = runs.get(_run(saving))
        if known is not None:
            saving = replace(
                saving,
                operations=known.operations + saving.operations,
                less=known.less + saving.less,
            )
        runs[_run(saving)] = saving
    return list(runs.values())


def _totals(groups: Iterable[list[Saving]]) -> _Totals:
    totals: _Totals = {}
    for group in groups:
        for saving in group:
            totals[_run(saving)] = totals.get(_run(saving), 0) + saving.less
    return totals


def _finding(
    group: list[Saving],
    order: tuple[tuple[str, ...], tuple[str, ...]],
    now: _Totals,
    before: _Totals | None,
    marks: _Marks,
) -> Finding:
    profiles, scenarios = order
    rule = RULES[group[0].rule]
    seen_profiles = {saving.profile for saving in group}
    seen_scenarios = {saving.scenario for saving in group}
    first = next(name for name in profiles if name in seen_profiles)
    shown = max(
        (saving for saving in group if saving.profile == first),
        key=lambda s: (s.less, -scenarios.index(s.scenario)),
    )
    instead = _INSTEAD.get(rule.id)
    where = shown.location
    text = "|".join((rule.id, where.file, where.function))
    return Finding(
        rule=rule.id,
        severity=Severity.PERF,
        status=Status.NEW,
        message=_message(shown, now, before),
        profiles=tuple(name for name in profiles if name in seen_profiles),
        scenario=shown.scenario,
        scenarios=tuple(name for name in scenarios if name in seen_scenarios),
        location=where,
        witness=None,
        tlb_diff=(),
        trace=(),
        repair=Repair((instead,), verified=True) if instead else None,
        arm_rules=rule.arm_rules,
        fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16],
        seen=frozenset(
            ((rule.id, str(mark)), saving.scenario, saving.profile)
            for saving in group
            for mark in marks[saving.location, _run(saving)]
        ),
    )


def _message(shown: Saving, now: _Totals, before: _Totals | None) -> str:
    run = _run(shown)
    was = before.get(run, 0) if before is not None else 0
    nested = Nested(Parameters(), _PA_BITS)
    return RULES[shown.rule].message.format(
        tlbis=_times(shown.operations, "TLBI"),
        few=f"{shown.operations - shown.less:,}",
        less=_times(shown.less, "TLBI"),
        full=_times(now[run], "full flush", "full flushes"),
        was=f", {was:,} before" if was and was != now[run] else "",
        bits=_PA_BITS,
        chunks=f"{nested.chunks:,}",
        seconds=f"{nested.full.typical:.1f} s",
    )


def _times(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


_Marks = dict[tuple[Location, _Run], tuple[int, ...]]


def _marks(groups: list[list[Saving]]) -> _Marks:
    """Number the operations of each run, those that no patch touched first.

    A tree has the same numbers as another one that spares as much, wherever it
    does: what is beyond them is new.
    """
    marks: _Marks = {}
    done: _Totals = {}
    for group in sorted(groups, key=lambda g: g[0].location.in_patch):
        for saving in group:
            run = _run(saving)
            first = done.get(run, 0)
            done[run] = first + saving.less
            marks[saving.location, run] = tuple(_steps(first, done[run]))
    return marks


def _steps(first: int, last: int) -> Iterator[int]:
    """Yield the numbers above ``first`` up to ``last``, of large ones only some."""
    yield from range(first + 1, min(last, _COUNTED) + 1)
    number = 2 * _COUNTED
    while number <= last:
        if number > first:
            yield number
        number *= 2


def _order(finding: Finding) -> tuple[object, ...]:
    place = finding.location
    return (not place.in_patch, place.file, place.line, finding.rule)


def renamed(found: Iterable[Saving], profile: str) -> list[Saving]:
    """Return the same for a profile that the trace cannot tell from another."""
    return [s if s.profile == profile else replace(s, profile=profile) for s in found]
