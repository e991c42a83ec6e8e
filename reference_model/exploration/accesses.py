"""Loads and stores up to where they are performed: translated, or faulting."""

from __future__ import annotations

from collections.abc import Iterator

from reference_model.exploration.exceptions import entered
from reference_model.exploration.filling import refilled, translations
from reference_model.exploration.ordering import Code
from reference_model.exploration.performing import moved_to, overtaken, performed
from reference_model.exploration.program import (
    FaultKind,
    Load,
    Physical,
    Store,
    Tlbi,
    Wait,
)
from reference_model.exploration.state import (
    WAITING,
    Access,
    PeState,
    State,
    Status,
    put,
)
from reference_model.exploration.tlbs import Translation
from reference_model.exploration.world import World

__all__ = ["Accesses"]


class Accesses:
    """The steps of explicit accesses."""

    def __init__(self, world: World) -> None:
        self._world = world

    def of(
        self,
        state: State,
        number: int,
        code: Code,
        place: int,
        one: Load | Wait | Store,
    ) -> Iterator[tuple[str, State]]:
        """List the steps that an access which is not performed may take."""
        now = state.pes[number].progress[place]
        if isinstance(one.address, Physical):
            yield from performed(
                self._world, state, number, code, place, one.address.pa
            )
        elif now.status == Status.WAITING:
            yield from self._translate(state, number, code, place, one)
        elif now.status == Status.TRANSLATED:
            yield from performed(self._world, state, number, code, place, now.pa)
        else:
            yield from self._fault(state, number, code, place)

    # ------------------------------------------------------------- translate

    def _translate(
        self,
        state: State,
        number: int,
        code: Code,
        place: int,
        one: Load | Wait | Store,
    ) -> Iterator[tuple[str, State]]:
        """Choose an entry or a walk; a walk that faults reads memory (R_XCLRD)."""
        pe = state.pes[number]
        if code.constraints[place].translate & ~pe.done:
            return
        for found in translations(self._world, state.memory, pe, one, pe.el):
            if found.fault is not None:
                if self._fault_early(pe, code, place, found):
                    continue
                access = Access(Status.FAULTED, entry=found.entry, fault=found.fault)
                what = f"finds a {found.fault}"
                yield what, put(state, number, moved_to(pe, place, access))
                continue
            access = Access(Status.TRANSLATED, found.pa, found.entry)
            moved = moved_to(pe, place, access)
            moved = moved._replace(known=moved.known | 1 << place)
            if isinstance(one, Store) and overtaken(moved, code, place, number):
                continue
            by = "" if found.entry < 0 else f" by {self._world.tlbs.entry(found.entry)}"
            yield f"is translated to {found.pa:#x}{by}", put(state, number, moved)

    def _fault_early(
        self, pe: PeState, code: Code, place: int, found: Translation
    ) -> bool:
        """Tell whether FEAT_ETS2 or 3 forbids so early a walk (R_NNFPF)."""
        assert found.fault is not None
        ets = self._world.ets
        from_memory = found.fault.kind is not FaultKind.PERMISSION
        ordered = ets >= 3 or (ets == 2 and from_memory)
        earlier = code.explicit & ((1 << place) - 1)
        return ordered and bool(earlier & ~pe.done)

    # ----------------------------------------------------------------- fault

    def _fault(
        self, state: State, number: int, code: Code, place: int
    ) -> Iterator[tuple[str, State]]:
        """Take a fault: precise, and a context synchronisation event."""
        pe = state.pes[number]
        below = (1 << place) - 1
        if code.constraints[place].taken & ~pe.done:
            return
        if code.virtual & below & ~pe.known:
            return
        if any(
            isinstance(one, Tlbi) and pe.done >> later & 1
            for later, one in enumerate(code.instructions)
            if later > place
        ):
            return  # then it was no instruction of this execution
        fault = pe.progress[place].fault
        assert fault is not None
        taken = Access(Status.DONE, entry=pe.progress[place].entry, fault=fault)
        faults = (*pe.faults, place)
        rest = len(self._world.code(number, faults).instructions) - place - 1
        pe = pe._replace(
            faults=faults,
            progress=(*pe.progress[:place], taken, *(WAITING,) * rest),
            done=pe.done & below | 1 << place,
            known=pe.known & below,
            own=pe.own & below,
        )
        target = self._world.threads[number].fault_to
        if target is None:
            target = 2 if fault.stage == 2 else pe.el
        pe = refilled(
            self._world, number, state.memory, entered(self._world, pe, target)
        )
        yield f"takes a {fault}", put(state, number, pe)
