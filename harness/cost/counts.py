"""Count the TLB maintenance that a run executed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reference_model.events import Barrier, BarrierKind, Event, Isb, Repeat, Tlbi

__all__ = ["Counts", "count"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each instruction one operation executed."""

    tlbi: tuple[tuple[str, int], ...] = ()  # by kind, sorted by name
    dsb: int = 0
    isb: int = 0


def count(events: Iterable[Event]) -> Counts:
    """Count TLBIs by kind, DSBs and ISBs that the tree's own code executed.

    Events without an origin belong to what the scenario models around it.
    """
    tlbi: Counter[str] = Counter()
    barriers: Counter[str] = Counter()
    for event, times in _weighted(events):
        if event.origin is None:
            continue
        if isinstance(event, Tlbi):
            tlbi[event.op] += times
        elif isinstance(event, Barrier) and event.kind is BarrierKind.DSB:
            barriers["dsb"] += times
        elif isinstance(event, Isb):
            barriers["isb"] += times
    return Counts(tuple(sorted(tlbi.items())), barriers["dsb"], barriers["isb"])


def _weighted(events: Iterable[Event]) -> Iterator[tuple[Event, int]]:
    for event in events:
        if isinstance(event, Repeat):
            for part in event.body:
                yield part, event.count
        else:
            yield event, 1
