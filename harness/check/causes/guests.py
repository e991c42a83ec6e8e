"""Repairs of what the guest's own maintenance needs from the hypervisor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.causes.edits import Drastic, Edit, Insertion
from harness.check.causes.window import Window
from reference_model.events import Event, Isb, Msr

__all__ = ["forced_broadcast"]

_VM = 1 << 0
_FB_BSU = 1 << 9 | 1 << 10


def forced_broadcast(window: Window) -> Iterator[Edit]:
    """Set HCR_EL2.FB, and BSU, in every value with which the guest runs (F4.10)."""
    changes: list[tuple[int, Event]] = []
    for position, event in enumerate(window.events[: window.violation.index]):
        if isinstance(event, Msr) and event.register == "HCR_EL2":
            changes.append((position, replace(event, value=event.value | _FB_BSU)))
    insertions = []
    for pe, registers in enumerate(window.start.registers):
        hcr = registers.get("HCR_EL2", 0)
        if hcr & _VM and hcr & _FB_BSU != _FB_BSU:
            forced = (Msr(pe, "HCR_EL2", hcr | _FB_BSU), Isb(pe))
            insertions.append(Insertion(0, forced, False))
    blamed = changes[0][0] if changes else window.cause
    yield Edit(
        "hcr-fb-cleared",
        f"set HCR_EL2.FB, and BSU to 01, whenever a guest runs {window.at(blamed)}",
        blamed,
        Drastic.FORM,
        tuple(changes),
        tuple(insertions),
    )
