"""Repairs of how VMIDs are given out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.causes.edits import (
    DSB_ISH,
    EMPTY_ROOT,
    Drastic,
    Edit,
    Insertion,
    dsb,
)
from harness.check.causes.window import Window
from reference_model.events import CacheOp, Domain, Eret, Event, Isb, Msr, Tlbi
from reference_model.sysregs import vmid_of
from reference_model.tlbi import By, Operation, decode_operation
from reference_model.violations import Property

__all__ = ["allocation"]

_VMID_SHIFT = 48
_CNP = 1
_BELOW_VMID = (1 << _VMID_SHIFT) - 1


def allocation(window: Window) -> Iterator[Edit]:
    """Give another VMID where two VMs come to share one."""
    if window.violation.reason == "cnp":
        yield from _shared(window)
    elif window.violation.reason == "vpipt":
        yield _instructions(window)
    elif window.violation.reason == "asid":
        yield from _left_asid(window)
    elif window.violation.broken is Property.O5:
        yield from _narrow(window)
        yield from _stale_generation(window)


def _shared(window: Window) -> Iterator[Edit]:
    """Keep entries from being shared between PEs (R_QLGWZ)."""
    changes = tuple(
        (position, replace(event, value=event.value & ~_CNP))
        for position, event in _vttbr_writes(window)
        if event.value & _CNP
    )
    if changes:
        yield Edit(
            "cnp-table-mismatch",
            f"clear VTTBR_EL2.CnP {window.at(changes[0][0])}",
            changes[0][0],
            Drastic.FORM,
            changes,
        )


def _narrow(window: Window) -> Iterator[Edit]:
    """Replace VMIDs that do not fit the width in use (I_MDGYK)."""
    changes: list[tuple[int, Event]] = []
    free = _free(window)
    given: dict[int, int] = {}
    for position, event in _vttbr_writes(window):
        vtcr = window.register(position, event.pe, "VTCR_EL2")
        wide = event.value >> _VMID_SHIFT
        if vmid_of(event.value, vtcr) != wide:
            short = given.setdefault(wide, free + len(given))
            value = event.value & _BELOW_VMID | short << _VMID_SHIFT
            changes.append((position, replace(event, value=value)))
    if changes:
        wides = ", ".join(str(vmid) for vmid in given)
        yield Edit(
            "vmid-width-truncation",
            f"allocate VMIDs of the width in use instead of {wides}",
            changes[0][0],
            Drastic.FORM,
            tuple(changes),
        )


def _stale_generation(window: Window) -> Iterator[Edit]:
    """Enter a VM with a new VMID after the flush that ended its old one."""
    violation = window.violation
    if violation.link is None:
        return
    root = violation.link.table.root.address
    flushed = _first_flush(window)
    if flushed is None:
        return
    entered = []
    for position in range(flushed, violation.index):
        event = window.events[position]
        if not isinstance(event, Eret) or event.pe != violation.pe:
            continue
        vttbr = window.register(position, event.pe, "VTTBR_EL2")
        vtcr = window.register(position, event.pe, "VTCR_EL2")
        same_root = vttbr & _BELOW_VMID & ~0xFFF == root
        if vmid_of(vttbr, vtcr) == violation.vmid and same_root:
            entered.append((position, vttbr & _BELOW_VMID))
    if not entered:
        return
    vmid = _free(window)
    yield Edit(
        "vmid-rollover-fastpath-skip",
        f"take a new VMID, instead of {violation.vmid}, on pCPU{violation.pe} after "
        f"the flush {window.at(flushed)}",
        entered[0][0],
        Drastic.VMID,
        insertions=tuple(
            Insertion(
                position,
                (
                    Msr(violation.pe, "VTTBR_EL2", base | vmid << _VMID_SHIFT),
                    Isb(violation.pe),
                ),
                False,
            )
            for position, base in entered
        ),
    )


def _instructions(window: Window) -> Edit:
    """Invalidate the instruction caches that are tagged by VMID (F7.9)."""
    index = window.violation.index
    pe = window.events[index].pe
    steps = (CacheOp(pe, "IC IALLUIS", 0), DSB_ISH(pe))
    return Edit(
        "vpipt-icache-not-invalidated",
        f"insert IC IALLUIS; DSB ISH before the VMID is used {window.at(index)}",
        window.cause,
        Drastic.DSB,
        insertions=(Insertion(index, steps, False),),
    )


def _left_asid(window: Window) -> Iterator[Edit]:
    """Flush on the PE itself once it has left the ASID for good (F7.3)."""
    violation = window.violation
    pe = violation.pe
    flush = (
        Msr(pe, "TTBR0_EL2", EMPTY_ROOT),
        Isb(pe),
        Tlbi(pe, "ALLE2"),
        dsb(pe, Domain.NSH),
        Isb(pe),
    )
    broad = any(
        isinstance(event, Tlbi) and _ends_asids(decode_operation(event.op))
        for event in window.events[: violation.index]
    )
    rule = "asid-rollover-broadcast-only" if broad else "asid-reuse-without-flush"
    yield Edit(
        rule,
        f"leave the ASID by an empty TTBR0_EL2, ISB; TLBI ALLE2; DSB NSH; ISB on "
        f"pCPU{pe} before it is used anew "
        f"{window.at(violation.index)}",
        window.cause,
        Drastic.VMID,
        insertions=(Insertion(violation.index, flush, False),),
    )


def _ends_asids(op: Operation) -> bool:
    """Tell whether an operation ends an ASID, or all, of EL2 on every PE."""
    whole = op.by in (By.EVERYTHING, By.VMID, By.ADDRESS_SPACE)
    return op.broadcast and whole and (op.el2 or op.stage1) and not op.stage2


def _first_flush(window: Window) -> int | None:
    """Return the first TLBI that removes all of a VMID or of every VMID."""
    for position, event in enumerate(window.events[: window.violation.index]):
        if isinstance(event, Tlbi):
            op = decode_operation(event.op)
            if op.stage2 and op.by in (By.EVERYTHING, By.VMID):
                return position
    return None


def _vttbr_writes(window: Window) -> Iterator[tuple[int, Msr]]:
    for position, event in enumerate(window.events[: window.violation.index]):
        if isinstance(event, Msr) and event.register == "VTTBR_EL2":
            yield position, event


def _free(window: Window) -> int:
    """Return a small VMID that nothing in the trace uses."""
    written = [event.value for _, event in _vttbr_writes(window)]
    loaded = [registers.get("VTTBR_EL2", 0) for registers in window.start.registers]
    used = {value >> _VMID_SHIFT & 0xFF for value in (*written, *loaded)}
    return next(n for n in range(1, 256) if n not in used)
