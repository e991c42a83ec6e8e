"""A litmus test as read from its file."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from enum import Enum

from harness.litmus.condition import Condition
from harness.litmus.instructions import Address, Entry, Instruction, Msr, Stage
from reference_model.coordinates import Coord

__all__ = [
    "Expectation",
    "IommuLine",
    "Mapping",
    "PeProgram",
    "TableLine",
    "Test",
    "TraceStep",
    "Verdict",
    "Vm",
]


class Verdict(Enum):
    """How many of the executions end as asked."""

    FORBIDDEN = "forbidden"  # none
    ALLOWED = "allowed"  # one at least
    SOMETIMES = "sometimes"  # one at least, but not all
    ALWAYS = "always"  # all


@dataclass(frozen=True, slots=True)
class Vm:
    """A VM, or one more vCPU of it: its tags and whose tables it uses."""

    name: str
    vmid: int
    asid: int
    cnp: bool
    stage1: str
    stage2: str
    coord: Coord | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Mapping:
    """The initial descriptor for an address in one stage of a VM."""

    context: str
    stage: Stage
    address: Address
    entry: Entry
    coord: Coord | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class TableLine:
    """A table page that no other table points to, and its entries."""

    name: str
    context: str
    stage: Stage
    address: Address
    level: int
    entries: tuple[tuple[Address, Entry], ...] = ()
    coord: Coord | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PeProgram:
    """Where a PE starts, what it runs, and what it runs after a fault.

    ``fault_el`` is the EL that faults go to, None for EL2 from stage 2 and the
    same EL otherwise.  ``domain`` numbers its inner-shareable domain.
    ``after`` are VMs whose entries it may still hold, having run them before.
    """

    number: int
    el: int
    context: str
    domain: int = 0
    after: tuple[str, ...] = ()
    body: tuple[Instruction, ...] = ()
    on_fault: tuple[Instruction, ...] = ()
    fault_el: int | None = None
    coord: Coord | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class IommuLine:
    """An IOMMU that walks the stage 2 of a VM."""

    context: str
    coherent: bool


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One instruction of a trace and the PE that executes it."""

    pe: int
    instruction: Instruction


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come out: a verdict, or rules; ``changes`` are to the profile.

    ``pe`` is one of those that the finding must be about, -1 for any.
    """

    verdict: Verdict | None = None
    rules: frozenset[str] = frozenset()
    pe: int = -1
    changes: tuple[tuple[str, str], ...] = ()
    coord: Coord | None = field(default=None, compare=False)

    def __str__(self) -> str:
        if self.verdict is not None:
            return self.verdict.value
        return ", ".join(sorted(self.rules)) or "none"


@dataclass(frozen=True, slots=True)
class Test:
    """One test: a world, programs or a trace, a question and what is expected."""

    # Not a class of pytest's.
    __test__ = False

    name: str
    file: str
    about: str
    origin: str
    profile: str
    stages: int
    granule: int
    conflict_aborts_handled: bool
    registers: tuple[Msr, ...]
    assumptions: tuple[tuple[str, str], ...]
    vms: Dictionary[str, Vm]
    mappings: tuple[Mapping, ...]
    tables: tuple[TableLine, ...]
    data: tuple[tuple[Address, int], ...]
    addresses: Dictionary[str, int]
    pes: tuple[PeProgram, ...]
    iommus: tuple[IommuLine, ...]
    condition: Condition | None
    trace: tuple[TraceStep, ...]
    without_ntlbpa: tuple[TraceStep, ...] | None
    without_errata: tuple[TraceStep, ...] | None
    expectations: tuple[Expectation, ...]

    @property
    def published(self) -> bool:
        """Tell whether others published the verdict."""
        return self.origin.startswith("published")
