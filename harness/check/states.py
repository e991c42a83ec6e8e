"""What holds after a step of a counterexample: the descriptor and each TLB."""

from __future__ import annotations

from harness.check.finding import State
from harness.check.wording import described, input_address
from reference_model.entries import EntryKind, Tag, entry_of, kinds_of
from reference_model.machine import Machine
from reference_model.sysregs import STAGE1_REGISTERS
from reference_model.tables import Link
from reference_model.tlb import Tlb
from reference_model.violations import Violation

__all__ = ["Held", "held", "states"]

Held = set[tuple[int, EntryKind]]

_NOTHING = "nothing for it"


def held(machine: Machine, violation: Violation) -> Held:
    """Return where stale entries like the witness are held."""
    link = violation.link
    if link is None:
        return set()
    return {
        (tlb.pe, e.kind)
        for tlb in machine.tlbs
        for e in tlb.stale
        if e.link.ia == link.ia
        and e.link.table.level == link.table.level
        and e.link.record.value == link.record.value
    }


def states(machine: Machine, violation: Violation) -> tuple[State, ...]:
    """Return what the tables say of the witness's address, and what TLBs hold."""
    link = violation.link
    if link is None:
        return tuple(_stage1(machine, tlb, violation) for tlb in machine.tlbs)
    current = machine.tables.walk(link.table.root, link.ia)
    place = input_address(violation.vmid, link)
    found = [State(f"tables, {place}", described(current), stale=False)]
    stale = held(machine, violation)
    for tlb in machine.tlbs:
        found.append(_entries(machine, tlb, violation, current, stale))
    return tuple(found)


def _entries(
    machine: Machine,
    tlb: Tlb,
    violation: Violation,
    current: Link | None,
    stale: Held,
) -> State:
    old = [kind for kind in EntryKind if (tlb.pe, kind) in stale]
    tag = Tag(violation.vmid)
    new: list[EntryKind] = []
    if current is not None:
        made = {kind: entry_of(kind, tag, current) for kind in kinds_of(current)}
        new = [k for k, entry in made.items() if tlb.may_hold(entry, machine.now)]
    texts = []
    if old and violation.link is not None:
        texts.append(f"{_names(old)}: {described(violation.link)} (stale)")
    if new:
        texts.append(f"{_names(new)}: {described(current)}")
    return State(_tlb(tlb.pe), "; ".join(texts) or _NOTHING, stale=bool(old))


def _stage1(machine: Machine, tlb: Tlb, violation: Violation) -> State:
    """Say whose stage-1 entries a PE may hold under the VMID."""
    loaded = None
    if tlb.pe < len(machine.pes):
        pe = machine.pes[tlb.pe]
        loaded = tuple(pe.value(name) for name in STAGE1_REGISTERS)
    found = [s for s in tlb.stage1_held() if s.vmid == violation.vmid]
    texts = [
        f"stage 1 of TTBR0_EL1 {s.registers[0]:#x}"
        f"{'' if s.registers == loaded else ' (not the one loaded)'}"
        for s in found
        if s.registers
    ]
    foreign = any(s.registers != loaded for s in found)
    text = "; ".join(texts) or f"nothing of VMID {violation.vmid}"
    return State(_tlb(tlb.pe), text, stale=foreign)


def _tlb(number: int) -> str:
    return f"TLB pCPU{number}"


def _names(kinds: list[EntryKind]) -> str:
    return ", ".join(kind.value for kind in kinds)
