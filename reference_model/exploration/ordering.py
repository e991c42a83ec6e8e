"""What must be complete before an instruction may take its steps.

An access is complete when performed, a barrier when it has taken effect, a
TLBI when issued.  Instructions are bits of a mask, by their place.  Order
between accesses to one location depends on addresses, and is kept by the steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reference_model.events import Access, BarrierKind, Domain
from reference_model.exploration.program import (
    Barrier,
    Eret,
    ExceptionEntry,
    Instruction,
    Isb,
    Load,
    Msr,
    Order,
    Reg,
    Store,
    Tlbi,
    Virtual,
    Wait,
)

__all__ = ["Code", "Constraints", "constrain"]


class Constraints(NamedTuple):
    """What one instruction waits for.

    ``perform``: complete before it performs.  ``translate``: complete before
    its address may be translated.  ``fault``: complete before its fault counts
    as observed, ``taken``: before it is taken.  ``clear``: accesses that must
    be known not to fault before it performs.
    """

    perform: int = 0
    translate: int = 0
    fault: int = 0
    clear: int = 0
    taken: int = 0


class Code(NamedTuple):
    """Instructions in program order with their constraints.

    ``sources`` gives, for a store of a register, the place that wrote it (-1
    for none).  ``explicit`` marks the accesses.
    """

    instructions: tuple[Instruction, ...]
    constraints: tuple[Constraints, ...]
    sources: tuple[int, ...]
    explicit: int
    virtual: int


class _Placed(NamedTuple):
    """An instruction with the places its operands and branches come from."""

    place: int
    one: Instruction
    address: int
    data: int
    source: int
    control: int
    taken: bool  # it has faulted

    @property
    def bit(self) -> int:
        return 1 << self.place

    @property
    def access(self) -> bool:
        return isinstance(self.one, Load | Wait | Store) and not self.taken

    @property
    def store(self) -> bool:
        return isinstance(self.one, Store)

    @property
    def virtual(self) -> bool:
        return self.access and isinstance(self.one.address, Virtual)  # type: ignore[attr-defined]

    @property
    def order(self) -> Order:
        if self.access:
            return self.one.order  # type: ignore[attr-defined, no-any-return]
        return Order.PLAIN

    @property
    def synchronising(self) -> bool:
        """Tell whether it is a context synchronisation event (FEAT_ExS: off)."""
        return self.taken or isinstance(self.one, Isb | Eret | ExceptionEntry)

    def barrier(self, kind: BarrierKind) -> Barrier | None:
        if isinstance(self.one, Barrier) and self.one.kind is kind:
            return self.one
        return None


def constrain(
    instructions: tuple[Instruction, ...], ets: int, taken: frozenset[int] = frozenset()
) -> Code:
    """Work out the constraints; those at ``taken`` have faulted.

    Taking a fault synchronises the context, and nothing waits for it.
    """
    placed = _place(instructions, taken)
    constraints = tuple(
        _of_taken(placed[: me.place])
        if me.taken
        else _constraints(placed[: me.place], me, ets)
        for me in placed
    )
    sources = tuple(me.source for me in placed)
    explicit = sum(me.bit for me in placed if me.access)
    virtual = sum(me.bit for me in placed if me.virtual)
    return Code(instructions, constraints, sources, explicit, virtual)


def _place(
    instructions: tuple[Instruction, ...], taken: frozenset[int]
) -> list[_Placed]:
    written: dict[str, int] = {}
    control = 0
    found: list[_Placed] = []
    for place, one in enumerate(instructions):
        control |= _mask(written, one.control_from)
        data, source = 0, -1
        if isinstance(one, Store):
            data = _mask(written, one.data_from)
            if isinstance(one.value, Reg):
                source = written.get(one.value.name, -1)
                data |= _mask(written, (one.value.name,))
        address = _mask(written, one.address_from)
        taken_here = place in taken
        found.append(_Placed(place, one, address, data, source, control, taken_here))
        if isinstance(one, Load | Wait):
            written[one.register] = place
        if isinstance(one, Wait):
            control |= 1 << place
    return found


def _mask(written: dict[str, int], names: tuple[str, ...]) -> int:
    return sum({1 << written[name] for name in names if name in written})


def _constraints(earlier: list[_Placed], me: _Placed, ets: int) -> Constraints:
    if me.access:
        return _of_access(earlier, me, ets)
    if isinstance(me.one, Barrier):
        if me.one.kind is BarrierKind.DMB:
            return Constraints(_of_dmb(earlier, me.one))
        return _of_dsb(earlier, me.one)
    if isinstance(me.one, Tlbi):
        # Only a DSB orders what comes before; DSB-ob, ctrl, addr.
        waits = sum(
            e.bit
            for e in earlier
            if e.barrier(BarrierKind.DSB) or e.synchronising or isinstance(e.one, Msr)
        )
        return Constraints(waits | me.control | me.address)
    # Register writes and synchronisation are never speculative.
    serial = sum(e.bit for e in earlier if not e.access and not _is_dmb(e))
    addresses = _union(e.address for e in earlier)
    clear = sum(e.bit for e in earlier if e.virtual)
    return Constraints(serial | me.control | addresses, clear=clear)


def _is_dmb(e: _Placed) -> bool:
    return e.barrier(BarrierKind.DMB) is not None


def _union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _of_access(earlier: list[_Placed], me: _Placed, ets: int) -> Constraints:
    perform = me.address | me.data
    translate = me.address
    fault = clear = 0
    taken = me.control | me.address
    for e in earlier:
        if _bars(e, me):
            perform |= e.bit
        if _bars_fault(e):
            fault |= e.bit
        if e.synchronising:
            translate |= e.bit
            perform |= e.bit
        if ets >= 2 and e.barrier(BarrierKind.DSB):
            translate |= e.bit  # DSB-ob to walks with FEAT_ETS2
        if e.synchronising or e.barrier(BarrierKind.DSB) or isinstance(e.one, Msr):
            # A DMB orders the fault, but not all that runs after taking it.
            taken |= e.bit
        taken |= e.address
        if e.virtual:
            clear |= e.bit
    if me.store:
        perform |= me.control | _union(e.address for e in earlier)
        return Constraints(perform, translate, fault, clear, taken)
    return Constraints(perform, translate, fault, 0, taken)


def _orders(e: _Placed) -> bool:
    """Tell whether a barrier orders for other PEs at all.

    One of the non-shareable domain does not, except that a DSB completes.
    """
    assert isinstance(e.one, Barrier)
    return e.one.kind is BarrierKind.DSB or e.one.domain is not Domain.NSH


def _bars(e: _Placed, me: _Placed) -> bool:
    """Tell whether an earlier instruction is before an access as such."""
    if isinstance(e.one, Barrier):
        if e.one.kind is BarrierKind.DSB:
            return True
        return _orders(e) and (e.one.access is not Access.ST or me.store)
    if not e.access:
        return False
    if e.order in (Order.ACQUIRE, Order.ACQUIRE_PC):
        return True
    if me.order is Order.RELEASE:
        return True
    return e.order is Order.RELEASE and me.order is Order.ACQUIRE


def _of_taken(earlier: list[_Placed]) -> Constraints:
    return Constraints(fault=sum(e.bit for e in earlier if _bars_fault(e)))


def _bars_fault(e: _Placed) -> bool:
    """Tell whether an earlier instruction is before any fault of a later access.

    Release and acquire order accesses that happen; a DMB ST orders all faults.
    """
    if isinstance(e.one, Barrier):
        return _orders(e)
    acquires = e.order in (Order.ACQUIRE, Order.ACQUIRE_PC)
    return e.synchronising or (e.access and acquires)


def _of_dmb(earlier: list[_Placed], barrier: Barrier) -> int:
    return sum(e.bit for e in earlier if e.access and _covered(e, barrier))


def _covered(e: _Placed, barrier: Barrier) -> bool:
    if barrier.access is Access.ALL:
        return True
    return e.store == (barrier.access is Access.ST)


def _of_dsb(earlier: list[_Placed], barrier: Barrier) -> Constraints:
    """DSBs wait for the accesses they cover, and for one another.

    One of the non-shareable domain does not wait until a store is performed
    for every PE; it only has to be certain (``clear``, data, branches).
    """
    perform = clear = 0
    for e in earlier:
        if e.access and _covered(e, barrier):
            if e.store and barrier.domain is Domain.NSH:
                perform |= e.data | e.control | e.address
                clear |= sum(o.bit for o in earlier[: e.place + 1] if o.virtual)
            else:
                perform |= e.bit
        elif isinstance(e.one, Tlbi):
            perform |= e.bit if barrier.access is Access.ALL else 0
        elif not e.access and not _is_dmb(e):
            perform |= e.bit
    return Constraints(perform, clear=clear)
