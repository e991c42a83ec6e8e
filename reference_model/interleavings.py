"""All orders in which several PEs can run their traces, up to what matters.

Orders that differ in swaps of independent events alone are taken once: sleep
sets leave one of each class (Godefroid), and each that is left is replayed on
the machine from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reference_model.assumptions import Assumptions
from reference_model.events import (
    Event,
    Lock,
    PageRelease,
    Release,
    Repeat,
    Unlock,
)
from reference_model.independence import Independence
from reference_model.machine import Machine
from reference_model.profiles import Profile
from reference_model.repeated import expand
from reference_model.start import Start
from reference_model.violations import Violation

__all__ = ["Explored", "Shown", "interleavings", "orders"]

# A loop of more events than this stays one step.
_LONGEST_LOOP = 64

Place = tuple[int, int]  # number of a trace, position in it; -1: what came before
_Key = tuple[str, Place, int, str, int, str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A violation, and a whole trace in which it comes about.

    ``place`` names the event at which it counts by its trace and its position
    there; ``violation.index`` is its position in ``trace``.
    """

    violation: Violation
    place: Place
    trace: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Explored:
    """What running the traces in every order has shown.

    ``count`` orders were replayed; ``blocked`` of them end with PEs waiting for
    each other's locks.  Not ``exhausted``: there are more orders.
    """

    violations: tuple[Shown, ...]
    count: int
    blocked: int
    exhausted: bool


def interleavings(
    start: Start,
    traces: Sequence[Sequence[Event]],
    profile: Profile,
    assumptions: Assumptions | None = None,
    *,
    before: Sequence[Event] = (),
    bound: int = 20_000,
) -> Explored:
    """Run traces of different PEs in every order, after the events ``before``.

    At most ``bound`` orders are replayed.  What a Release of one PE finds of a
    change that another PE has yet to release is not a violation: nothing
    relies on that change so far.  Raises ValueError for a trace of more than
    one PE, Unmodelled like the machine.
    """
    _checked(traces)
    parts = [_expanded(trace) for trace in traces]
    whole = not any(isinstance(event, Repeat) for part in parts for event in part)
    assumed = assumptions or Assumptions()
    relation = Independence(start, before, parts, profile, assumed)
    found: dict[_Key, Shown] = {}
    count = blocked = 0
    for order in orders(parts, relation.independent):
        if count == bound:
            return Explored(tuple(found.values()), count, blocked, False)
        count += 1
        blocked += len(order) < sum(map(len, parts))
        trace = (*before, *(parts[n][at] for n, at in order))
        machine = Machine(profile, start, assumed)
        for violation in machine.run(trace):
            place = _place(order, violation.index - len(before))
            if _relied(violation, order, parts, len(before)):
                key = _identity(violation, place)
                found.setdefault(key, Shown(violation, place, trace))
    return Explored(tuple(found.values()), count, blocked, whole)


def _checked(traces: Sequence[Sequence[Event]]) -> None:
    numbers = [sorted({event.pe for event in trace}) for trace in traces]
    if any(len(pes) > 1 for pes in numbers):
        raise ValueError("each trace must be of one PE")
    used = [pe for pes in numbers for pe in pes]
    if len(used) != len(set(used)):
        raise ValueError("each PE must have one trace")


def _expanded(trace: Sequence[Event]) -> list[Event]:
    """Write out the loops: others can act between any two of their events."""
    found: list[Event] = []
    for event in trace:
        if isinstance(event, Repeat) and _short(event):
            found.extend(expand(event))
        else:
            found.append(event)
    return found


def _short(event: Repeat) -> bool:
    return event.count * len(event.body) <= _LONGEST_LOOP


# ------------------------------------------------------------------- orders


def orders(
    traces: Sequence[Sequence[Event]],
    independent: Callable[[Place, Place], bool],
) -> Iterator[list[Place]]:
    """Yield one order of each class of orders that locks allow.

    It goes on until no PE can: an order is shorter than the traces if PEs wait
    for locks.  A PE keeps running as long as it can in the first of them.
    """
    walk = _Walk(traces, independent)
    yield from walk.on([0] * len(traces), {}, frozenset())


class _Walk:
    """The search; ``order`` is where it is."""

    def __init__(
        self,
        traces: Sequence[Sequence[Event]],
        independent: Callable[[Place, Place], bool],
    ) -> None:
        self._traces = traces
        self._independent = independent
        self._order: list[Place] = []

    def on(
        self, at: list[int], held: dict[str, int], sleeping: frozenset[int]
    ) -> Iterator[list[Place]]:
        """Go on from a state; what sleeps has been tried in this place before."""
        ready = self._ready(at, held)
        if not ready:
            yield list(self._order)
            return
        asleep = set(sleeping)
        for number in ready:
            if number in asleep:
                continue
            place = (number, at[number])
            awake = [n for n in asleep if not self._independent((n, at[n]), place)]
            self._order.append(place)
            at[number] += 1
            yield from self.on(
                at, self._locks(place, held), frozenset(asleep).difference(awake)
            )
            at[number] -= 1
            self._order.pop()
            asleep.add(number)

    def _ready(self, at: list[int], held: dict[str, int]) -> list[int]:
        """List the PEs that can go on, the one that ran last first."""
        last = self._order[-1][0] if self._order else 0
        numbers = sorted(range(len(at)), key=lambda n: (n != last, n))
        return [n for n in numbers if self._can_run(n, at[n], held)]

    def _can_run(self, number: int, position: int, held: dict[str, int]) -> bool:
        trace = self._traces[number]
        if position == len(trace):
            return False
        event = trace[position]
        return not isinstance(event, Lock) or event.name not in held

    def _locks(self, place: Place, held: dict[str, int]) -> dict[str, int]:
        event = self._traces[place[0]][place[1]]
        if isinstance(event, Lock):
            return {**held, event.name: place[0]}
        if isinstance(event, Unlock):
            return {name: n for name, n in held.items() if name != event.name}
        return held


# --------------------------------------------------------------- violations


def _place(order: list[Place], index: int) -> Place:
    return order[index] if index >= 0 else (-1, index)


def _identity(violation: Violation, place: Place) -> _Key:
    return (
        violation.broken.value,
        place,
        violation.pe,
        violation.kind.value,
        violation.vmid,
        violation.conflict,
        violation.reason,
    )


def _relied(
    violation: Violation,
    order: list[Place],
    traces: Sequence[Sequence[Event]],
    offset: int,
) -> bool:
    """Tell whether something relies on what a violation is about.

    A Release is about the changes of its own PE, and of those whose own Release
    has come: the others are still being made.
    """
    index, since = violation.index - offset, violation.since - offset
    if index < 0 or since < 0:
        return True
    number, position = order[index]
    if not isinstance(traces[number][position], Release | PageRelease):
        return True
    author, at = order[since]
    if author == number:
        return True
    points = [
        (author, n)
        for n, event in enumerate(traces[author])
        if n > at and isinstance(event, Release | PageRelease)
    ]
    return not points or points[0] in order[:index]
