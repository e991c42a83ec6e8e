"""Explanation by repair: the smallest change of a trace that mends it.

All candidate edits are made at once; then they are given up one by one, the
most drastic first, as long as the violation stays away.  What is left is the
cause: each edit of it is needed, and together they were replayed.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.check.candidates import candidates
from harness.check.edits import Edit, combined
from harness.check.timeline import Replay, Timeline, ViolationKey
from harness.check.window import Window

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The minimal repair; ``verified`` if it brings no other violation.

    No edits: none of the candidate repairs removes the violation.
    """

    edits: tuple[Edit, ...]
    verified: bool


def explain(replay: Replay, window: Window, before: set[ViolationKey]) -> Explanation:
    """Find the minimal repair of a violation.

    ``before`` holds the violations of the trace as recorded.
    """
    timeline = Timeline.of(window.events)
    key = window.violation.key
    kept = sorted(candidates(window), key=lambda edit: edit.drastic)
    if key in replay.violations(combined(kept, timeline)):
        return Explanation((), verified=False)
    for edit in sorted(kept, key=lambda e: -e.drastic):
        fewer = [e for e in kept if e is not edit]
        if key not in replay.violations(combined(fewer, timeline)):
            kept = fewer
    after = set(replay.violations(combined(kept, timeline)))
    return Explanation(tuple(kept), verified=after <= before)
