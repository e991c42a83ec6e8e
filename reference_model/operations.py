"""TLB invalidation instructions: what each names, whatever its encoding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["By", "Operation", "Scope"]


class Scope(Enum):
    """The PEs on which the operation acts (I_DMCXY, R_QRNJC)."""

    LOCAL = "local"
    INNER = "inner shareable"
    OUTER = "outer shareable"


class By(Enum):
    """What the operation selects entries by."""

    EVERYTHING = "every VMID"
    VMID = "the current VMID"
    ADDRESS_SPACE = "the ASID"
    VIRTUAL = "the VA"  # or a range of VAs
    INTERMEDIATE = "the IPA"
    RANGE = "the IPA range"


@dataclass(frozen=True, slots=True)
class Operation:
    """A decoded TLBI mnemonic.

    ``stage1`` and ``stage2`` tell which information it removes of the EL1&0
    regime; neither for an operation on the EL2 regime (``el2``), nor for one
    that only takes the dirty state away (``clean``).  ``any_asid``: of an
    operation by VA, the ASID does not matter.
    """

    name: str
    by: By
    scope: Scope
    stage1: bool
    stage2: bool
    last_level: bool = False
    nxs: bool = False
    el2: bool = False
    any_asid: bool = False
    ranged: bool = False
    clean: bool = False
    aarch32: bool = False

    @property
    def broadcast(self) -> bool:
        """Tell whether other PEs act on it."""
        return self.scope is not Scope.LOCAL

    @property
    def features(self) -> tuple[str, ...]:
        """List the features without which the instruction does not exist."""
        needed = {
            "FEAT_TLBIOS": self.scope is Scope.OUTER,
            "FEAT_TLBIRANGE": self.ranged,
            "FEAT_XS": self.nxs,
            "FEAT_TLBIW": self.clean,
        }
        return tuple(name for name, present in needed.items() if present)
