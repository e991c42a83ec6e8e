"""The guests of a casemate log.

A log says which stage 2 each thread has loaded, but not when a guest runs.  So
whatever a thread has loaded while it holds no lock runs: on one more PE, which
does what the thread does not see (or, on a machine where no other PE runs the
guest, on the thread's own PE before it enters the hypervisor).  Under a lock a
thread is in the hypervisor, and what it loads there is for TLBIs.
"""

from __future__ import annotations

from collections.abc import Iterator

from reference_model.coordinates import Origin
from reference_model.events import (
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Msr,
)
from reference_model.sysregs import EL2_REGISTERS

__all__ = ["DEFAULT_REGISTERS", "START_REGISTERS", "Guest", "stage2_control"]

_SCTLR_M = 1 << 0
_HCR_VM = 1 << 0
_HCR_FB = 1 << 9  # the log tells nothing about TLBIs of the guest
_VTCR_VS = 1 << 19  # an id has 16 bits


def stage2_control(value: int) -> int:
    """Return VTCR_EL2 with the start level that a log means.

    Where SL0 does not fit the input size, the size alone counts: logs leave
    SL0 out.  Identifiers have 16 bits.
    """
    bits = 64 - (value & 0x3F)
    level = 2 - ((value >> 6) & 3)
    resolved = 12 + 9 * (4 - level)  # by the start level's table and below
    if (value >> 14) & 3 == 0 and not resolved - 9 < bits <= resolved + 4:
        level = (48 - bits) // 9
        value = value & ~(3 << 6) | ((2 - level) & 3) << 6
    return value | _VTCR_VS


# What a log that does not write them starts with: 4 KiB granule, 48-bit
# addresses, both translations on.
DEFAULT_REGISTERS = {
    "HCR_EL2": _HCR_VM,
    "VTCR_EL2": stage2_control(16),
    "TCR_EL2": 16,
    "SCTLR_EL2": _SCTLR_M,
}
# EL2's own translation has no root before the log names one.
START_REGISTERS = {**DEFAULT_REGISTERS, "SCTLR_EL2": 0}


class Guest:
    """The guest that one thread has loaded, and the PE ``pe`` that it runs on.

    With ``beside`` that is a PE of its own; without it, the thread's.
    """

    def __init__(self, pe: int, *, beside: bool) -> None:
        self._pe = pe
        self._beside = beside
        self._registers = dict(DEFAULT_REGISTERS)
        self._loaded: dict[str, int] | None = None  # what runs
        self._due = False
        self._own: dict[str, int] = {}  # EL2's own registers, still to be written

    def write(self, register: str, value: int) -> None:
        """Note a write of a register by the thread."""
        if register in ("HCR_EL2", "VTCR_EL2", "VTTBR_EL2"):
            self._registers[register] = value
            self._due = True
        elif register in EL2_REGISTERS and self._beside:
            self._own[register] = value
            self._due = True

    @property
    def due(self) -> bool:
        """Tell whether something happens when the thread holds no lock."""
        return self._due or not self._beside

    @property
    def vttbr(self) -> int | None:
        """Return what the thread has loaded, None if nothing so far."""
        return self._registers.get("VTTBR_EL2")

    @property
    def enabled(self) -> bool:
        """Tell whether there is a guest: stage 2 is on and has a root."""
        return bool(self._registers["HCR_EL2"] & _HCR_VM) and self.vttbr is not None

    def hypervisor_left(self, origin: Origin | None) -> Iterator[Event]:
        """Yield what happens when the thread holds no lock."""
        if not self._beside:
            self._due = True
        elif self._due:
            yield from self._switched(origin)

    def hypervisor_entered(self, origin: Origin | None) -> Iterator[Event]:
        """Yield what happened just before the thread does something."""
        if self._beside or not self._due:
            return
        self._due = False
        if self.enabled:
            # Its own registers are those of the guest; FB as everywhere.
            yield Msr(
                self._pe,
                "HCR_EL2",
                self._registers["HCR_EL2"] | _HCR_FB,
                origin=origin,
            )
            yield Eret(self._pe, origin=origin)
            yield ExceptionEntry(self._pe, origin=origin)

    def _switched(self, origin: Origin | None) -> Iterator[Event]:
        self._due = False
        wanted = dict(self._registers) if self.enabled else None
        if wanted == self._loaded and not self._own:
            return
        if self._loaded is not None:
            yield ExceptionEntry(self._pe, origin=origin)
            # What it began to walk ends here; the thread waits for none of it.
            yield Barrier(self._pe, BarrierKind.DSB, Domain.NSH, origin=origin)
        for register, value in self._own.items():
            yield Msr(self._pe, register, value, origin=origin)
            yield Isb(self._pe, origin=origin)
        self._own.clear()
        self._loaded = wanted
        if wanted is None:
            return
        for register in ("VTCR_EL2", "VTTBR_EL2"):
            yield Msr(self._pe, register, wanted[register], origin=origin)
        hcr = wanted["HCR_EL2"] | _HCR_FB
        yield Msr(self._pe, "HCR_EL2", hcr, origin=origin)
        yield Isb(self._pe, origin=origin)
        yield Eret(self._pe, origin=origin)
