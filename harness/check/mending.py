"""What the edits of a repair change, with the places in the source they are about."""

from __future__ import annotations

from dataclasses import dataclass

from harness.check.causes.edits import Edit, parts
from reference_model.coordinates import Origin
from reference_model.events import Event

__all__ = ["Mending", "Missing", "Wrong", "mending_of"]


@dataclass(frozen=True, slots=True)
class Wrong:
    """An instruction that was executed, and what it is to be."""

    old: Event
    new: Event


@dataclass(frozen=True, slots=True)
class Missing:
    """Instructions to add before or after what has the place ``at``."""

    at: Origin
    after: bool
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Mending:
    """One edit of a trace: ``at`` is what it blames, ``rule`` what it is for."""

    rule: str
    at: Origin | None
    wrong: tuple[Wrong, ...] = ()
    missing: tuple[Missing, ...] = ()


def mending_of(edit: Edit, events: tuple[Event, ...]) -> Mending:
    """Return what an edit of these events changes."""
    wrong = tuple(
        Wrong(old, new)
        for position, event in edit.changes
        for old, new in _differing(events[position], event)
    )
    missing = []
    for insertion in edit.insertions:
        place = _place(events, insertion.position, after=insertion.after)
        if place is not None:
            origin, after = place
            missing.append(Missing(origin, after, insertion.events))
    return Mending(edit.rule, _origin(events[edit.blamed]), wrong, tuple(missing))


def _differing(old: Event, new: Event) -> list[tuple[Event, Event]]:
    before, after = parts(old), parts(new)
    if len(before) != len(after):
        return []
    return [(a, b) for a, b in zip(before, after, strict=True) if a != b]


def _place(
    events: tuple[Event, ...], position: int, *, after: bool
) -> tuple[Origin, bool] | None:
    """Return the nearest place in the source: most of what hardware does has none."""
    here = _origin(events[position], last=after)
    if here is not None:
        return here, after
    pe = events[position].pe
    later, earlier = events[position + 1 :], events[:position][::-1]
    for side, before in ((later, True), (earlier, False))[:: 1 if after else -1]:
        for event in side:
            origin = _origin(event, last=not before)
            if event.pe == pe and origin is not None:
                return origin, not before
    return None


def _origin(event: Event, *, last: bool = False) -> Origin | None:
    places = [part.origin for part in parts(event) if part.origin is not None]
    if not places:
        return event.origin
    return places[-1 if last else 0]
