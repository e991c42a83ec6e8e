"""A right flush by IPA in the place of the flushes of a run, and its count."""

from __future__ import annotations

from dataclasses import replace

from harness.check.performance.loops import Sweep, reference
from harness.check.performance.removed import leaves_before
from harness.check.performance.trial import Change, Subject
from harness.cost.counts import Counts, count
from reference_model.events import Event
from reference_model.unmodelled import Unmodelled

__all__ = ["flushed_by_ipa"]


def flushed_by_ipa(subject: Subject) -> Counts | None:
    """Count what a run would execute with one TLBI by IPA for each old leaf.

    None unless the run takes leaves away before each flush, and the replay of the
    changed trace goes right.
    """
    try:
        leaves = leaves_before(subject.replay, subject.events, subject.flushes)
    except Unmodelled:
        return None
    change: Change = {}
    for flush, old in zip(subject.flushes, leaves, strict=True):
        if not old:
            return None
        first = flush.tlbis[0]
        origin = subject.events[first].origin
        each = reference(subject, flush, [Sweep(first, leaf.start) for leaf in old])
        change |= dict.fromkeys(flush.positions, ())
        # It stands for code of the tree, and counts as that.
        change[first] = tuple(replace(event, origin=origin) for event in each[first])
    if not change or subject.violations(change) != {}:
        return None
    events: list[Event] = []
    for position, event in enumerate(subject.events):
        events += change.get(position, (event,))
    return count(events)
