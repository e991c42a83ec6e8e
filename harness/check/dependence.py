"""Which assumptions a diagnosis rests on: those without which it is not there."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from harness.assumptions import Assumption, alternatives, dependents
from harness.check.causes.timeline import Replay
from harness.check.diagnosis import Diagnosis
from reference_model.assumptions import Assumptions
from reference_model.events import Event
from reference_model.unmodelled import Unmodelled

__all__ = ["resting"]


def resting(
    diagnoses: Sequence[Diagnosis], replay: Replay, events: tuple[Event, ...]
) -> list[Diagnosis]:
    """Name in each diagnosis that is told the assumptions that it rests on.

    Only assumptions that are registered for its rule are tried: the trace is
    replayed with each other value, and the violation is there or not.
    """
    outcomes: dict[Assumptions, frozenset[tuple[object, ...]]] = {}

    def needed(one: Assumption, diagnosis: Diagnosis) -> bool:
        for other in alternatives(one, replay.assumptions):
            if other not in outcomes:
                outcomes[other] = _violations(
                    replace(replay, assumptions=other), events
                )
            if diagnosis.violation not in outcomes[other]:
                return True
        return False

    return [
        replace(
            diagnosis,
            assumptions=tuple(
                one.setting(replay.assumptions)
                for one in dependents(diagnosis.rule)
                if needed(one, diagnosis)
            ),
        )
        if diagnosis.trace and diagnosis.violation
        else diagnosis
        for diagnosis in diagnoses
    ]


def _violations(
    replay: Replay, events: tuple[Event, ...]
) -> frozenset[tuple[object, ...]]:
    machine = replay.machine()
    # What was found up to there is found all the same.
    with contextlib.suppress(Unmodelled):
        machine.run(events)
    return frozenset(violation.key for violation in machine.violations)
