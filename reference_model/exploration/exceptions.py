"""Exceptions and context synchronisation of one PE."""

from __future__ import annotations

from reference_model.exploration import contexts as registers_of
from reference_model.exploration.state import PeState
from reference_model.exploration.world import World

__all__ = ["entered", "synchronised"]


def synchronised(pe: PeState) -> PeState:
    """Let every register have the last value written to it (R_VNRFW)."""
    return pe._replace(registers=registers_of.synchronised(pe.registers))


def entered(world: World, pe: PeState, el: int) -> PeState:
    """Take an exception to an EL: a context synchronisation event.

    Walks begun at EL1 may go on at EL2, until a DSB (R_LFHQG, I_QVPYJ).
    """
    draining, after_entry = pe.draining, pe.after_entry
    if pe.el == 1 and el == 2 and not world.assumptions.drain_ptw:
        bits = world.program.profile.vmid_bits
        draining = registers_of.contexts(pe.registers, bits)
        after_entry = ()
    return synchronised(pe)._replace(el=el, draining=draining, after_entry=after_entry)
