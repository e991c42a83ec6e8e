"""Loops of TLBIs by address: their passes, and loops with fewer of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.check.causes.edits import DSB_ISH, dsb
from harness.check.performance.flushes import Flush
from harness.check.performance.removed import Leaf
from harness.check.performance.trial import Change, Subject
from reference_model.events import Access, Domain, Event, Isb, Repeat, Tlbi
from reference_model.operands import encode_ipa
from reference_model.profiles import REPEAT_TLBI
from reference_model.tlbi import By, decode_operation

__all__ = [
    "Sweep",
    "by_ipa",
    "few",
    "few_in_reference",
    "one_each",
    "operations",
    "reference",
    "sweeps_of",
]

PAGE_SHIFT = 12
_IPA = (1 << 36) - 1


class Sweep(NamedTuple):
    """Operations by IPA at one position: ``turns`` of them from turn ``first`` on.

    The first is for ``ipa``; it grows by ``step`` bytes a turn.
    """

    position: int
    ipa: int
    step: int = 0
    turns: int = 1
    first: int = 0

    def within(self, leaf: Leaf) -> Sweep | None:
        """Return the first operation within a leaf, None if there is none."""
        later = max(0, -(-(leaf.start - self.ipa) // self.step)) if self.step else 0
        ipa = self.ipa + later * self.step
        if later >= self.turns or not leaf.start <= ipa < leaf.end:
            return None
        return Sweep(self.position, ipa, self.step, 1, self.first + later)


def by_ipa(event: Event) -> bool:
    """Tell whether an event is one TLBI by a single IPA."""
    if not isinstance(event, Tlbi):
        return False
    return decode_operation(event.op).by is By.INTERMEDIATE


def sweeps_of(events: tuple[Event, ...], flush: Flush) -> list[Sweep]:
    """List the operations by IPA of a flush; a repeated one counts once."""
    found: list[Sweep] = []
    for position in flush.tlbis:
        event = events[position]
        if isinstance(event, Repeat):
            found += _of_loop(event, position)
        elif isinstance(event, Tlbi) and by_ipa(event):
            ipa = _ipa(event.operand)
            # The second of two for one address is a workaround's.
            if not found or found[-1].ipa != ipa:
                found.append(Sweep(position, ipa))
    return found


def _of_loop(loop: Repeat, position: int) -> list[Sweep]:
    for first, stride in zip(loop.body, loop.strides, strict=True):
        if isinstance(first, Tlbi) and by_ipa(first):
            step = stride << PAGE_SHIFT
            return [Sweep(position, _ipa(first.operand), step, loop.count)]
    return []


def operations(sweeps: Iterable[Sweep]) -> int:
    """Count the operations, workarounds left out."""
    return sum(sweep.turns for sweep in sweeps)


def one_each(sweeps: Sequence[Sweep], leaves: Iterable[Leaf]) -> list[Sweep]:
    """Return an operation for each leaf, a single one if there is no leaf."""
    found: dict[Sweep, None] = {}
    for leaf in leaves:
        inside = (sweep.within(leaf) for sweep in sweeps)
        first = next((one for one in inside if one is not None), None)
        if first is not None:
            found[first] = None
    return sorted(found) or [sweeps[0]._replace(turns=1)]


def few(events: tuple[Event, ...], flush: Flush, kept: Sequence[Sweep]) -> Change:
    """Keep some operations of a flush, and the barriers around them."""
    change: Change = {}
    ipas = {sweep.ipa for sweep in kept}
    for position in flush.tlbis:
        event = events[position]
        if isinstance(event, Repeat) and any(by_ipa(e) for e in event.body):
            turns = _as_loops(s for s in kept if s.position == position)
            change[position] = tuple(e for s in turns for e in _turns(event, s))
        elif isinstance(event, Tlbi) and by_ipa(event):
            kept_here = _ipa(event.operand) in ipas
            change[position] = (event,) if kept_here else ()
    return change


def _turns(loop: Repeat, sweep: Sweep) -> tuple[Event, ...]:
    """Return some turns of a loop."""
    body = tuple(
        replace(event, operand=event.operand + sweep.first * stride)
        if stride and isinstance(event, Tlbi)
        else event
        for event, stride in zip(loop.body, loop.strides, strict=True)
    )
    return body if sweep.turns == 1 else (replace(loop, body=body, count=sweep.turns),)


def reference(subject: Subject, flush: Flush, kept: Sequence[Sweep]) -> Change:
    """Put a flush by IPA that is right in the place of a flush.

    It is for the same addresses: a DSB, the operations, a DSB, a stage-1
    operation, a DSB and an ISB, with the workaround where the CPU needs it.
    """
    pe = flush.pe
    inner: list[Event] = [dsb(pe, Domain.ISH, Access.ST)]
    inner += [_operation(pe, sweep) for sweep in _as_loops(kept)]
    inner += [DSB_ISH(pe), Tlbi(pe, "VMALLE1IS"), DSB_ISH(pe)]
    if REPEAT_TLBI in subject.replay.profile.errata:
        inner += [Tlbi(pe, "VMALLE1IS"), DSB_ISH(pe)]
    inner.append(Isb(pe))
    change: Change = dict.fromkeys(flush.tlbis, ())
    change[flush.tlbis[0]] = tuple(inner)
    return change


def _as_loops(sweeps: Iterable[Sweep]) -> list[Sweep]:
    """Join sweeps of which one goes on where the last one ends."""
    joined: list[Sweep] = []
    for sweep in sweeps:
        last = joined[-1] if joined else None
        if last is not None and sweep == last._replace(
            ipa=last.ipa + last.step * last.turns,
            first=last.first + last.turns,
            turns=sweep.turns,
        ):
            joined[-1] = last._replace(turns=last.turns + sweep.turns)
        else:
            joined.append(sweep)
    return joined


def few_in_reference(
    subject: Subject, flush: Flush, kept: Sequence[Sweep]
) -> bool | None:
    """Tell whether some operations of a flush do, if all else of it is right."""
    return subject.right(reference(subject, flush, kept))


def _operation(pe: int, sweep: Sweep) -> Event:
    first = Tlbi(pe, "IPAS2E1IS", encode_ipa(sweep.ipa))
    if sweep.turns == 1:
        return first
    return Repeat(pe, (first,), sweep.turns, (sweep.step >> PAGE_SHIFT,))


def _ipa(operand: int) -> int:
    return (operand & _IPA) << PAGE_SHIFT
