"""Flushes of a trace: TLBIs with their barriers, as one call issued them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.check.causes.edits import parts
from reference_model.coordinates import Coord, Origin
from reference_model.events import (
    Barrier,
    Eret,
    Event,
    IrqMask,
    Isb,
    Lock,
    Msr,
    Release,
    Repeat,
    Tlbi,
    Unlock,
)

__all__ = ["Flush", "Place", "flushes_of", "is_tlbi"]

# A function and where in it.
Place = tuple[Coord, str]

_Path = tuple[Place, ...]

_VTTBR = "VTTBR_EL2"


@dataclass(frozen=True, slots=True)
class Flush:
    """The events of one flush, by their positions.

    ``positions`` are what would not be executed without it, a switch of
    VTTBR_EL2 included if it is undone again; ``tlbis`` are those of them that
    are TLBIs or loops with some.  ``path`` is where the first one stands and
    the calls around it, innermost first.  ``section`` numbers the stretches of
    a trace at whose ends other code may rely on what was changed; ``locked``
    tells that the PE holds a lock, ``masked`` that its IRQs are masked.
    """

    pe: int
    positions: tuple[int, ...]
    tlbis: tuple[int, ...]
    path: _Path
    section: int
    locked: bool
    masked: bool


def flushes_of(
    events: tuple[Event, ...], registers: Sequence[Mapping[str, int]] = ()
) -> list[Flush]:
    """Find the flushes of a trace, in the order in which they begin.

    Events of one PE that follow each other belong together if they come from
    the call that issues the TLBIs: barriers of other code are not part of it.
    """
    found: list[Flush] = []
    for pe in sorted({event.pe for event in events}):
        loaded = registers[pe].get(_VTTBR) if pe < len(registers) else None
        found += _of_pe(events, pe, loaded)
    return sorted(found, key=lambda flush: flush.positions[0])


def _of_pe(events: tuple[Event, ...], pe: int, loaded: int | None) -> Iterator[Flush]:
    own = [n for n, event in enumerate(events) if event.pe == pe]
    states = _states(events, own)
    place = done = 0
    while place < len(own):
        if not is_tlbi(events[own[place]]):
            place += 1
            continue
        first, last = _extent(events, own, place, done)
        positions = own[first : last + 1]
        before = _last_vttbr(events, own[:first], loaded)
        section, locked, masked = states[own[place]]
        yield Flush(
            pe,
            _executed(events, positions, before),
            tuple(n for n in positions if is_tlbi(events[n])),
            _path(_origin(events[own[place]])),
            section,
            locked,
            masked,
        )
        place = done = last + 1


def _extent(
    events: tuple[Event, ...], own: list[int], place: int, done: int
) -> tuple[int, int]:
    """Return the first and last place of what belongs to the TLBI at ``place``."""
    origin = _origin(events[own[place]])
    if origin is None:
        return place, place
    call = origin.stack[1:]

    def belongs(number: int) -> bool:
        event = events[own[number]]
        other = _origin(event)
        if other is None or not _maintenance(event):
            return False
        return not call or other.stack[-len(call) :] == call

    first = last = place
    while first > done and belongs(first - 1):
        first -= 1
    while last + 1 < len(own) and belongs(last + 1):
        last += 1
    return first, last


def _executed(
    events: tuple[Event, ...], positions: list[int], before: int | None
) -> tuple[int, ...]:
    """Leave out a switch of VTTBR_EL2 that is not undone: others rely on it."""
    writes = [n for n in positions if isinstance(events[n], Msr)]
    if not writes or _value(events[writes[-1]]) == before:
        return tuple(positions)
    first = next(n for n in positions if is_tlbi(events[n]))
    earlier = [n for n in writes if n < first]
    # The ISB behind the write stays as well.
    start = positions.index(earlier[-1]) + 2 if earlier else 0
    kept = [n for n in positions[start:] if not isinstance(events[n], Msr | IrqMask)]
    return tuple(kept)


def _last_vttbr(
    events: tuple[Event, ...], own: list[int], loaded: int | None
) -> int | None:
    for number in reversed(own):
        event = events[number]
        if isinstance(event, Msr) and event.register == _VTTBR:
            return event.value
    return loaded


def _value(event: Event) -> int | None:
    return event.value if isinstance(event, Msr) else None


def _states(
    events: tuple[Event, ...], own: list[int]
) -> dict[int, tuple[int, bool, bool]]:
    """Return for each event its section, and whether a lock is held, IRQs masked."""
    found = {}
    section = held = 0
    masked = False
    for number in own:
        event = events[number]
        if isinstance(event, IrqMask):
            masked = event.masked
        held += isinstance(event, Lock) - (isinstance(event, Unlock) and held > 0)
        if isinstance(event, Eret | Release) or (
            isinstance(event, Unlock) and not held
        ):
            section += 1
        found[number] = section, held > 0, masked
    return found


def is_tlbi(event: Event) -> bool:
    """Tell whether an event is a TLBI or a loop with some."""
    return any(isinstance(part, Tlbi) for part in parts(event))


def _maintenance(event: Event) -> bool:
    return (
        all(isinstance(e, Tlbi | Barrier | Isb) for e in parts(event))
        or isinstance(event, IrqMask | Repeat)
        or (isinstance(event, Msr) and event.register == _VTTBR)
    )


def _origin(event: Event) -> Origin | None:
    return event.origin or next((e.origin for e in parts(event) if e.origin), None)


def _path(origin: Origin | None) -> _Path:
    if origin is None:
        return ()
    callers = [frame.function for frame in origin.stack[1:]]
    calls = zip((frame.call for frame in origin.stack), callers, strict=False)
    return ((origin.coord, origin.function), *calls)
