"""Translation regimes: whose tables a walk starts from."""

from __future__ import annotations

from enum import Enum

__all__ = ["Regime"]


class Regime(Enum):
    """The regimes whose tables a hypervisor maintains.

    Of EL1&0 only stage 2 is walked: its stage 1 is the guest's, and may hold
    anything (F3.7).
    """

    EL10 = "EL1&0"  # stage 2; entries are told apart by VMID
    EL2 = "EL2"  # one stage; one address space, no ASID (HCR_EL2.E2H = 0)
    EL20 = "EL2&0"  # one stage; entries are told apart by ASID (E2H = 1)

    # Members are singletons, and part of the keys of every entry.
    __hash__ = object.__hash__
