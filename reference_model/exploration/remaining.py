"""What the rest of the program may still do, whatever happens."""

from __future__ import annotations

from reference_model.exploration.program import (
    Load,
    Physical,
    Store,
    Tlbi,
    Wait,
)
from reference_model.exploration.state import PeState, State
from reference_model.exploration.world import World

__all__ = ["Remaining"]

_Cells = frozenset[int]


class Remaining:
    """The cells that instructions still to be performed may access."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[
            tuple[int, tuple[int, ...], int], tuple[_Cells, _Cells, bool]
        ] = {}

    def stored(self, state: State, number: int) -> _Cells:
        """Return where PEs other than one may still store."""
        found: _Cells = frozenset()
        for other, pe in enumerate(state.pes):
            if other != number:
                found |= self._of(other, pe)[0]
        return found

    def touched(self, state: State, number: int) -> _Cells:
        """Return what PEs other than one may still load or store."""
        found: _Cells = frozenset()
        for other, pe in enumerate(state.pes):
            if other != number:
                found |= self._of(other, pe)[1]
        return found

    def walked(self, state: State) -> bool:
        """Tell whether any PE may still store where a walk reads."""
        walked = self._world.walked_set
        return any(
            not walked.isdisjoint(self._of(number, pe)[0])
            for number, pe in enumerate(state.pes)
        )

    def maintained(self, state: State) -> bool:
        """Tell whether a TLBI is still to be issued or to be completed."""
        return any(
            pe.pending or self._of(number, pe)[2] for number, pe in enumerate(state.pes)
        )

    def _of(self, number: int, pe: PeState) -> tuple[_Cells, _Cells, bool]:
        key = (number, pe.faults, pe.done)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._work_out(number, pe)
        return found

    def _work_out(self, number: int, pe: PeState) -> tuple[_Cells, _Cells, bool]:
        code = self._world.code(number, pe.faults)
        left = [
            one
            for place, one in enumerate(code.instructions)
            if not pe.done >> place & 1
        ]
        handler = self._world.threads[number].on_fault
        if handler and not pe.faults:
            left += handler
        stored: set[int] = set()
        touched: set[int] = set()
        maintains = False
        for one in left:
            maintains = maintains or isinstance(one, Tlbi)
            if isinstance(one, Load | Wait | Store):
                if isinstance(one.address, Physical):
                    cells = frozenset({one.address.pa})
                else:
                    cells = self._world.targets.get(one.address.va, frozenset())
                touched |= cells
                if isinstance(one, Store):
                    stored |= cells
        return frozenset(stored), frozenset(touched), maintains
