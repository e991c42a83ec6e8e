"""Count the TLB maintenance that a run executed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reference_model.events import (
    Barrier,
    BarrierKind,
    Event,
    IrqMask,
    Isb,
    Msr,
    Repeat,
    Tlbi,
)

__all__ = ["Counts", "count"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each instruction one operation executed.

    ``vttbr`` counts writes of VTTBR_EL2, ``irqs_off`` the TLBIs of the longest
    stretch with IRQs masked.
    """

    tlbi: tuple[tuple[str, int], ...] = ()  # by kind, sorted by name
    dsb: int = 0
    isb: int = 0
    vttbr: int = 0
    irqs_off: int = 0


def count(events: Iterable[Event]) -> Counts:
    """Count what the tree's own code executed.

    Events without an origin belong to what the scenario models around it; only
    the masking of IRQs is looked at wherever it comes from.
    """
    tlbi: Counter[str] = Counter()
    others: Counter[str] = Counter()
    masked: Counter[int] = Counter()  # TLBIs since a PE masked its IRQs
    off: set[int] = set()
    for event, times in _weighted(events):
        if isinstance(event, IrqMask):
            (off.add if event.masked else off.discard)(event.pe)
            masked[event.pe] = 0
        elif event.origin is None:
            continue
        elif isinstance(event, Tlbi):
            tlbi[event.op] += times
            if event.pe in off:
                masked[event.pe] += times
                others["irqs_off"] = max(others["irqs_off"], masked[event.pe])
        else:
            others[_name(event)] += times
    return Counts(
        tuple(sorted(tlbi.items())),
        others["dsb"],
        others["isb"],
        others["vttbr"],
        others["irqs_off"],
    )


def _name(event: Event) -> str:
    match event:
        case Barrier(kind=BarrierKind.DSB):
            return "dsb"
        case Isb():
            return "isb"
        case Msr(register="VTTBR_EL2"):
            return "vttbr"
    return ""


def _weighted(events: Iterable[Event]) -> Iterator[tuple[Event, int]]:
    for event in events:
        if isinstance(event, Repeat):
            for part in event.body:
                yield part, event.count
        else:
            yield event, 1
