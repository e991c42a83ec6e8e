"""What surrounds the stage-2 code when a PE enters and leaves a guest.

This part is modelled, not run: ``ctxt_switch_from()`` and ``ctxt_switch_to()``
of ``xen/arch/arm/domain.c`` are lists of system register accesses around
``p2m_save_state()`` and ``p2m_restore_state()``, which are run.  Kept are the
registers that stage 1 depends on and every ISB, in the order of the source.
The barriers of the interrupt controller are left out: a GICv2 has none.  So
are those of the SError handling on the way to the guest: they can be turned
off on the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reference_model.events import Event, Isb, Msr

__all__ = ["STAGE1_SCTLR", "Stage1", "after_restore", "after_save", "before_restore"]

_TCR = 0x0000_0001_3519_3519  # 39-bit VAs, 4 KiB granule, inner shareable, WBWA
_MAIR = 0x0000_00FF_4404_0C00
STAGE1_SCTLR = 0x30D0_199D  # MMU and caches on
_ASID = 1  # every vCPU uses the same, which is the worst case


class Emitter(Protocol):
    """Something that records an event."""

    def emit(self, event: Event) -> None:
        """Record one event."""


@dataclass(frozen=True, slots=True)
class Stage1:
    """A vCPU's stage-1 registers, distinct in the table root."""

    table: int  # IPA of its own translation tables

    @property
    def registers(self) -> tuple[tuple[str, int], ...]:
        """Name and value in the order in which they are restored."""
        return (
            ("TCR_EL1", _TCR),
            ("TTBR0_EL1", _ASID << 48 | self.table),
            ("TTBR1_EL1", _ASID << 48 | self.table + 0x1000),
            ("MAIR_EL1", _MAIR),
        )


def after_save(world: Emitter, pe: int) -> None:
    """End of ctxt_switch_from(), after p2m_save_state()."""
    world.emit(Isb(pe))  # after the timer, before the stage-1 registers are read
    world.emit(Isb(pe))  # after the interrupt controller


def before_restore(world: Emitter, pe: int, stage1: Stage1) -> None:
    """Start of ctxt_switch_to(), up to p2m_restore_state()."""
    for register, value in stage1.registers:
        world.emit(Msr(pe, register, value))
    world.emit(Isb(pe))


def after_restore(world: Emitter, pe: int) -> None:
    """End of ctxt_switch_to(), after p2m_restore_state()."""
    world.emit(Msr(pe, "CONTEXTIDR_EL1", 0))
    world.emit(Isb(pe))  # after CPTR_EL2, before the floating point registers
    world.emit(Isb(pe))  # after CSSELR_EL1
