"""Small repairs of an event trace, from the gentlest to the most drastic.

Each edit changes what was executed in the way one change of the source
would: a stronger barrier, a wider TLBI, one more instruction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from harness.check.causes.merged import broadcast, merged
from harness.check.causes.timeline import Timeline
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Event,
    Repeat,
    Tlbi,
)
from reference_model.tlbi import By, Operation

__all__ = [
    "DSB_ISH",
    "EMPTY_ROOT",
    "Drastic",
    "Edit",
    "Insertion",
    "broadcast",
    "by_ipa",
    "combined",
    "dsb",
    "instruction",
    "parts",
    "whole_stage1",
    "with_part",
]

# A root that holds nothing: no walk below it finds a descriptor.
EMPTY_ROOT = 0x0000_FFFF_FFFF_0000


class Drastic(IntEnum):
    """How drastic an edit is: the largest are given up first."""

    STRENGTHEN = 0  # a DSB of all access types
    WIDEN = 1  # a DSB of a wider domain
    PROMOTE = 2  # a broadcast TLBI
    MOVE = 3  # a DSB on another PE
    FORM = 4  # another form or operand of a TLBI
    SYNCHRONISE = 5  # one more ISB
    DSB = 6  # one more DSB
    STAGE1_STEP = 7  # the stage-1 step of a flush by IPA
    MORE_IPAS = 8  # more operations by IPA
    STAGE = 9  # a TLBI of both stages
    VMID = 10  # the flush again, or an entry, under another VMID
    DRAIN = 11  # a DSB for walks in flight; from here on, whole steps
    FLUSH = 12  # a whole flush


@dataclass(frozen=True, slots=True)
class Insertion:
    """New events before or after the original event at ``position``."""

    position: int
    events: tuple[Event, ...]
    after: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """One repair step and the rule whose violation it mends.

    ``blamed`` is the position of the event that it is about; ``drastic``
    orders the attempts to do without it, the largest first.
    """

    rule: str
    text: str
    blamed: int
    drastic: Drastic
    changes: tuple[tuple[int, Event], ...] = ()
    insertions: tuple[Insertion, ...] = ()

    def apply(self, timeline: Timeline) -> Timeline:
        """Return the timeline with this edit made."""
        edited = timeline.replaced(dict(self.changes)) if self.changes else timeline
        for insertion in self.insertions:
            edited = edited.inserted(
                insertion.position, insertion.events, after=insertion.after
            )
        return edited


def combined(edits: list[Edit], timeline: Timeline) -> Timeline:
    """Return the timeline with all edits made; changes of one event add up."""
    touched = {position for edit in edits for position, _ in edit.changes}
    original = {
        placed.position: placed.event
        for placed in timeline
        if placed.position in touched and not placed.inserted
    }
    changes = dict(original)
    for edit in edits:
        for position, event in edit.changes:
            changes[position] = merged(original[position], changes[position], event)
    timeline = timeline.replaced(changes)
    for edit in edits:
        bare = replace(edit, changes=())
        timeline = bare.apply(timeline)
    return timeline


def parts(event: Event) -> tuple[Event, ...]:
    """List the events that an event is made of."""
    return event.body if isinstance(event, Repeat) else (event,)


def with_part(event: Event, number: int, part: Event) -> Event:
    """Return the event with one of its parts replaced."""
    if not isinstance(event, Repeat):
        return part
    body = (*event.body[:number], part, *event.body[number + 1 :])
    return replace(event, body=body)


def dsb(pe: int, domain: Domain, access: Access = Access.ALL) -> Barrier:
    """Return a DSB."""
    return Barrier(pe, BarrierKind.DSB, domain, access)


def DSB_ISH(pe: int) -> Barrier:  # noqa: N802 - the instruction's name
    """Return a DSB ISH."""
    return dsb(pe, Domain.ISH)


def by_ipa(op: Operation) -> bool:
    """Tell whether an operation selects by IPA."""
    return op.by in (By.INTERMEDIATE, By.RANGE)


def whole_stage1(op: Operation) -> bool:
    """Tell whether an operation removes the stage-1 entries of all addresses."""
    return op.stage1 and not op.stage2 and op.by is By.VMID


def instruction(event: Event) -> str:
    """Return an event as the instruction it was, e.g. "DSB ISHST"."""
    match event:
        case Barrier():
            domain = event.domain.value + event.access.value
            if event.domain is Domain.SY and event.access is not Access.ALL:
                domain = event.access.value
            kind = event.kind.value.upper()
            return f"{kind} {domain.upper()}{'nXS' if event.nxs else ''}"
        case Tlbi():
            return f"TLBI {event.op}"
        case Repeat():
            inner = "; ".join(instruction(e) for e in event.body)
            return f"{event.count} x [{inner}]"
        case _:
            return type(event).__name__
