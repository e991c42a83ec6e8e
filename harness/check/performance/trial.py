"""Trials: would the same trace be right with fewer TLB operations?

A trace is changed and replayed.  The claim that less would do is only as good
as the replay: where the trace is wrong to begin with, or the machine does not
model all of it, nothing is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from harness.check.causes.timeline import Placed, Replay, Timeline, ViolationKey
from harness.check.diagnosis import Diagnosis
from harness.check.finding import Severity
from harness.check.performance.flushes import Flush, flushes_of
from harness.check.rules import RULES
from reference_model.events import Event
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Violation

__all__ = ["Change", "Subject", "changed", "warned"]

# What takes the place of the event at a position: nothing, or other events.
Change = dict[int, tuple[Event, ...]]

# Tells whether a violation makes a finding that is an error.
Wrong = Callable[[ViolationKey], bool]


def changed(events: tuple[Event, ...], change: Change) -> Timeline:
    """Return the trace with some events taken out or others in their place."""
    placed = []
    for position, event in enumerate(events):
        for new in change.get(position, (event,)):
            placed.append(Placed(new, position))
    return Timeline(placed)


def warned(diagnoses: Iterable[Diagnosis]) -> Wrong:
    """Return what tells the violations of a run that are no mere warnings."""
    errors: set[tuple[object, ...]] = set()
    others: set[tuple[object, ...]] = set()
    failed = False
    for diagnosis in diagnoses:
        error = RULES[diagnosis.rule].severity is Severity.ERROR
        failed = failed or (error and not diagnosis.violation)
        if diagnosis.violation:
            (errors if error else others).add(_alike(diagnosis.violation))
    return lambda key: failed or _alike(key) not in others - errors


def _alike(key: tuple[object, ...]) -> tuple[object, ...]:
    """Leave out the kind of entry: one of several is diagnosed."""
    broken, position, pe, _, *rest = key
    return (broken, position, pe, *rest)


@dataclass(frozen=True)
class Subject:
    """One run on one profile, which trials are made on.

    ``wrong`` tells violations that are errors from those that are warnings.
    ``plain`` are the events on the same CPU without its errata, None where
    that is the same.  ``complete`` tells that the run came to its end.
    """

    replay: Replay
    events: tuple[Event, ...]
    wrong: Wrong
    complete: bool = True
    plain: tuple[Event, ...] | None = None

    # Tells that a claim about a flush is known not to hold: not tried again.
    refuted: Callable[[str, Flush], bool] = lambda rule, flush: False  # noqa: ARG005

    @cached_property
    def flushes(self) -> list[Flush]:
        """Return the flushes of the run."""
        return flushes_of(self.events, self.replay.start.registers)

    @cached_property
    def own(self) -> frozenset[ViolationKey] | None:
        """Return what is wrong without any change, None if that is not known."""
        found = self.violations({})
        return None if found is None else frozenset(found)

    @cached_property
    def sound(self) -> bool:
        """Tell whether the run is right, so that less can be asked of it."""
        if not self.complete or self.own is None:
            return False
        return not any(map(self.wrong, self.own))

    def violations(self, change: Change) -> dict[ViolationKey, Violation] | None:
        """Replay with a change; None where the machine does not model it."""
        try:
            return self.replay.violations(changed(self.events, change))
        except Unmodelled:
            return None

    def holds(self, change: Change) -> bool | None:
        """Tell whether the changed trace is as right as the run was.

        None: nothing can be said, for the run is wrong or not modelled.
        """
        if not self.sound or self.own is None:
            return None
        found = self.violations(change)
        return None if found is None else frozenset(found) <= self.own

    def right(self, change: Change) -> bool | None:
        """Tell whether the changed trace is right, whatever the run was."""
        if not self.complete:
            return None
        found = self.violations(change)
        return None if found is None else not any(map(self.wrong, found))
