"""Where a trace starts."""

from __future__ import annotations

from dataclasses import dataclass, field

from reference_model.shareability import Iommu

__all__ = ["Start"]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a trace starts: memory content and the registers of each PE.

    ``memory`` maps physical addresses to 8-byte values; what it leaves out
    is zero.  Every PE starts at EL2 with an empty TLB.  ``inner`` numbers the
    inner-shareable domain of each PE; all share one when it is empty.
    ``conflict_aborts_handled``: the software survives a TLB conflict abort.
    """

    pes: int
    memory: dict[int, int] = field(default_factory=dict)
    registers: tuple[dict[str, int], ...] = ()
    inner: tuple[int, ...] = ()
    conflict_aborts_handled: bool = True
    iommus: tuple[Iommu, ...] = ()
