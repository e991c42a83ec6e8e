"""Translates a trace into the events of the reference machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.errors import ParseError
from harness.litmus.instructions import (
    At,
    Barrier,
    CacheOp,
    Cell,
    Drop,
    Entry,
    Eret,
    Free,
    Hvc,
    Instruction,
    IotlbFlush,
    Isb,
    LockOp,
    Msr,
    Number,
    Place,
    Release,
    Scrub,
    Store,
    Tlbi,
    Zero,
)
from harness.litmus.names import AddressKind
from harness.litmus.operand import operand
from harness.litmus.register_value import register_value, start_registers
from harness.litmus.test import Test, TraceStep
from harness.litmus.world import World
from reference_model import events
from reference_model.coordinates import Origin
from reference_model.profiles import Profile
from reference_model.shareability import Iommu
from reference_model.start import Start

__all__ = ["Trace", "events_of", "start_of"]

Trace = tuple[events.Event, ...]


def start_of(test: Test, world: World, profile: Profile) -> Start:
    """Return the state that a trace starts in."""
    registers = tuple(
        start_registers(test, world, pe.context, profile.vmid_bits) for pe in test.pes
    )
    domains = tuple(pe.domain for pe in test.pes)
    inner = domains if any(domains) else ()
    iommus = tuple(
        Iommu(
            world.register("VTTBR_EL2", line.context),
            start_registers(test, world, line.context, profile.vmid_bits)["VTCR_EL2"],
            line.coherent,
        )
        for line in test.iommus
    )
    return Start(
        len(test.pes),
        dict(world.descriptors),
        registers,
        inner=inner,
        conflict_aborts_handled=test.conflict_aborts_handled,
        iommus=iommus,
    )


def events_of(test: Test, world: World, steps: Sequence[TraceStep]) -> Trace:
    """Return the events of a trace, PEs that start at EL1 entering it first."""
    found: list[events.Event] = [
        events.Eret(pe.number, origin=Origin(pe.coord, test.name))
        for pe in test.pes
        if pe.el == 1 and pe.coord is not None
    ]
    translator = _Translator(test, world)
    for step in steps:
        found.extend(translator.translate(step.pe, step.instruction))
    return tuple(found)


class _Translator:
    def __init__(self, test: Test, world: World) -> None:
        self._test = test
        self._world = world

    def translate(self, pe: int, each: Instruction) -> Iterator[events.Event]:
        """Yield the event of an instruction."""
        origin = Origin(each.coord, self._test.name)
        world = self._world
        context = self._test.pes[pe].context
        match each:
            case Store():
                yield self._store(pe, each, context, origin)
            case Tlbi():
                value = operand(each, world, context)
                yield self._repeated(
                    each, events.Tlbi(pe, each.op, value, origin=origin)
                )
            case Barrier(kind=kind, domain=domain, access=access, nxs=nxs):
                yield events.Barrier(pe, kind, domain, access, nxs, origin=origin)
            case Msr():
                value = register_value(each, world, self._test)
                yield events.Msr(pe, each.register, value, origin=origin)
            case At(op=op, operand=address):
                number = world.names.number(address)
                yield events.At(pe, op, number, origin=origin)
            case CacheOp(op=op, place=place):
                where = 0 if place is None else self._place(place, context)
                yield events.CacheOp(pe, op, where, origin=origin)
            case Drop(address=address, size=size):
                number = world.names.number(address, AddressKind.PA)
                yield events.PageRelease(pe, number, size, origin=origin)
            case Scrub(address=address, size=size):
                number = world.names.number(address, AddressKind.PA)
                yield events.PageScrub(pe, number, size, origin=origin)
            case _:
                yield self._simple(pe, each, origin)

    def _simple(self, pe: int, each: Instruction, origin: Origin) -> events.Event:
        size = self._world.granule.bytes
        match each:
            case Isb():
                return events.Isb(pe, origin=origin)
            case Eret():
                return events.Eret(pe, origin=origin)
            case Hvc():
                return events.ExceptionEntry(pe, origin=origin)
            case Release(what=what):
                return events.Release(pe, what, origin=origin)
            case Free(table=table):
                page = self._world.table(table, each.coord)
                return events.TableFree(pe, page, size, origin=origin)
            case Zero(table=table):
                page = self._world.table(table, each.coord)
                return events.Zero(pe, page, size, origin=origin)
            case IotlbFlush(iommu=iommu):
                return self._iotlb(pe, each, iommu, origin)
            case LockOp(name=name, taken=True):
                return events.Lock(pe, name, origin=origin)
            case LockOp(name=name):
                return events.Unlock(pe, name, origin=origin)
        raise ParseError(f"'{each.text}' does not belong into a trace", each.coord)

    def _repeated(self, each: Tlbi, tlbi: events.Tlbi) -> events.Event:
        if each.times == 1:
            return tlbi
        stride = self._world.granule.bytes >> 12
        return events.Repeat(
            tlbi.pe, (tlbi,), each.times, (stride,), origin=tlbi.origin
        )

    def _iotlb(
        self, pe: int, each: Instruction, iommu: int, origin: Origin
    ) -> events.IommuFlush:
        if iommu >= len(self._test.iommus):
            raise ParseError(f"no IOMMU {iommu}: it needs an iommu line", each.coord)
        return events.IommuFlush(pe, iommu, origin=origin)

    def _store(
        self, pe: int, each: Store, context: str, origin: Origin
    ) -> events.Store:
        release = each.op == "STLR"
        if isinstance(each.value, Entry):
            if not isinstance(each.place, Cell):
                raise ParseError("a descriptor goes into S1(), S2() or H()", each.coord)
            pa, value = self._world.stored(each.value, each.place, context)
        elif isinstance(each.value, Number):
            pa, value = self._place(each.place, context), each.value.value
        else:
            raise ParseError("a trace has no registers: write a number", each.coord)
        return events.Store(pe, pa, value, release, origin=origin)

    def _place(self, place: Place, context: str) -> int:
        if isinstance(place, Cell):
            return self._world.cell(place, context)[0]
        return self._world.names.number(place, AddressKind.PA)
