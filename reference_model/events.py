"""The event alphabet: everything the reference machine can be told.

Each event is what one PE does, in that PE's program order; the order of the
sequence is the order in which the PEs' actions happen.  ``origin`` never
influences the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from reference_model.coordinates import Origin

__all__ = [
    "Access",
    "At",
    "Barrier",
    "BarrierKind",
    "CacheOp",
    "Domain",
    "Eret",
    "Event",
    "ExceptionEntry",
    "IommuFlush",
    "IrqMask",
    "Isb",
    "Lock",
    "Msr",
    "PageRelease",
    "PageScrub",
    "Release",
    "Repeat",
    "Store",
    "TableFree",
    "Tlbi",
    "Unlock",
    "Zero",
]


class Domain(Enum):
    """Shareability domain of a barrier."""

    NSH = "nsh"  # the executing PE only
    ISH = "ish"  # the inner-shareable PEs
    OSH = "osh"  # the outer-shareable PEs
    SY = "sy"  # the full system


class Access(Enum):
    """Access types that a barrier applies to."""

    ALL = ""  # loads and stores
    LD = "ld"  # loads before, loads and stores after
    ST = "st"  # stores only


class BarrierKind(Enum):
    """DSB completes, DMB only orders."""

    DSB = "dsb"
    DMB = "dmb"


@dataclass(frozen=True, slots=True)
class Event:
    """What PE number ``pe`` does."""

    pe: int
    origin: Origin | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Store(Event):
    """Store of one 8-byte descriptor ``value`` at physical address ``pa``.

    ``release`` marks a store-release.  A narrower store reaches the machine
    as the 8-byte value that memory then holds.
    """

    pa: int
    value: int
    release: bool = False


@dataclass(frozen=True, slots=True)
class Zero(Event):
    """Plain stores of zero over ``size`` bytes from ``pa`` (8-byte aligned)."""

    pa: int
    size: int


@dataclass(frozen=True, slots=True)
class Tlbi(Event):
    """``TLBI op, operand``; ``op`` in upper case, as in "VMALLS12E1IS".

    ``operand`` is the value of the register, 0 for XZR or no register.
    """

    op: str
    operand: int = 0


@dataclass(frozen=True, slots=True)
class Barrier(Event):
    """A DSB or DMB."""

    kind: BarrierKind
    domain: Domain
    access: Access = Access.ALL
    nxs: bool = False


@dataclass(frozen=True, slots=True)
class Isb(Event):
    """An instruction synchronisation barrier."""


@dataclass(frozen=True, slots=True)
class Msr(Event):
    """A write of a system register, e.g. ``VTTBR_EL2``."""

    register: str
    value: int


@dataclass(frozen=True, slots=True)
class At(Event):
    """An executed address translation instruction."""

    op: str
    operand: int


@dataclass(frozen=True, slots=True)
class CacheOp(Event):
    """A data or instruction cache instruction, e.g. ``DC CVAC``."""

    op: str
    pa: int


@dataclass(frozen=True, slots=True)
class ExceptionEntry(Event):
    """The PE leaves EL1/EL0 for EL2."""


@dataclass(frozen=True, slots=True)
class Eret(Event):
    """The PE enters the guest whose registers are loaded."""


@dataclass(frozen=True, slots=True)
class Lock(Event):
    """Acquire of the lock called ``name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Unlock(Event):
    """Release of the lock called ``name``."""

    name: str


@dataclass(frozen=True, slots=True)
class IrqMask(Event):
    """Interrupts become masked or unmasked."""

    masked: bool


@dataclass(frozen=True, slots=True)
class TableFree(Event):
    """The translation table page at ``pa`` goes back to an allocator."""

    pa: int
    size: int = 4096


@dataclass(frozen=True, slots=True)
class PageRelease(Event):
    """A reference on the mapped memory at ``pa`` is dropped."""

    pa: int
    size: int = 4096


@dataclass(frozen=True, slots=True)
class PageScrub(Event):
    """The page at ``pa`` is overwritten, to be handed to somebody else."""

    pa: int
    size: int = 4096


@dataclass(frozen=True, slots=True)
class IommuFlush(Event):
    """The TLB of IOMMU number ``iommu`` is invalidated, and has finished."""

    iommu: int = 0


@dataclass(frozen=True, slots=True)
class Release(Event):
    """The change made so far is relied upon from here on; ``what`` names it."""

    what: str


@dataclass(frozen=True, slots=True)
class Repeat(Event):
    """``count`` passes over ``body``, operands growing by ``strides`` a pass.

    Stands for the same events written out one by one.  ``strides`` holds one
    number for each event of ``body``, applied to a TLBI's operand; it is 0
    for every other event.
    """

    body: tuple[Event, ...]
    count: int
    strides: tuple[int, ...]
