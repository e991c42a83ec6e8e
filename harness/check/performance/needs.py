"""How few operations a flush by IPA could do with, and whether its barriers count.

Asked of a flush that is right in everything else, so that the answer does not
depend on what may be wrong with the one of the patch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.check.performance.loops import (
    few_in_reference,
    one_each,
    operations,
    reference,
    sweeps_of,
)
from harness.check.performance.removed import leaves_before
from harness.check.performance.trial import Change, Subject
from reference_model.events import Barrier, Isb, Repeat, Tlbi
from reference_model.unmodelled import Unmodelled

__all__ = ["ASKED", "LoopBarriers", "Need", "Needs", "Smallest", "needs_of"]

# The scenarios that are asked: what one call removes, and in what pieces.
ASKED: dict[str, str] = {
    "unmap-4k/own-vttbr/2-pcpus": "a page",
    "unmap-2m/own-vttbr/2-pcpus": "a 2M block",
    "unmap-1g/own-vttbr/2-pcpus": "a 1G block",
    "unmap-table/own-vttbr/2-pcpus": "a table of 512 pages",
}


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest number of operations by IPA that removes all it has to.

    ``sent`` is what the code executes.  ``right`` tells that the replay with
    ``enough`` of them goes right, ``fewer`` that it does with one less.
    """

    scenario: str
    profile: str
    sent: int
    enough: int
    right: bool | None
    fewer: bool | None


@dataclass(frozen=True, slots=True)
class LoopBarriers:
    """Barriers inside a loop of TLBIs, by how often they are executed.

    ``spared`` tells that the run is as right without them; None is not known.
    ``outside`` tells that the run with a flush that has one behind the loop
    instead is right, of a run that is wrong by itself.
    """

    scenario: str
    profile: str
    executed: int
    spared: bool | None
    outside: bool | None = None


Need = Smallest | LoopBarriers
Needs = list[Need]


def needs_of(subject: Subject, scenario: str) -> Needs:
    """Ask a run of a scenario."""
    found: Needs = list(_barriers(subject, scenario))
    if scenario in ASKED:
        try:
            found += _smallest(subject, scenario)
        except Unmodelled:
            return found
    return found


def _smallest(subject: Subject, scenario: str) -> Iterator[Smallest]:
    each = [(flush, sweeps_of(subject.events, flush)) for flush in subject.flushes]
    if sum(bool(sweeps) for _, sweeps in each) != 1:
        return
    leaves = leaves_before(subject.replay, subject.events, subject.flushes)
    for (flush, sweeps), old in zip(each, leaves, strict=True):
        if sweeps and old:
            kept = one_each(sweeps, old)
            yield Smallest(
                scenario,
                subject.replay.profile.name,
                operations(sweeps),
                len(kept),
                few_in_reference(subject, flush, kept),
                few_in_reference(subject, flush, kept[1:]),
            )


def _barriers(subject: Subject, scenario: str) -> Iterator[LoopBarriers]:
    change: Change = {}
    executed = 0
    for position, event in enumerate(subject.events):
        if not isinstance(event, Repeat):
            continue
        kept = [n for n, e in enumerate(event.body) if not isinstance(e, Barrier | Isb)]
        tlbis = any(isinstance(e, Tlbi) for e in event.body)
        if tlbis and len(kept) < len(event.body):
            executed += event.count * (len(event.body) - len(kept))
            body = tuple(event.body[n] for n in kept)
            strides = tuple(event.strides[n] for n in kept)
            change[position] = (replace(event, body=body, strides=strides),)
    if change:
        name = subject.replay.profile.name
        spared = subject.holds(change)
        outside = None
        if spared is None and not subject.sound:
            outside = _behind_loop(subject, change)
        yield LoopBarriers(scenario, name, executed, spared, outside)


def _behind_loop(subject: Subject, loops: Change) -> bool | None:
    """Tell whether a flush with barriers behind its loop alone is right."""
    flushes = [f for f in subject.flushes if not loops.keys().isdisjoint(f.tlbis)]
    change: Change = {}
    for flush in flushes:
        sweeps = sweeps_of(subject.events, flush)
        if not sweeps:
            return None
        change |= reference(subject, flush, sweeps)
    return subject.right(change)
