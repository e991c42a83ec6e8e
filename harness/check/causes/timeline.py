"""A trace whose events keep their identity while it is being edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reference_model.assumptions import Assumptions
from reference_model.events import Event
from reference_model.machine import Machine, Start
from reference_model.profiles import Profile
from reference_model.violations import Violation

__all__ = ["Placed", "Replay", "Timeline", "ViolationKey"]

ViolationKey = tuple[str, int, int, str, int, str]


@dataclass(frozen=True, slots=True)
class Placed:
    """An event and the position of the original event that it stands at."""

    event: Event
    position: int
    inserted: bool = False


class Timeline:
    """Events in order; positions are those of the trace as recorded."""

    def __init__(self, placed: list[Placed]) -> None:
        self._placed = placed

    @classmethod
    def of(cls, events: tuple[Event, ...]) -> Timeline:
        """Number the events of a recorded trace."""
        return cls([Placed(event, n) for n, event in enumerate(events)])

    def __iter__(self) -> Iterator[Placed]:
        return iter(self._placed)

    def replaced(self, changes: dict[int, Event]) -> Timeline:
        """Return a copy with the original events at some positions changed."""
        return Timeline(
            [
                Placed(changes[p.position], p.position)
                if p.position in changes and not p.inserted
                else p
                for p in self._placed
            ]
        )

    def inserted(
        self, position: int, events: tuple[Event, ...], *, after: bool
    ) -> Timeline:
        """Return a copy with events next to the original one at ``position``."""
        at = next(
            n
            for n, p in enumerate(self._placed)
            if p.position == position and not p.inserted
        )
        at += int(after)
        # Keep earlier insertions at this place in front of later ones.
        new = [Placed(event, position, True) for event in events]
        return Timeline(self._placed[:at] + new + self._placed[at:])


@dataclass(frozen=True, slots=True)
class Replay:
    """Runs timelines of one scenario on one profile."""

    start: Start
    profile: Profile
    assumptions: Assumptions

    def machine(self) -> Machine:
        """Return a machine in the start state."""
        return Machine(self.profile, self.start, self.assumptions)

    def violations(self, timeline: Timeline) -> dict[ViolationKey, Violation]:
        """Run a timeline; keys name events by their original position."""
        machine = self.machine()
        placed = list(timeline)
        machine.run(p.event for p in placed)
        found: dict[ViolationKey, Violation] = {}
        for violation in machine.violations:
            key = keyed(violation, lambda index: placed[index].position)
            found.setdefault(key, violation)
        return found


def keyed(violation: Violation, position: Callable[[int], int]) -> ViolationKey:
    """Return the key of a violation with its event's original position."""
    name, index, pe, kind, vmid, conflict = violation.key
    return (name, position(index), pe, kind, vmid, conflict)
