"""What the workaround for REPEAT_TLBI adds, and how much of it would do.

What it adds is what the same code executes on a CPU with the erratum and not
on one without: no instruction is taken for it by its looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import NamedTuple

from harness.check.performance.flushes import Flush, flushes_of
from harness.check.performance.loops import reference, sweeps_of
from harness.check.performance.trial import Change, Subject
from reference_model.events import Barrier, Event, Repeat, Tlbi

__all__ = ["Added", "added", "once_holds"]


class Added(NamedTuple):
    """What the workaround adds at one position: of a loop, parts of its body."""

    position: int
    parts: tuple[int, ...]  # of a Repeat; () for an event by itself
    tlbis: int


def added(subject: Subject) -> list[tuple[Flush, list[Added]]]:
    """Return what the workaround adds to each flush, where it adds something.

    Nothing is told of a run that does not flush as often without the erratum.
    """
    if subject.plain is None:
        return []
    registers = subject.replay.start.registers
    others = flushes_of(subject.plain, registers)
    if len(others) != len(subject.flushes):
        return []
    found = []
    for flush, other in zip(subject.flushes, others, strict=True):
        here = [subject.events[n] for n in flush.positions]
        there = [subject.plain[n] for n in other.positions]
        extra = list(_extra(here, there, flush.positions))
        if any(one.tlbis for one in extra):
            found.append((flush, extra))
    return found


def _extra(
    here: Sequence[Event], there: Sequence[Event], positions: tuple[int, ...]
) -> Iterator[Added]:
    loops = [event for event in there if isinstance(event, Repeat)]
    matcher = SequenceMatcher(
        None, [_token(e) for e in here], [_token(e) for e in there], autojunk=False
    )
    for tag, first, last, _, _ in matcher.get_opcodes():
        for n in range(first, last):
            event = here[n]
            if isinstance(event, Repeat) and loops:
                yield from _in_loop(event, loops.pop(0), positions[n])
            elif tag in ("delete", "replace"):
                yield Added(positions[n], (), int(isinstance(event, Tlbi)))


def _in_loop(loop: Repeat, other: Repeat, position: int) -> Iterator[Added]:
    if loop.count != other.count:
        return
    here, there = ([_token(e) for e in each.body] for each in (loop, other))
    matcher = SequenceMatcher(None, here, there, autojunk=False)
    parts = [
        n
        for tag, first, last, _, _ in matcher.get_opcodes()
        if tag == "delete"
        for n in range(first, last)
    ]
    tlbis = sum(isinstance(loop.body[n], Tlbi) for n in parts)
    if tlbis:
        yield Added(position, tuple(parts), tlbis * loop.count)


def _token(event: Event) -> object:
    """Return what an event is at its place, but for operands."""
    match event:
        case Tlbi():
            return "tlbi", event.op, event.origin
        case Barrier():
            return "barrier", event.domain, event.access, event.origin
        case Repeat():
            return "loop", event.origin
    return type(event).__name__, event.origin


def kept_once(subject: Subject, extra: Sequence[Added]) -> Change:
    """Leave only the last of what the workaround adds, that of the last turn."""
    change: Change = {}
    *early, last = [one for one in extra if one.tlbis]
    for one in extra:
        if one.position < last.position and not one.parts:
            change[one.position] = ()
    for one in (*early, last):
        loop = subject.events[one.position]
        if isinstance(loop, Repeat):
            change[one.position] = _turns(loop, one, whole=one is last)
    return change


def _turns(loop: Repeat, one: Added, *, whole: bool) -> tuple[Event, ...]:
    """Return a loop without what is added, but for the last turn if ``whole``."""
    kept = [n for n in range(len(loop.body)) if n not in one.parts]
    bare = replace(
        loop,
        body=tuple(loop.body[n] for n in kept),
        strides=tuple(loop.strides[n] for n in kept),
        count=loop.count - whole,
    )
    if not whole:
        return (bare,)
    turn = loop.count - 1
    last = tuple(
        replace(event, operand=event.operand + turn * stride)
        if stride and isinstance(event, Tlbi)
        else event
        for event, stride in zip(loop.body, loop.strides, strict=True)
    )
    return (bare, *last)


def once_holds(subject: Subject, flush: Flush, extra: Sequence[Added]) -> bool | None:
    """Tell whether the workaround once, behind all operations, would do.

    Where the flush is wrong by itself, one by IPA that is right is asked.
    """
    held = subject.holds(kept_once(subject, extra))
    sweeps = sweeps_of(subject.events, flush)
    if held is None and not subject.sound and sweeps:
        held = subject.right(reference(subject, flush, sweeps))
    return held
