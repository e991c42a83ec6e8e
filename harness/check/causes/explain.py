"""Explanation by repair: the smallest change of a trace that mends it.

All candidate edits are made at once; then they are given up one by one, the
most drastic first, as long as the violation stays away.  What is left is the
cause: each edit of it is needed, and together they were replayed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.check.causes.candidates import candidates
from harness.check.causes.edits import Drastic, Edit, combined
from harness.check.causes.timeline import Replay, Timeline, ViolationKey
from harness.check.causes.window import Window
from reference_model.events import Event
from reference_model.violations import Violation

__all__ = ["Explainer", "Explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The minimal repair; ``verified`` if it brings no other violation.

    No edits: none of the candidate repairs removes the violation.
    """

    edits: tuple[Edit, ...]
    verified: bool


class Explainer:
    """Explains the violations of one trace on one profile.

    Each set of edits is replayed once, whatever it is tried for.
    """

    def __init__(
        self, replay: Replay, events: tuple[Event, ...], violations: list[Violation]
    ) -> None:
        self._replay = replay
        self._events = events
        # Nothing behind the last violation can matter.
        last = max((v.index for v in violations), default=-1)
        self._timeline = Timeline.of(events[: last + 1])
        self._before = {violation.key for violation in violations}
        self._outcomes: dict[tuple[Edit, ...], frozenset[ViolationKey]] = {}

    def explain(
        self, violation: Violation, likely: Callable[[Window, Edit], bool]
    ) -> Explanation:
        """Find the minimal repair of a violation.

        Edits that are ``likely``, because they mended something like it, are
        tried first.
        """
        window = self.window(violation)
        every = sorted(candidates(window), key=lambda edit: edit.drastic)
        # A whole step may undo what a smaller repair has changed.
        small = [e for e in every if e.drastic < Drastic.DRAIN]
        for edits in ([e for e in every if likely(window, e)], every, small):
            if edits and violation.key not in self._outcome(edits):
                return self._minimal(violation.key, edits)
        return Explanation((), verified=False)

    def mended(
        self, violation: Violation, chosen: Callable[[Window, Edit], bool]
    ) -> Explanation | None:
        """Tell whether the chosen edits, all of them, remove a violation here."""
        window = self.window(violation)
        edits = sorted(
            (e for e in candidates(window) if chosen(window, e)),
            key=lambda edit: edit.drastic,
        )
        if not edits or violation.key in self._outcome(edits):
            return None
        return Explanation(tuple(edits), self._outcome(edits) <= self._before)

    def window(self, violation: Violation) -> Window:
        """Return the part of the trace that a violation is about."""
        replay = self._replay
        return Window(self._events, violation, replay.profile, replay.start)

    def _minimal(self, key: ViolationKey, edits: list[Edit]) -> Explanation:
        kept = edits
        for edit in sorted(kept, key=lambda e: -e.drastic):
            fewer = [e for e in kept if e is not edit]
            if key not in self._outcome(fewer):
                kept = fewer
        return Explanation(tuple(kept), self._outcome(kept) <= self._before)

    def _outcome(self, edits: list[Edit]) -> frozenset[ViolationKey]:
        chosen = tuple(edits)
        if not chosen:
            return frozenset(self._before)
        known = self._outcomes.get(chosen)
        if known is None:
            found = self._replay.violations(combined(edits, self._timeline))
            known = self._outcomes[chosen] = frozenset(found)
        return known
