"""The steps of a state: what any PE may do next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reference_model.events import Access as Covered
from reference_model.events import BarrierKind, Domain
from reference_model.exploration import contexts as registers_of
from reference_model.exploration.accesses import Accesses
from reference_model.exploration.exceptions import entered, synchronised
from reference_model.exploration.filling import (
    completed,
    issued,
    refilled,
    view_of,
)
from reference_model.exploration.matching import Maintenance, issue
from reference_model.exploration.ordering import Code
from reference_model.exploration.performing import in_flight, seen_locally
from reference_model.exploration.program import (
    Barrier,
    Eret,
    ExceptionEntry,
    Instruction,
    Isb,
    Load,
    Msr,
    Store,
    Tlbi,
    Wait,
)
from reference_model.exploration.state import (
    DONE,
    WAITING,
    Cell,
    PeState,
    State,
    put,
)
from reference_model.exploration.world import World
from reference_model.unmodelled import Unmodelled

__all__ = ["Step", "Steps", "start"]


class Step(NamedTuple):
    """Instruction ``place`` of a PE did ``what``."""

    pe: int
    place: int
    label: str
    what: str

    def __str__(self) -> str:
        return f"PE {self.pe}: {self.label}: {self.what}"


class Steps:
    """All steps of a program's states."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._accesses = Accesses(world)

    def of(self, state: State) -> Iterator[tuple[Step, State]]:
        """List every step that some PE may take."""
        for number in range(len(state.pes)):
            yield from self.of_pe(state, number)

    def of_pe(self, state: State, number: int) -> Iterator[tuple[Step, State]]:
        """List the steps of one PE."""
        pe = state.pes[number]
        code = self.world.code(number, pe.faults)
        for place in range(len(code.instructions)):
            if not pe.done >> place & 1:
                yield from self.of_place(state, number, code, place)

    def of_place(
        self, state: State, number: int, code: Code, place: int
    ) -> Iterator[tuple[Step, State]]:
        """List the steps of one instruction that is not complete."""
        one = code.instructions[place]
        if isinstance(one, Load | Wait | Store):
            found = self._accesses.of(state, number, code, place, one)
        else:
            pe = state.pes[number]
            needs = code.constraints[place]
            if needs.perform & ~pe.done or needs.clear & ~pe.known:
                return
            found = self._take(state, number, place, one)
        for what, after in found:
            yield Step(number, place, one.label or str(place), what), after

    def _take(
        self, state: State, number: int, place: int, one: Instruction
    ) -> Iterator[tuple[str, State]]:
        pe = _finish(state.pes[number], place)
        match one:
            case Barrier() if one.kind is BarrierKind.DMB:
                yield "orders", put(state, number, pe)
            case Barrier():
                yield from self._dsb(state, number, place, one, pe)
            case Tlbi():
                yield "is issued", self._tlbi(state, number, place, one, pe)
            case Isb():
                yield "synchronises", self._changed(state, number, synchronised(pe))
            case Msr():
                new = registers_of.written(pe.registers, one.register, one.value)
                pe = pe._replace(registers=new)
                what = "writes, not yet synchronised"
                yield what, self._changed(state, number, pe)
            case Eret():
                if pe.el != 2:
                    raise Unmodelled(f"ERET at EL{pe.el}")
                pe = synchronised(pe)._replace(el=1, draining=(), after_entry=())
                yield "returns to EL1", self._changed(state, number, pe)
            case ExceptionEntry():
                yield (
                    "enters EL2",
                    self._changed(state, number, entered(self.world, pe, 2)),
                )
            case _:
                raise Unmodelled(f"{type(one).__name__} in an exploration")

    def _changed(self, state: State, number: int, pe: PeState) -> State:
        return put(state, number, refilled(self.world, number, state.memory, pe))

    # ------------------------------------------------------- TLB maintenance

    def _tlbi(
        self, state: State, number: int, place: int, one: Tlbi, pe: PeState
    ) -> State:
        profile = self.world.program.profile
        op = issue(
            number,
            place,
            one.op,
            one.operand,
            registers_of.vmids(pe.registers, profile.vmid_bits),
            profile,
            self.world.readings,
            force_broadcast=pe.el == 1 and registers_of.broadcasts(pe.registers),
        )
        if self.world.repeat and op.broadcast:
            pe = pe._replace(unfinished=(*pe.unfinished, op))
        pes = list(state.pes)
        pes[number] = pe
        for other, each in enumerate(pes):
            if op.broadcast or other == number:
                pes[other] = refilled(self.world, other, state.memory, issued(each, op))
        return state._replace(pes=tuple(pes))

    def _dsb(
        self, state: State, number: int, place: int, one: Barrier, pe: PeState
    ) -> Iterator[tuple[str, State]]:
        """R_PSMWS, R_YNJCP: completes TLBIs if it covers loads and stores."""
        local = one.domain is Domain.NSH
        if local and one.access is not Covered.LD:
            code = self.world.code(number, pe.faults)
            pe = seen_locally(pe, code, place)
        if one.access is not Covered.ALL:
            yield "completes", self._changed(state, number, pe)
            return
        pe = pe._replace(draining=(), after_entry=())
        owed: tuple[Maintenance, ...] = ()
        if self.world.repeat and not local and pe.unfinished:
            # The erratum: what was complete before waits for this one (F6.5).
            owed = pe.owed
            pe = pe._replace(unfinished=(), owed=pe.unfinished)
        state = put(state, number, pe)
        reached = (number,) if local else tuple(range(len(state.pes)))
        after = self._completed(state, number, reached, owed, nxs=one.nxs)
        if after is not None:
            yield "completes", after

    def _completed(
        self,
        state: State,
        number: int,
        reached: tuple[int, ...],
        owed: tuple[Maintenance, ...],
        *,
        nxs: bool,
    ) -> State | None:
        """Complete a PE's TLBIs on some PEs; None while accesses are in flight.

        A DSB with the nXS qualifier completes TLBIs with it only.  With the
        erratum nothing waits but for the operations that are ``owed``.
        """
        pes = list(state.pes)
        for other in reached:
            each = pes[other]
            ops = tuple(
                op
                for op in each.pending
                if op.pe == number and (op.operation.nxs or not nxs)
            )
            pes[other] = after = completed(each, ops)
            waits = owed if self.world.repeat else ops
            if other != number and in_flight(
                self.world, state.memory, after, other, waits
            ):
                return None  # R_STPSQ
        for other, each in enumerate(pes):
            pes[other] = self._refill(state, other, each)
        return state._replace(pes=tuple(pes))

    def _refill(self, state: State, number: int, pe: PeState) -> PeState:
        return refilled(self.world, number, state.memory, pe)


def start(world: World) -> State:
    """Return the state before the first step."""
    memory = tuple(Cell(world.program.memory.get(pa, 0)) for pa in world.cells)
    pes = []
    for number, thread in enumerate(world.threads):
        code = world.code(number, ())
        pe = PeState(
            (),
            thread.el,
            registers_of.initial_registers(thread.registers),
            tuple(WAITING for _ in code.instructions),
            0,
            0,
            (),
            (0,),
            0,
            (),
        )
        before = world.fill_at_start(number)
        view = view_of(world, memory, {})
        pe = pe._replace(sets=(world.tlbs.close(0, view, before),))
        pes.append(refilled(world, number, memory, pe))
    return State(memory, tuple(pes))


def _finish(pe: PeState, place: int) -> PeState:
    progress = (*pe.progress[:place], DONE, *pe.progress[place + 1 :])
    return pe._replace(progress=progress, done=pe.done | 1 << place)
