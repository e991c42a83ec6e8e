"""Shorthand for traces, and one small stage 2 that most tests use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reference_model.assumptions import Assumptions
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Msr,
    Release,
    Store,
    Tlbi,
)
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start

# 40-bit IPA, walks from level 1 with two concatenated root pages, 8-bit VMID.
VTCR = (64 - 40) | 1 << 6
HCR = 1 | 1 << 9 | 1 << 10  # VM, FB, BSU
ROOT, TABLE2, TABLE3, OTHER3 = 0x10_0000, 0x20_0000, 0x30_0000, 0x31_0000
OTHER_ROOT = 0x18_0000
VALID, AF, READ, WRITE = 1, 1 << 10, 1 << 6, 1 << 7
NT, CONTIGUOUS, DBM = 1 << 16, 1 << 52, 1 << 51
NORMAL = 0xF << 2
ATTRIBUTES = AF | READ | WRITE | NORMAL
IPA = 0x4000_0000  # translated by the first entry of each table below ROOT
OUT = 0x8000_0000
OTHER_OUT = 0xC000_0000


def page(output: int, attributes: int = ATTRIBUTES) -> int:
    """Return a level 3 Page descriptor."""
    return output | attributes | 3


def block(output: int, attributes: int = ATTRIBUTES) -> int:
    """Return a Block descriptor."""
    return output | attributes | 1


def table(address: int) -> int:
    """Return a Table descriptor."""
    return address | 3


# IPA, IPA+4K: pages.  IPA+2M: a 2 MiB block.  IPA+4M: a table without entries.
MEMORY = {
    ROOT + 8: table(TABLE2),
    TABLE2: table(TABLE3),
    TABLE3: page(OUT),
    TABLE3 + 8: page(OUT + 0x1000),
    TABLE2 + 8: block(OUT + 0x20_0000),
    TABLE2 + 16: table(OTHER3),
}
PAGE_AT, BLOCK_AT, TABLE_AT, EMPTY_TABLE_AT = TABLE3, TABLE2 + 8, TABLE2, TABLE2 + 16
BLOCK_IPA, EMPTY_IPA = IPA + 0x20_0000, IPA + 0x40_0000


def vttbr(vmid: int = 1, root: int = ROOT) -> int:
    """Return a VTTBR_EL2 value."""
    return vmid << 48 | root


def registers(vcpu: int = 0, vmid: int = 1, root: int = ROOT) -> dict[str, int]:
    """Return the registers with which a vCPU of the VM runs."""
    return {
        "VTTBR_EL2": vttbr(vmid, root),
        "VTCR_EL2": VTCR,
        "HCR_EL2": HCR,
        "TTBR0_EL1": 0x5000 + 0x1000 * vcpu,
    }


def dsb(what: str, pe: int = 0) -> Barrier:
    """Return a DSB by the name of its option, as in "ishst"."""
    access = next((a for a in (Access.LD, Access.ST) if what.endswith(a.value)), None)
    domain = (what[:-2] if access else what) or "sy"
    return Barrier(pe, BarrierKind.DSB, Domain(domain), access or Access.ALL)


def dmb(what: str, pe: int = 0) -> Barrier:
    """Return a DMB by the name of its option."""
    barrier = dsb(what, pe)
    return Barrier(pe, BarrierKind.DMB, barrier.domain, barrier.access)


def tlbi(op: str, ipa: int = 0, pe: int = 0) -> Tlbi:
    """Return a TLBI; ``ipa`` goes into the operand of a by-IPA operation."""
    return Tlbi(pe, op, ipa >> 12)


def store(pa: int, value: int = 0, pe: int = 0) -> Store:
    """Return a plain store."""
    return Store(pe, pa, value)


def enter(pe: int = 0, *, vmid: int = 1, root: int = ROOT) -> list[Event]:
    """Load VTTBR_EL2 and run the guest."""
    return [Msr(pe, "VTTBR_EL2", vttbr(vmid, root)), Isb(pe), Eret(pe)]


RELEASE = Release(0, "end")
# PE 1 runs a vCPU; PE 0 has run the other one and is now in the hypervisor.
TWO_RUNNING: list[Event] = [Eret(1), Eret(0), ExceptionEntry(0)]
# PE 0 alone has run, and is in the hypervisor.
ONE_RAN: list[Event] = [Eret(0), ExceptionEntry(0)]


def machine(profile: str = "P0-v8.0", **assumptions: bool) -> Machine:
    """Return a machine of two PEs, each with another vCPU of one VM loaded."""
    start = Start(2, MEMORY, (registers(0), registers(1)))
    return Machine(ARCHITECTURE_PROFILES[profile], start, Assumptions(**assumptions))


def broken(
    events: Sequence[Event] | Iterable[Event],
    profile: str = "P0-v8.0",
    before: Sequence[Event] = (),
    **assumptions: bool,
) -> set[tuple[str, int, str]]:
    """Run ``before`` and ``events``; return (property, PE, kind) of violations."""
    run = machine(profile, **assumptions).run([*(before or TWO_RUNNING), *events])
    return {(v.broken.value, v.pe, v.kind.value) for v in run}


def properties(
    events: Sequence[Event], profile: str = "P0-v8.0", before: Sequence[Event] = ()
) -> set[str]:
    """Run a trace; return the names of the violated properties."""
    return {name for name, _, _ in broken(events, profile, before)}
