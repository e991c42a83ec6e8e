"""Repairs that add a step that was left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.causes.edits import (
    DSB_ISH,
    EMPTY_ROOT,
    Drastic,
    Edit,
    Insertion,
    by_ipa,
    dsb,
    whole_stage1,
)
from harness.check.causes.reasons import flush_rule
from harness.check.causes.sizes import breaks, group_start, unbroken
from harness.check.causes.window import Window
from reference_model.events import (
    Access,
    Domain,
    Event,
    Isb,
    Msr,
    Repeat,
    Store,
    Tlbi,
)
from reference_model.profiles import REPEAT_TLBI
from reference_model.sysregs import STAGE1_REGISTERS, vmid_of
from reference_model.tlbi import By
from reference_model.violations import Property

__all__ = ["empty_roots", "flush", "repeat", "stage_steps", "switch"]


def _extra(window: Window, pe: int) -> tuple[Event, ...]:
    """Return the erratum's own repetition, where the profile needs it."""
    if REPEAT_TLBI in window.profile.errata:
        return (Tlbi(pe, "VALE2IS"), DSB_ISH(pe))
    return ()


def stage_steps(window: Window) -> Iterator[Edit]:
    """Add what an invalidation by IPA leaves out."""
    if window.own_regime:
        yield from _more_addresses(window)
        return
    addressed = [position for position, op in window.tlbis() if by_ipa(op)]
    if not addressed:
        return
    last = addressed[-1]
    pe = window.events[last].pe
    stage1 = [p for p, op in window.tlbis() if whole_stage1(op)]
    step = (DSB_ISH(pe), Tlbi(pe, "VMALLE1IS"), DSB_ISH(pe), *_extra(window, pe))
    early = bool(stage1) and max(stage1) < last
    if early or not stage1:
        rule = "s1-before-s2-inval" if early else "missing-s1-inval-after-ipas2"
        yield Edit(
            rule,
            f"add DSB ISH; TLBI VMALLE1IS; DSB ISH after the invalidation by IPA "
            f"{window.at(last)}",
            last,
            Drastic.STAGE1_STEP,
            insertions=(Insertion(last, step, True),),
        )
    low, high = window.violation.low, window.violation.high
    if high > low:
        pages = max(1, (high - low) >> 12)
        more: Event = Tlbi(pe, "IPAS2E1IS", low >> 12)
        if pages > 1:
            more = Repeat(pe, (more,), pages, (1,))
        link = window.violation.link
        group = link is not None and link.descriptor.contiguous
        yield Edit(
            "contiguous-partial-tlbi" if group else "tlbi-range-too-small",
            f"invalidate IPA {low:#x} to {high - 1:#x} as well {window.at(last)}",
            last,
            Drastic.MORE_IPAS,
            insertions=(Insertion(last, (more,), True),),
        )


def _more_addresses(window: Window) -> Iterator[Edit]:
    """Add operations by VA for what those of EL2 have left out."""
    by_va = [p for p, op in window.tlbis() if op.el2 and op.by is By.VIRTUAL]
    low, high = window.violation.low, window.violation.high
    if not by_va or high <= low:
        return
    last = by_va[-1]
    pe = window.events[last].pe
    pages = max(1, (high - low) >> 12)
    asid = window.register(last, pe, "TTBR0_EL2") >> 48
    single = Tlbi(pe, "VAE2IS", asid << 48 | low >> 12 & (1 << 44) - 1)
    yield Edit(
        "tlbi-range-too-small",
        f"invalidate VA {low:#x} to {high - 1:#x} as well {window.at(last)}",
        last,
        Drastic.MORE_IPAS,
        insertions=(Insertion(last, (Repeat(pe, (single,), pages, (1,)),), True),),
    )


def flush(window: Window) -> Iterator[Edit]:
    """Insert a whole flush of the VMID before the point that relies on it."""
    violation = window.violation
    pe = window.events[violation.index].pe
    everything = "ALLE2IS" if window.own_regime else "VMALLS12E1IS"
    flush = (
        dsb(pe, Domain.ISH, Access.ST),
        Tlbi(pe, everything),
        DSB_ISH(pe),
        *_extra(window, pe),
        Isb(pe),
    )
    yield from _other_vmid(window, flush)
    sequence = f"DSB ISHST; TLBI {everything}; DSB ISH"
    if not window.own_regime:
        sequence += f" for VMID {violation.vmid}"
    rule, what = flush_rule(window, sequence)
    switched = _under_vmid(window, violation.index, pe, flush)
    events: tuple[Event, ...] = switched
    position = violation.index
    store = window.events[violation.index]
    if (
        violation.broken is Property.O2
        and unbroken(window)
        and isinstance(store, Store)
    ):
        position = group_start(window, store)
        events = (*breaks(window, store), *switched)
        what = f"write 0 and flush before the store {window.at(position)}"
    yield Edit(
        rule,
        what,
        window.cause,
        Drastic.FLUSH,
        insertions=(Insertion(position, events, False),),
    )


def _other_vmid(window: Window, flush: tuple[Event, ...]) -> Iterator[Edit]:
    """Execute the flush once more under the VMID of the entries."""
    for position, op in reversed(window.tlbis()):
        pe = window.events[position].pe
        if not window.concerned(op) or op.by is By.EVERYTHING:
            continue
        again = tuple(replace(event, pe=pe) for event in flush)
        switched = _under_vmid(window, position, pe, again)
        if switched is not again:
            yield Edit(
                "tlbi-wrong-vmid",
                f"execute the invalidation {window.at(position)} with the VTTBR_EL2 "
                f"of VMID {window.violation.vmid}",
                position,
                Drastic.VMID,
                insertions=(Insertion(position, switched, True),),
            )
            return


def _under_vmid(
    window: Window, position: int, pe: int, flush: tuple[Event, ...]
) -> tuple[Event, ...]:
    """Return the flush with the entries' VMID loaded for its duration."""
    violation = window.violation
    loaded = window.register(position, pe, "VTTBR_EL2")
    vmid = vmid_of(loaded, window.register(position, pe, "VTCR_EL2"))
    if window.own_regime or violation.link is None or vmid == violation.vmid:
        return flush
    # An empty root: no speculative AT finds anything below it meanwhile (F6.2).
    wanted = EMPTY_ROOT | violation.vmid << 48
    return (
        Msr(pe, "VTTBR_EL2", wanted),
        Isb(pe),
        *flush,
        Msr(pe, "VTTBR_EL2", loaded),
        Isb(pe),
    )


def switch(window: Window) -> Iterator[Edit]:
    """Insert the local flush that a vCPU switch needs."""
    violation = window.violation
    pe = violation.pe
    flush = (
        dsb(pe, Domain.NSH, Access.ST),
        Tlbi(pe, "VMALLE1"),
        dsb(pe, Domain.NSH),
        Isb(pe),
    )
    yield Edit(
        "ptw-not-drained-before-regime-switch",
        f"insert DSB NSH after exception entry on pCPU{pe}",
        window.first,
        Drastic.DRAIN,
        insertions=(Insertion(window.first, (dsb(pe, Domain.NSH),), True),),
    )
    yield Edit(
        "vcpu-switch-missing-s1-flush",
        f"insert DSB NSHST; TLBI VMALLE1; DSB NSH; ISB on pCPU{pe} after the write "
        f"of VTTBR_EL2 {window.at(window.cause)}",
        window.cause,
        Drastic.FLUSH,
        insertions=(Insertion(violation.index, flush, False),),
    )


def repeat(window: Window) -> Iterator[Edit]:
    """Add what the REPEAT_TLBI erratum asks for."""
    violation = window.violation
    broad = [p for p, op in window.tlbis() if op.broadcast]
    if not broad:
        return
    last = broad[-1]
    pe = window.events[last].pe
    dummy = len(broad) > 1 and window.completed_between(broad[-2], last, pe)
    if dummy:
        yield Edit(
            "repeat-tlbi-incomplete",
            f"insert DSB ISH after the repeated TLBI {window.at(last)}",
            last,
            Drastic.DSB,
            insertions=(Insertion(last, (DSB_ISH(pe),), True),),
        )
    yield Edit(
        "repeat-tlbi-missing",
        "after the DSB that completes the last TLBI "
        f"{window.at(last)} insert TLBI VALE2IS, XZR; DSB ISH",
        last,
        Drastic.FLUSH,
        insertions=(
            Insertion(
                violation.index,
                (DSB_ISH(pe), Tlbi(pe, "VALE2IS"), DSB_ISH(pe)),
                False,
            ),
        ),
    )


def empty_roots(window: Window) -> Iterator[Edit]:
    """Keep walks out while registers of two contexts are mixed."""
    yield from _empty_root_before(window)
    for position, event in window.numbered():
        if not isinstance(event, Msr) or event.pe != window.violation.pe:
            continue
        if event.register == "VTTBR_EL2":
            empty = replace(event, value=event.value & (0xFFFF << 48) | EMPTY_ROOT)
            yield Edit(
                "at-speculate-mixed-context",
                f"give VTTBR_EL2 an empty root {window.at(position)}",
                position,
                Drastic.FLUSH,
                ((position, empty),),
            )
        yield Edit(
            "at-speculate-mixed-context",
            f"insert ISB after the write of {event.register} {window.at(position)}",
            position,
            Drastic.SYNCHRONISE,
            insertions=(Insertion(position, (Isb(event.pe),), True),),
        )


def _empty_root_before(window: Window) -> Iterator[Edit]:
    """Load an empty root before the first stage-1 register changes."""
    pe = window.violation.pe
    for position, event in window.numbered():
        if (
            isinstance(event, Msr)
            and event.pe == pe
            and event.register in STAGE1_REGISTERS
        ):
            yield Edit(
                "at-speculate-mixed-context",
                f"load VTTBR_EL2 with an empty root and ISB before {event.register} "
                f"is written {window.at(position)}",
                position,
                Drastic.FLUSH,
                insertions=(
                    Insertion(
                        position,
                        (Msr(pe, "VTTBR_EL2", EMPTY_ROOT), Isb(pe)),
                        False,
                    ),
                ),
            )
            return
