"""Named readings of the architecture where its text leaves room."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Assumptions"]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Each field is one ambiguity; its default is the value results rest on."""

    # Walks begun at EL1 may go on at EL2 until a DSB (R_LFHQG, I_QVPYJ);
    # True takes exception entry itself to end them (I_SFZVV).
    drain_ptw: bool = False
    # A DSB also retires stores of another PE that are ordered before it by a
    # lock hand-over; False takes R_SPVBD's "same PE" literally.
    dsb_transitive: bool = True
    # Reading a page reference count's drop as harmless as such, because the
    # allocator flushes guest TLBs before it hands the page out again.
    alloc_flushes_tlb: bool = True
