"""Fewer steps with the same outcomes: partial order reduction.

Two kinds, each with its proof beside it.  An *eager* step is taken alone, before
any other of the state: it commutes with every step of the other PEs, and no
outcome needs it to be later.  A *delayed* one is left out where taking it later,
together with the next step of its instruction, leads to the same.

``explore`` runs without them on request; the tests compare.
"""

from __future__ import annotations

from collections.abc import Iterator

from reference_model.addresses import PAGE_BYTES
from reference_model.events import Access as Covered
from reference_model.events import BarrierKind, Domain
from reference_model.exploration.ordering import Code
from reference_model.exploration.program import (
    Barrier,
    Instruction,
    Isb,
    Load,
    Physical,
    Store,
    Tlbi,
    Virtual,
    Wait,
)
from reference_model.exploration.remaining import Remaining
from reference_model.exploration.state import PeState, State, Status
from reference_model.exploration.steps import Step, Steps

__all__ = ["Reduced"]

Found = Iterator[tuple[Step, State]]


class Reduced:
    """The steps of a state that are enough to reach every outcome."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._world = steps.world
        self._left = Remaining(steps.world)

    def of(self, state: State) -> Found:
        """List enough of the steps of a state."""
        for number, pe in enumerate(state.pes):
            code = self._world.code(number, pe.faults)
            for place, one in enumerate(code.instructions):
                if pe.done >> place & 1:
                    continue
                if self._eager(state, number, code, place, one):
                    found = tuple(self._narrowed(state, number, code, place))
                    if found:
                        yield from found
                        return
        for number, pe in enumerate(state.pes):
            code = self._world.code(number, pe.faults)
            for place in range(len(code.instructions)):
                if not pe.done >> place & 1:
                    yield from self._narrowed(state, number, code, place)

    # ----------------------------------------------------------------- eager

    def _eager(
        self, state: State, number: int, code: Code, place: int, one: Instruction
    ) -> bool:
        pe = state.pes[number]
        if isinstance(one, Load | Wait | Store):
            return self._eager_access(state, number, code, place, one)
        needs = code.constraints[place]
        if needs.perform & ~pe.done or needs.clear & ~pe.known:
            return False
        if isinstance(one, Isb):
            # With one value in every register it only lets others go on.
            return all(len(values) == 1 for values in pe.registers)
        if isinstance(one, Tlbi):
            # It may take effect at any time from its issue on, so an early
            # issue leaves more; but an execution in which an earlier access
            # faults must still be able to go without it.
            return not code.virtual & ((1 << place) - 1) & ~pe.known
        return isinstance(one, Barrier) and self._eager_barrier(
            state, number, code, place
        )

    def _eager_barrier(self, state: State, number: int, code: Code, place: int) -> bool:
        """Tell whether a barrier does nothing but let its own PE go on.

        A DSB that has no TLBI to complete is one.
        """
        pe = state.pes[number]
        one = code.instructions[place]
        assert isinstance(one, Barrier)
        if one.kind is BarrierKind.DMB or one.access is Covered.LD:
            return True
        if one.domain is Domain.NSH and _unperformed_stores(code, pe, place):
            return False
        if one.access is Covered.ST:
            return True
        if pe.draining or pe.unfinished:
            return False
        return not any(op.pe == number for each in state.pes for op in each.pending)

    def _eager_access(
        self, state: State, number: int, code: Code, place: int, one: Instruction
    ) -> bool:
        pe = state.pes[number]
        assert isinstance(one, Load | Wait | Store)
        status = pe.progress[place].status
        if status == Status.FAULTED:
            return self._take_is_local(pe, number, place)
        needs = code.constraints[place]
        if needs.perform & ~pe.done or needs.clear & ~pe.known:
            return False
        if isinstance(one.address, Virtual) and status == Status.WAITING:
            if isinstance(one, Store) or not self._settled_walk(state, pe, code, place):
                return False
            return not any(
                self._left.stored(state, number) & {pa}
                for pa in self._world.targets.get(one.address.va, ())
            )
        pa = (
            one.address.pa
            if isinstance(one.address, Physical)
            else pe.progress[place].pa
        )
        if isinstance(one, Store):
            return self._private(state, number, pa)
        # What the load gets cannot change any more: no other PE will store
        # there, and every earlier store of its own is known to be elsewhere or
        # will be forwarded.
        if pa in self._left.stored(state, number):
            return False
        return not self._may_be_stored_before(pe, code, place, pa)

    def _private(self, state: State, number: int, pa: int) -> bool:
        """Tell whether no other PE will ever notice when a store is performed."""
        if pa in self._left.touched(state, number):
            return False
        if pa not in self._world.walked_set:
            return True
        return not any(
            self._world.code(other, each.faults).virtual & ~each.done
            for other, each in enumerate(state.pes)
        )

    def _may_be_stored_before(
        self, pe: PeState, code: Code, place: int, pa: int
    ) -> bool:
        return any(
            isinstance(one, Store)
            and isinstance(one.address, Virtual)
            and not (pe.done | pe.known) >> other & 1
            and pa in self._world.targets.get(one.address.va, ())
            for other, one in enumerate(code.instructions[:place])
        )

    def _settled_walk(self, state: State, pe: PeState, code: Code, place: int) -> bool:
        """Tell whether a load that is first in line finds all it ever can now.

        No store to a table is left, so what its PE may hold only shrinks.
        """
        below = (1 << place) - 1
        if code.explicit & below & ~pe.done or code.constraints[place].taken & ~pe.done:
            return False
        return not self._left.walked(state)

    def _take_is_local(self, pe: PeState, number: int, place: int) -> bool:
        """Tell whether taking a fault only ends the thread, or changes no EL.

        Else the handler may gain by entries that are filled before it is taken.
        """
        thread = self._world.threads[number]
        if not self._handled(pe, number):
            return True
        fault = pe.progress[place].fault
        assert fault is not None
        target = thread.fault_to
        if target is None:
            target = 2 if fault.stage == 2 else pe.el
        return target == pe.el and all(len(values) == 1 for values in pe.registers)

    # --------------------------------------------------------------- delayed

    def _narrowed(self, state: State, number: int, code: Code, place: int) -> Found:
        """List the steps of one instruction, translations with what follows them.

        An entry that an access could use stays until the access is performed,
        for a TLBI of another PE waits for it; so the access may as well be
        translated when it is performed, unless

        * a later instruction waits for the translation but not the access,
        * a TLBI of its own PE removes the entry first, or
        * the REPEAT_TLBI erratum lets a TLBI not wait.
        """
        one = code.instructions[place]
        pe = state.pes[number]
        virtual = isinstance(one, Load | Wait | Store) and isinstance(
            one.address, Virtual
        )
        if not virtual or pe.progress[place].status != Status.WAITING:
            yield from self._steps.of_place(state, number, code, place)
            return
        needs = code.constraints[place]
        ready = not (needs.perform & ~pe.done or needs.clear & ~pe.known)
        alone = (
            _waited_for(code, place, handled=self._handled(pe, number))
            or self._world.repeat
            or (not ready and _own_maintenance(code, pe, place))
        )
        for step, after in self._steps.of_place(state, number, code, place):
            now = after.pes[number].progress[place]
            if now.status == Status.FAULTED:
                yield from self._faulted(state, step, after, place)
                continue
            if ready:
                yield from self._joined(step, after, code, place)
            if alone:
                yield step, after

    def _handled(self, pe: PeState, number: int) -> bool:
        return bool(self._world.threads[number].on_fault) and not pe.faults

    def _faulted(self, before: State, step: Step, after: State, place: int) -> Found:
        """A fault that can be found later need not be found before it is taken."""
        pe = after.pes[step.pe]
        code = self._world.code(step.pe, pe.faults)
        if self._take_is_local(pe, step.pe, place):
            taken = tuple(self._joined(step, after, code, place))
            if taken:
                yield from taken
                return
        if (
            self._left.walked(before)
            or self._left.maintained(before)
            or not code.constraints[place].taken & ~pe.done
        ):
            yield step, after

    def _joined(self, step: Step, after: State, code: Code, place: int) -> Found:
        for second, last in self._steps.of_place(after, step.pe, code, place):
            yield step._replace(what=f"{step.what}, {second.what}"), last


def _waited_for(code: Code, place: int, *, handled: bool) -> bool:
    """Tell whether a later step needs the translation, but not the access.

    A later instruction that must not run before a fault does; so does taking a
    later fault, if there is more to run then, and the completion of a TLBI
    where a later access to the same offset in a page has run.
    """
    bit = 1 << place
    if any(
        n.clear & bit and not n.perform & bit for n in code.constraints[place + 1 :]
    ):
        return True
    later = [
        one.address.va
        for one in code.instructions[place + 1 :]
        if isinstance(one, Load | Wait | Store) and isinstance(one.address, Virtual)
    ]
    one = code.instructions[place]
    assert isinstance(one, Load | Wait | Store) and isinstance(one.address, Virtual)
    offset = one.address.va % PAGE_BYTES
    return any(handled or va % PAGE_BYTES == offset for va in later)


def _own_maintenance(code: Code, pe: PeState, place: int) -> bool:
    """Tell whether a DSB still before an access may complete TLBIs of its PE."""
    maintained = any(isinstance(one, Tlbi) for one in code.instructions[:place])
    return maintained and any(
        isinstance(one, Barrier)
        and one.kind is BarrierKind.DSB
        and one.access is Covered.ALL
        and not pe.done >> at & 1
        for at, one in enumerate(code.instructions[:place])
    )


def _unperformed_stores(code: Code, pe: PeState, place: int) -> bool:
    return any(
        isinstance(one, Store) and not pe.done >> at & 1
        for at, one in enumerate(code.instructions[:place])
    )
