"""What surrounds the stage-2 code when a PE enters and leaves a guest.

This part is modelled, not run: ``ctxt_switch_from()`` and ``ctxt_switch_to()``
of ``xen/arch/arm/domain.c`` are lists of system register accesses around
``p2m_save_state()`` and ``p2m_restore_state()``, which are run.  Kept are the
registers that stage 1 depends on and every ISB, in the order of the source.
The barriers of the interrupt controller are left out: a GICv2 has none.  So
are those of the SError handling on the way to the guest: they can be turned
off on the command line.

Up to 4.11 stage 2 came first: ``p2m_restore_state()`` was called before the
stage-1 registers were restored.  The order is read from the tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import TreeError
from reference_model.events import Event, Isb, Msr

__all__ = [
    "STAGE1_SCTLR",
    "Stage1",
    "after_restore",
    "after_save",
    "restore_stage1",
    "stage1_comes_first",
]

_FILE = "xen/arch/arm/domain.c"
_SWITCH = re.compile(r"^static void ctxt_switch_to\(.*?^}", re.MULTILINE | re.DOTALL)
_STAGE1 = re.compile(r"\bTTBR0_EL1\b")
_STAGE2 = re.compile(r"\b(?:p2m_restore_state|p2m_load_VTTBR)\(")
_TCR = 0x0000_0001_3519_3519  # 39-bit VAs, 4 KiB granule, inner shareable, WBWA
_TTBCR = 0xB519_3519  # the same with EAE: the long-descriptor format
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

    def registers(self, aarch32: bool) -> tuple[tuple[str, int], ...]:
        """Return name and value in the order in which they are restored."""
        return (
            ("TCR_EL1", _TTBCR if aarch32 else _TCR),
            ("TTBR0_EL1", _ASID << 48 | self.table),
            ("TTBR1_EL1", _ASID << 48 | self.table + 0x1000),
            ("MAIR_EL1", _MAIR),
        )


def after_save(world: Emitter, pe: int) -> None:
    """End of ctxt_switch_from(), after p2m_save_state()."""
    world.emit(Isb(pe))  # after the timer, before the stage-1 registers are read
    world.emit(Isb(pe))  # after the interrupt controller


def stage1_comes_first(root: Path) -> bool:
    """Tell whether the tree restores the stage-1 registers before stage 2."""
    path = root / _FILE
    if not path.is_file():
        return True
    text = path.read_text(encoding="utf-8", errors="replace")
    body = _SWITCH.search(text)
    stage1 = body and _STAGE1.search(body[0])
    stage2 = body and _STAGE2.search(body[0])
    if not stage1 or not stage2:
        raise TreeError(
            f"no ctxt_switch_to() that restores TTBR0_EL1 and stage 2 in {_FILE}"
        )
    return stage1.start() < stage2.start()


def restore_stage1(
    world: Emitter, pe: int, stage1: Stage1, *, aarch32: bool = False
) -> None:
    """Part of ctxt_switch_to() that restores the registers of stage 1."""
    for register, value in stage1.registers(aarch32):
        world.emit(Msr(pe, register, value))
    world.emit(Isb(pe))


def after_restore(world: Emitter, pe: int) -> None:
    """End of ctxt_switch_to(), after both stages are restored."""
    world.emit(Msr(pe, "CONTEXTIDR_EL1", 0))
    world.emit(Isb(pe))  # after CPTR_EL2, before the floating point registers
    world.emit(Isb(pe))  # after CSSELR_EL1
