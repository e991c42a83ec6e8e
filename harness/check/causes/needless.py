"""Breaks that a change in place would spare: told for information."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.causes.edits import Drastic, Edit, combined
from harness.check.causes.timeline import Replay, Timeline
from reference_model.entries import EntryKind
from reference_model.events import Event, Store
from reference_model.violations import Property, Violation

__all__ = ["NEEDLESS", "needless_breaks"]

NEEDLESS = "needless"  # the reason of what is said for information
_VALID, _NT = 1, 1 << 16


def needless_breaks(
    replay: Replay, events: tuple[Event, ...]
) -> list[tuple[Violation, Edit]]:
    """Find breaks of entries whose size the code then changes by nT.

    For each the trace is run once more with the old entry left in place; it
    counts if nothing goes wrong.  To be asked of a trace that is clean.  What
    suffers is progress: accesses fault meanwhile.
    """
    if not replay.profile.bbm:
        return []
    found = []
    timeline = Timeline.of(events)
    for edit in _breaks(replay, events):
        if not replay.violations(combined([edit], timeline)):
            pe = events[edit.blamed].pe
            vmid = replay.start.registers[pe].get("VTTBR_EL2", 0) >> 48
            violation = Violation(
                Property.O6,
                edit.blamed,
                pe,
                EntryKind.S2,
                vmid,
                edit.blamed,
                reason=NEEDLESS,
            )
            found.append((violation, edit))
    return found


def _breaks(replay: Replay, events: tuple[Event, ...]) -> Iterator[Edit]:
    """Yield an edit for each store of an invalid value before one with nT."""
    values = dict(replay.start.memory)
    for position, event in enumerate(events):
        if not isinstance(event, Store):
            continue
        before = values.get(event.pa, 0)
        if before & _VALID and not event.value & _VALID:
            following = _following(events, position, event.pa)
            if following is not None and following.value & _NT:
                yield Edit(
                    "bbm-break-defeats-nt",
                    "leave out the store that makes the entry invalid",
                    position,
                    Drastic.FORM,
                    ((position, replace(event, value=before)),),
                )
        values[event.pa] = event.value


def _following(events: tuple[Event, ...], position: int, pa: int) -> Store | None:
    later = (e for e in events[position + 1 :] if isinstance(e, Store) and e.pa == pa)
    return next(later, None)
