"""Ways to do with fewer or smaller TLB operations, each tried on a run.

What is asked for comes from the events alone; whether it would do, from a
replay of the changed trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.check.performance.flushes import Flush
from harness.check.performance.loops import (
    Sweep,
    by_ipa,
    few,
    few_in_reference,
    one_each,
    operations,
    sweeps_of,
)
from harness.check.performance.removed import Leaf, leaves_before, without_cause
from harness.check.performance.repeated_tlbis import added, once_holds
from harness.check.performance.trial import Change, Subject
from reference_model.events import Event, Repeat, Tlbi
from reference_model.operands import encode_ipa
from reference_model.tlbi import By, decode_operation
from reference_model.unmodelled import Unmodelled

__all__ = ["LONG", "NESTED", "Spared", "spared", "tlbis"]

# From how many TLBIs with IRQs masked on it is worth a word: each is waited for
# by all PEs, so that interrupts are late by as much.
LONG = 16

# The profile whose code runs under KVM.
NESTED = "P5-nested"

_HINTED = 16  # operations of one flush that are tried with a level hint
_TTL = 0xF << 44


@dataclass(frozen=True, slots=True)
class Spared:
    """What one run could do without.

    ``operations`` is how many TLBIs were executed where ``flush`` stands,
    ``less`` how many fewer would do.  ``held`` is what the replay says, None if
    nothing can be said.
    """

    rule: str
    flush: Flush
    operations: int
    less: int
    held: bool | None


def spared(subject: Subject) -> Iterator[Spared]:
    """Try all that could be done without in a run."""
    yield from _not_batched(subject)
    yield from _without_cause(subject)
    yield from _both_stages(subject)
    yield from _repeated(subject)
    yield from _counted(subject)
    try:
        yield from _by_address(subject)
    except Unmodelled:
        return


def removal(flushes: list[Flush]) -> Change:
    """Take flushes out of a trace."""
    return {position: () for flush in flushes for position in flush.positions}


def tlbis(subject: Subject, flush: Flush) -> int:
    """Count the TLBIs that a flush executed."""
    return sum(_count(subject.events[n]) for n in flush.tlbis)


def _count(event: Event) -> int:
    if isinstance(event, Repeat):
        return event.count * sum(isinstance(e, Tlbi) for e in event.body)
    return 1


def _at_places(
    subject: Subject, rule: str, flushes: list[Flush]
) -> Iterator[list[Flush]]:
    """Yield the flushes of each place of which a claim may hold."""
    places: dict[object, list[Flush]] = {}
    for flush in flushes:
        places.setdefault(flush.path, []).append(flush)
    for each in places.values():
        if not subject.refuted(rule, each[0]):
            yield each


# --------------------------------------------------------------- whole flushes


def _not_batched(subject: Subject) -> Iterator[Spared]:
    """Leave only the last flush of a section: the others could be put off."""
    sections: dict[tuple[int, int], list[Flush]] = {}
    for flush in subject.flushes:
        sections.setdefault((flush.pe, flush.section), []).append(flush)
    early = [flush for each in sections.values() for flush in each[:-1]]
    rule = "perf-flush-not-batched"
    for flushes in _at_places(subject, rule, early):
        less = sum(tlbis(subject, flush) for flush in flushes)
        held = subject.holds(removal(flushes))
        yield Spared(rule, flushes[0], less, less, held)


def _without_cause(subject: Subject) -> Iterator[Spared]:
    """Leave out flushes of tables in which nothing was valid."""
    found = without_cause(subject.replay, subject.events, subject.flushes)
    rule = "perf-flush-of-invalid-entry"
    for flushes in _at_places(subject, rule, [f for f in found if f.locked]):
        less = sum(tlbis(subject, flush) for flush in flushes)
        held = subject.holds(removal(flushes))
        yield Spared(rule, flushes[0], less, less, held)


def _both_stages(subject: Subject) -> Iterator[Spared]:
    """Let local flushes of both stages be of stage 1 alone."""
    local = [
        flush
        for flush in subject.flushes
        if any(_is(subject, n, "VMALLS12E1") for n in flush.tlbis)
    ]
    rule = "perf-vcpu-switch-over-flush"
    for flushes in _at_places(subject, rule, local):
        places = [n for f in flushes for n in f.tlbis if _is(subject, n, "VMALLS12E1")]
        change: Change = {}
        for n in places:
            event = subject.events[n]
            assert isinstance(event, Tlbi)
            change[n] = (replace(event, op="VMALLE1"),)
        held = subject.holds(change)
        count = len(places)
        yield Spared(rule, flushes[0], count, count, held)


def _is(subject: Subject, position: int, op: str) -> bool:
    event = subject.events[position]
    return isinstance(event, Tlbi) and event.op == op


def _repeated(subject: Subject) -> Iterator[Spared]:
    """Pay for the workaround for REPEAT_TLBI once a flush."""
    for flush, extra in added(subject):
        total = sum(one.tlbis for one in extra)
        if total > 1:
            held = once_holds(subject, flush, extra)
            yield Spared("perf-repeat-tlbi-overuse", flush, total, total - 1, held)


def _counted(subject: Subject) -> Iterator[Spared]:
    """Count what costs by itself, whether or not it is needed."""
    for flush in subject.flushes:
        count = tlbis(subject, flush)
        if flush.masked and count >= LONG:
            yield Spared("perf-irqs-off-tlbi-loop", flush, count, count, True)
        full = sum(_is_full(subject.events[n]) for n in flush.tlbis)
        if full and subject.replay.profile.name == NESTED:
            yield Spared("perf-vmalls12-under-nv", flush, full, full, True)


def _is_full(event: Event) -> bool:
    if not isinstance(event, Tlbi):
        return False
    operation = decode_operation(event.op)
    whole = operation.by in (By.VMID, By.EVERYTHING)
    return whole and operation.stage1 and operation.stage2


# ---------------------------------------------------------- flushes by address


def _by_address(subject: Subject) -> Iterator[Spared]:
    """Try one operation for each old leaf, and a hint of its level."""
    sweeps = [sweeps_of(subject.events, flush) for flush in subject.flushes]
    if not any(sweeps):
        return
    leaves = leaves_before(subject.replay, subject.events, subject.flushes)
    each = list(zip(subject.flushes, sweeps, leaves, strict=True))
    for one in each:
        if operations(one[1]) > 1:
            yield from _per_page(*one, subject)
    if subject.replay.profile.name == NESTED:
        yield from _unhinted([one for one in each if one[1]], subject)


def _per_page(
    flush: Flush, sweeps: list[Sweep], leaves: tuple[Leaf, ...], subject: Subject
) -> Iterator[Spared]:
    """Keep one operation for each leaf that a flush is for."""
    kept = one_each(sweeps, leaves)
    total, less = operations(sweeps), operations(sweeps) - len(kept)
    if less <= 0:
        return
    held = subject.holds(few(subject.events, flush, kept))
    if held is None and not subject.sound:
        # The flush may be wrong by itself: ask of one that is right.
        whole = few_in_reference(subject, flush, sweeps)
        held = few_in_reference(subject, flush, kept) if whole else None
    yield Spared("perf-tlbi-per-page-over-block", flush, total, less, held)


_Addressed = tuple[Flush, list[Sweep], tuple[Leaf, ...]]


def _unhinted(each: list[_Addressed], subject: Subject) -> Iterator[Spared]:
    """Give operations that have no level hint that of the leaf."""
    groups: dict[object, list[_Addressed]] = {}
    for one in each:
        if operations(one[1]) <= _HINTED:
            groups.setdefault(one[0].path, []).append(one)
    for members in groups.values():
        change: Change = {}
        for flush, sweeps, leaves in members:
            levels = {s.position: _level(s.ipa, leaves) for s in sweeps}
            for position in flush.tlbis:
                level = levels.get(position)
                event = subject.events[position]
                if level is None or not isinstance(event, Tlbi) or not by_ipa(event):
                    continue
                if not event.operand & _TTL:
                    operand = event.operand | encode_ipa(0, level=level)
                    change[position] = (replace(event, operand=operand),)
        if change:
            count = len(change)
            held = subject.holds(change)
            yield Spared("perf-no-ttl-hint-under-nv", members[0][0], count, count, held)


def _level(ipa: int, leaves: tuple[Leaf, ...]) -> int | None:
    levels = {leaf.level for leaf in leaves if leaf.start <= ipa < leaf.end}
    return levels.pop() if len(levels) == 1 else None
