"""Small programs on several PEs, and the world they start in.

``explore(program, bounds)`` of ``reference_model.exploration.search`` returns the
Outcomes: ``all`` is the set of Outcome, ``shortest(predicate)`` an execution.

Registers of a program are called by any name, as in "r0".  An address
dependency, a data dependency or a control dependency names the register it
goes through; it comes from the last instruction before, in program order,
that wrote the register.  Memory is a set of 8-byte cells; what a program leaves
out is zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from reference_model.events import Access, BarrierKind, Domain
from reference_model.profiles import ARCHITECTURE_PROFILES, Profile

__all__ = [
    "Address",
    "Barrier",
    "Bounds",
    "Eret",
    "ExceptionEntry",
    "Fault",
    "FaultKind",
    "Instruction",
    "Isb",
    "Load",
    "Msr",
    "Order",
    "Outcome",
    "Physical",
    "Program",
    "Reg",
    "Store",
    "Thread",
    "Tlbi",
    "Value",
    "Virtual",
    "Wait",
]


@dataclass(frozen=True, slots=True)
class Reg:
    """The value that a register has at this place of the program."""

    name: str


Value = int | Reg


@dataclass(frozen=True, slots=True)
class Virtual:
    """An address translated in the regime and context the PE then is in."""

    va: int


@dataclass(frozen=True, slots=True)
class Physical:
    """An address that every PE can always reach, whatever its tables hold."""

    pa: int


Address = Virtual | Physical


class Order(Enum):
    """Ordering that an access has of its own."""

    PLAIN = ""
    ACQUIRE = "acquire"  # LDAR
    ACQUIRE_PC = "acquire-pc"  # LDAPR
    RELEASE = "release"  # STLR


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction; ``label`` names it to people, as in "3: LDR r0, x".

    ``address_from`` names registers that the address depends on,
    ``control_from`` those that a branch before the instruction depends on.
    """

    label: str = ""
    address_from: tuple[str, ...] = ()
    control_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Load(Instruction):
    """Load 8 bytes into ``register``; a fault leaves a Fault in it."""

    register: str
    address: Address
    order: Order = Order.PLAIN


@dataclass(frozen=True, slots=True)
class Wait(Instruction):
    """Load until the value is ``value``; executions that never see it are none.

    What follows depends on it by control, like on any loop.
    """

    register: str
    address: Address
    value: int
    order: Order = Order.PLAIN


@dataclass(frozen=True, slots=True)
class Store(Instruction):
    """Store 8 bytes of data or a descriptor; ``data_from`` adds dependencies."""

    address: Address
    value: Value
    order: Order = Order.PLAIN
    data_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Barrier(Instruction):
    """A DSB or DMB."""

    kind: BarrierKind
    domain: Domain = Domain.SY
    access: Access = Access.ALL
    nxs: bool = False


@dataclass(frozen=True, slots=True)
class Isb(Instruction):
    """An instruction synchronisation barrier."""


@dataclass(frozen=True, slots=True)
class Tlbi(Instruction):
    """``TLBI op, operand``: upper case, the operand as in the register."""

    op: str
    operand: int = 0


@dataclass(frozen=True, slots=True)
class Msr(Instruction):
    """A write of a system register, e.g. ``VTTBR_EL2``."""

    register: str
    value: int


@dataclass(frozen=True, slots=True)
class Eret(Instruction):
    """From EL2 to EL1."""


@dataclass(frozen=True, slots=True)
class ExceptionEntry(Instruction):
    """From EL1 to EL2, as by HVC."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What one PE runs, and its system registers and EL at the start.

    Registers it leaves out are zero, but that stage 1 of a regime is on if its
    TTBR0 is given, with 48-bit addresses.  ``earlier`` are register settings of
    the PE before: it may still hold what it could cache under them.
    ``on_fault`` runs, in the EL that
    ``fault_to`` gives, after an access of ``code`` faulted; without it a fault
    ends the thread, and so does a fault in ``on_fault``.
    """

    code: tuple[Instruction, ...]
    registers: Mapping[str, int] = field(default_factory=dict)
    el: int = 1
    earlier: tuple[Mapping[str, int], ...] = ()
    on_fault: tuple[Instruction, ...] | None = None
    fault_to: int | None = None  # None: EL2 after a fault of stage 2, else the same EL


@dataclass(frozen=True, slots=True)
class Program:
    """All threads and the memory they share.

    ``memory`` holds data and descriptors by physical address.
    ``identity_ipas`` are IPA pages that every stage 2 maps to themselves by
    entries that never change and need not be in memory; for the pages of
    stage-1 tables.  ``observed`` are the cells whose final value is asked for.
    """

    threads: tuple[Thread, ...]
    memory: Mapping[int, int] = field(default_factory=dict)
    identity_ipas: frozenset[int] = frozenset()
    observed: tuple[int, ...] = ()
    profile: Profile = ARCHITECTURE_PROFILES["P0-v8.0"]


class FaultKind(Enum):
    """Why a translation gives no address, or not this access."""

    TRANSLATION = "translation"
    ACCESS_FLAG = "access flag"
    PERMISSION = "permission"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault as the syndrome has it."""

    stage: int
    level: int
    kind: FaultKind = FaultKind.TRANSLATION

    def __str__(self) -> str:
        return f"{self.kind.value} fault (stage {self.stage}, level {self.level})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One final result.

    ``registers`` holds (PE, name, value) in order, ``memory`` the observed
    cells as (address, value), ``faults`` each fault taken as (PE, label, fault).
    """

    registers: tuple[tuple[int, str, int | Fault], ...]
    memory: tuple[tuple[int, int], ...]
    faults: tuple[tuple[int, str, Fault], ...]

    def register(self, pe: int, name: str) -> int | Fault:
        """Return the final value of a register; one never written is 0."""
        for number, known, value in self.registers:
            if (number, known) == (pe, name):
                return value
        return 0

    def cell(self, pa: int) -> int:
        """Return the final value of an observed cell."""
        return dict(self.memory)[pa]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far to go before giving up with an error."""

    states: int = 200_000
