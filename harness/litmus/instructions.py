"""What the PEs of a litmus test do, as written: places, values, instructions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from reference_model.coordinates import Coord
from reference_model.events import Access, BarrierKind, Domain

__all__ = [
    "Address",
    "At",
    "Barrier",
    "CacheOp",
    "Cell",
    "Content",
    "Drop",
    "Entry",
    "Eret",
    "Free",
    "Hvc",
    "Instruction",
    "IotlbFlush",
    "Isb",
    "Load",
    "LockOp",
    "Msr",
    "Number",
    "Place",
    "Register",
    "Release",
    "Scrub",
    "Stage",
    "Store",
    "Tlbi",
    "Value",
    "Wait",
    "Zero",
]


class Stage(Enum):
    """Which tables: of the guest, of the VM, of the hypervisor."""

    S1 = "S1"
    S2 = "S2"
    HYP = "H"


@dataclass(frozen=True, slots=True)
class Address:
    """A name and an offset from it; a number has no name."""

    name: str
    offset: int = 0
    coord: Coord | None = field(default=None, compare=False)

    def __str__(self) -> str:
        if not self.name:
            return f"{self.offset:#x}"
        return f"{self.name}+{self.offset:#x}" if self.offset else self.name


@dataclass(frozen=True, slots=True)
class Cell:
    """The descriptor for an address: S1(x), S2(vm2, ipa1, 2), S2@T(ipa1).

    Without ``context``, the VM of the PE; without ``level``, the last one.
    ``table`` names a table that is read without a walk.
    """

    stage: Stage
    address: Address
    level: int | None = None
    context: str = ""
    table: str = ""
    coord: Coord | None = field(default=None, compare=False)


Place = Address | Cell


@dataclass(frozen=True, slots=True)
class Number:
    """A number as a value."""

    value: int


@dataclass(frozen=True, slots=True)
class Register:
    """The value of a general-purpose register of the PE."""

    number: int


class Content(Enum):
    """What a descriptor is."""

    INVALID = "invalid"
    PAGE = "page"
    BLOCK = "block"
    PAGES = "pages"  # a table whose entries map a run of pages
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Entry:
    """A descriptor as a value: invalid, page(pa1, ro), block(pa1, 2), table(T)."""

    content: Content
    target: Address | None = None
    level: int | None = None
    table: str = ""
    count: int = 0
    attributes: tuple[str, ...] = ()
    coord: Coord | None = field(default=None, compare=False)


Value = Number | Register | Entry


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step of a PE; what its address, data or a branch before it depend on.

    ``label`` is what a condition calls it, in a test that asks for its fault.
    """

    coord: Coord
    text: str = field(compare=False)
    label: str = field(default="", kw_only=True)
    address_from: tuple[int, ...] = field(default=(), kw_only=True)
    data_from: tuple[int, ...] = field(default=(), kw_only=True)
    control_from: tuple[int, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Load(Instruction):
    """LDR, LDAR or LDAPR."""

    op: str
    register: int
    place: Place


@dataclass(frozen=True, slots=True)
class Store(Instruction):
    """STR or STLR."""

    op: str
    value: Value
    place: Place


@dataclass(frozen=True, slots=True)
class Wait(Instruction):
    """Loads until the place reads ``value``."""

    op: str
    register: int
    place: Place
    value: int


@dataclass(frozen=True, slots=True)
class Barrier(Instruction):
    """A DSB or DMB."""

    kind: BarrierKind
    domain: Domain
    access: Access
    nxs: bool


@dataclass(frozen=True, slots=True)
class Isb(Instruction):
    """An ISB."""


@dataclass(frozen=True, slots=True)
class Tlbi(Instruction):
    """A TLBI; ``options`` are the fields of its operand by name.

    With ``times``, that many in a row for consecutive pages.
    """

    op: str
    operand: Address | None
    options: tuple[tuple[str, int], ...] = ()
    times: int = 1


@dataclass(frozen=True, slots=True)
class Msr(Instruction):
    """A write of a system register: a number, flags, or the value for a VM."""

    register: str
    value: int | str


@dataclass(frozen=True, slots=True)
class Eret(Instruction):
    """Exception return to EL1."""


@dataclass(frozen=True, slots=True)
class Hvc(Instruction):
    """Exception entry to EL2."""


@dataclass(frozen=True, slots=True)
class At(Instruction):
    """An address translation instruction."""

    op: str
    operand: Address


@dataclass(frozen=True, slots=True)
class CacheOp(Instruction):
    """A DC or IC instruction; the place is None for a whole cache."""

    op: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Release(Instruction):
    """The change made so far is relied upon."""

    what: str


@dataclass(frozen=True, slots=True)
class Free(Instruction):
    """A table page goes back to an allocator."""

    table: str


@dataclass(frozen=True, slots=True)
class Drop(Instruction):
    """A reference on mapped memory is dropped."""

    address: Address
    size: int


@dataclass(frozen=True, slots=True)
class Scrub(Instruction):
    """Memory is overwritten, to be handed to somebody else."""

    address: Address
    size: int


@dataclass(frozen=True, slots=True)
class IotlbFlush(Instruction):
    """The TLB of an IOMMU is invalidated, and has finished."""

    iommu: int


@dataclass(frozen=True, slots=True)
class Zero(Instruction):
    """A table page is cleared."""

    table: str


@dataclass(frozen=True, slots=True)
class LockOp(Instruction):
    """A lock is taken or released."""

    name: str
    taken: bool
