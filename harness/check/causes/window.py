"""The part of a trace that a violation is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.check.causes.edits import parts
from reference_model.coordinates import Origin
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Event,
    ExceptionEntry,
    Msr,
    Repeat,
    Store,
    Tlbi,
)
from reference_model.machine import Start
from reference_model.profiles import Profile
from reference_model.tlbi import By, Operation, decode_operation
from reference_model.violations import Violation

__all__ = ["Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """A violation and the trace that led to it."""

    events: tuple[Event, ...]
    violation: Violation
    profile: Profile
    start: Start

    @property
    def first(self) -> int:
        """Return where it begins: the store, or the exception entry before."""
        if self.violation.since >= 0 and self.violation.reason != "mixed":
            return self.violation.since
        for position in range(self.violation.index, -1, -1):
            event = self.events[position]
            if isinstance(event, ExceptionEntry) and event.pe == self.violation.pe:
                return position
        return 0

    @property
    def stop(self) -> int:
        """Return the position at which the violation counts."""
        return self.violation.index

    @property
    def cause(self) -> int:
        """Return the event to blame when nothing that ran was to blame."""
        if self.violation.since >= 0:
            return self.violation.since
        writes = [
            position
            for position, event in self.numbered()
            if isinstance(event, Msr) and event.register == "VTTBR_EL2"
        ]
        return writes[-1] if writes else self.violation.index

    def numbered(self) -> Iterator[tuple[int, Event]]:
        """Yield the events of the window with their positions."""
        for position in range(self.first, self.stop):
            yield position, self.events[position]

    def parts(self) -> Iterator[tuple[int, int, Event]]:
        """Yield (position, number in a Repeat, event) for each event."""
        for position, event in self.numbered():
            for number, part in enumerate(parts(event)):
                yield position, number, part

    def tlbis(self) -> list[tuple[int, Operation]]:
        """List the TLBIs of the window."""
        return [
            (position, decode_operation(event.op))
            for position, _, event in self.parts()
            if isinstance(event, Tlbi)
        ]

    def tlbi_pending(self, position: int, pe: int) -> bool:
        """Tell whether ``pe`` issued a TLBI in the window before a position."""
        return any(
            self.events[p].pe == pe and self.concerned(op)
            for p, op in self.tlbis()
            if p < position
        ) or any(
            isinstance(event, Tlbi) and event.pe == pe
            for event in parts(self.events[position])
        )

    def between_ipa_and_stage1(self, position: int) -> bool:
        """Tell whether the neighbouring TLBIs are one by IPA and a stage-1 one."""
        concerned = [(p, op) for p, op in self.tlbis() if self.concerned(op)]
        earlier = [op for p, op in concerned if p < position]
        later = [op for p, op in concerned if p > position]
        if not earlier or not later:
            return False
        by_ipa = earlier[-1].by in (By.INTERMEDIATE, By.RANGE)
        return by_ipa and later[0].stage1 and not later[0].stage2

    def inside_repeat_with_dsb(self, position: int) -> bool:
        """Tell whether the event is a loop that completes its own TLBIs."""
        event = self.events[position]
        return isinstance(event, Repeat) and any(_completes(e) for e in event.body)

    def completes(self, position: int) -> bool:
        """Tell whether the event is a DSB that completes TLBIs."""
        return _completes(self.events[position])

    @property
    def iommu(self) -> bool:
        """Tell whether the walker concerned is an IOMMU."""
        return self.violation.pe >= self.start.pes

    def concerned(self, op: Operation) -> bool:
        """Tell whether an operation can act on the regime of the entries.

        Stage-1 operations of EL1&0 act on EL2&0 in host mode.
        """
        if self.own_regime:
            return op.el2 or not op.stage2
        return not op.el2

    @property
    def own_regime(self) -> bool:
        """Tell whether the entries are of EL2's own regime."""
        return self.violation.vmid < 0

    def completed_between(self, first: int, last: int, pe: int) -> bool:
        """Tell whether ``pe`` executed a full DSB between two positions."""
        return any(
            event.pe == pe and _completes(event)
            for event in self.events[first + 1 : last]
        )

    def register(self, position: int, pe: int, name: str) -> int:
        """Return the value of a register just before a position."""
        for event in reversed(self.events[:position]):
            if isinstance(event, Msr) and (event.pe, event.register) == (pe, name):
                return event.value
        return self.start.registers[pe].get(name, 0)

    def first_origin(self) -> Origin | None:
        """Return where the first event of the window with a place comes from."""
        for event in self.events[self.first : self.violation.index + 1]:
            for part in (event, *parts(event)):
                if part.origin is not None:
                    return part.origin
        return None

    def at(self, position: int) -> str:
        """Return "at file:line" for an event, as far as it is known.

        A store is named by the place in a source file that asked for it.
        """
        event = self.events[position]
        inner = parts(event)
        origin = event.origin or (inner[0].origin if inner else None)
        if origin is None:
            return ""
        places = [origin.coord, *(frame.call for frame in origin.stack)]
        coord = places[0]
        if isinstance(event, Store):
            coord = next((c for c in places if c.file.endswith(".c")), coord)
        return f"at {coord.file.rsplit('/', 1)[-1]}:{coord.line}"


def _completes(event: Event) -> bool:
    return (
        isinstance(event, Barrier)
        and event.kind is BarrierKind.DSB
        and event.access is Access.ALL
    )
