"""Candidate repairs for a violation: what could have been done differently.

They come from the events between the moment at which the witness became
wrong and the moment at which it counts, never from the source text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.edits import (
    DSB_ISH,
    Edit,
    Insertion,
    broadcast,
    dsb,
    instruction,
    with_part,
)
from harness.check.window import Window
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Event,
    Isb,
    Msr,
    Repeat,
    Store,
    Tlbi,
)
from reference_model.profiles import REPEAT_TLBI
from reference_model.sysregs import STAGE1_REGISTERS
from reference_model.tlbi import By, Operation, Scope, decode_operation
from reference_model.violations import Property

__all__ = ["DRASTIC", "candidates"]

# How drastic an edit is: those with the largest number are given up first.
_STRENGTHEN, _WIDEN, _PROMOTE, _FORM, _SYNCHRONISE, _DSB = range(6)
_STAGE1_STEP, _MORE_IPAS, _STAGE, _VMID, _DRAIN, _FLUSH = range(6, 12)

# Edits from here on add what was left out altogether.
DRASTIC = _DRAIN

# A root that holds nothing: no walk below it finds a descriptor.
_EMPTY_ROOT = 0x0000_FFFF_FFFF_0000


def candidates(window: Window) -> list[Edit]:
    """List the edits that could mend the violation of ``window``."""
    if window.violation.reason == "mixed":
        return list(_empty_roots(window))
    edits: list[Edit] = []
    for source in (_barriers, _tlbis, _synchronise, _completing, _ordering):
        edits.extend(source(window))
    if window.violation.broken is Property.M7:
        edits.extend(_repeat(window))
    elif window.violation.reason == "vcpu":
        edits.extend(_switch(window))
    else:
        edits.extend(_stage_steps(window))
        edits.extend(_flush(window))
    return edits


# ------------------------------------------------------------------- barriers


def _barriers(window: Window) -> Iterator[Edit]:
    """Strengthen or widen the DSBs that were executed."""
    for position, number, event in window.parts():
        if not isinstance(event, Barrier) or event.kind is not BarrierKind.DSB:
            continue
        whole = window.events[position]
        if window.between_ipa_and_stage1(position):
            continue  # what is missing there is a barrier of its own
        before = window.tlbi_pending(position, event.pe)
        if event.access is not Access.ALL and before:
            new = replace(event, access=Access.ALL)
            yield Edit(
                "dsb-st-does-not-complete-tlbi",
                f"make the {instruction(event)} {window.at(position)} "
                f"a {instruction(new)}",
                position,
                _STRENGTHEN,
                ((position, with_part(whole, number, new)),),
            )
        if event.domain is Domain.NSH:
            new = replace(event, domain=Domain.ISH)
            yield Edit(
                "dsb-scope-too-narrow" if before else "missing-dsb-before-tlbi",
                f"make the {instruction(event)} {window.at(position)} "
                f"a {instruction(new)}",
                position,
                _WIDEN,
                ((position, with_part(whole, number, new)),),
            )


def _completing(window: Window) -> Iterator[Edit]:
    """Insert the DSB that completes a TLBI, where one is missing."""
    tlbis = [
        (position, op)
        for position, op in window.tlbis()
        if not op.el2 and not window.inside_repeat_with_dsb(position)
    ]
    for number, (position, op) in enumerate(tlbis):
        following = tlbis[number + 1] if number + 1 < len(tlbis) else None
        pe = window.events[position].pe
        if op.scope is Scope.LOCAL and following is None:
            barrier = dsb(pe, Domain.NSH)
        else:
            barrier = DSB_ISH(pe)
        rule = "missing-dsb-after-tlbi"
        if following is not None and _by_ipa(op) and following[1].stage1:
            rule = "missing-dsb-between-ipas2-and-s1"
        yield Edit(
            rule,
            f"insert {instruction(barrier)} after TLBI {op.name} {window.at(position)}",
            position,
            _DSB,
            insertions=(Insertion(position, (barrier,), True),),
        )


def _ordering(window: Window) -> Iterator[Edit]:
    """Insert the DSB between the table store and the first TLBI."""
    for position, op in window.tlbis():
        pe = window.events[position].pe
        barrier = dsb(pe, Domain.ISH, Access.ST)
        yield Edit(
            "missing-dsb-before-tlbi",
            f"insert {instruction(barrier)} before TLBI {op.name} "
            f"{window.at(position)}",
            position,
            _DSB,
            insertions=(Insertion(position, (barrier,), False),),
        )
        return


# ---------------------------------------------------------------------- TLBIs


def _tlbis(window: Window) -> Iterator[Edit]:
    """Promote, widen or correct the TLBIs that were executed."""
    after_ipa = False
    for position, number, event in window.parts():
        if not isinstance(event, Tlbi):
            continue
        op = decode_operation(event.op)
        if op.el2:
            continue
        if op.scope is Scope.LOCAL and window.violation.reason != "vcpu":
            yield _promoted(window, position, number, event, after_ipa and op.stage1)
        yield from _forms(window, position, number, event, op)
        after_ipa = after_ipa or _by_ipa(op)
    if not after_ipa:
        yield from _stages(window)


def _promoted(
    window: Window, position: int, number: int, event: Tlbi, stage1_step: bool
) -> Edit:
    new = replace(event, op=broadcast(event.op))
    whole = window.events[position]
    changes: list[tuple[int, Event]] = [(position, with_part(whole, number, new))]
    text = f"make the TLBI {event.op} {window.at(position)} a TLBI {new.op}"
    # A local TLBI has a local DSB; the broadcast form needs its counterpart.
    for later in range(position + 1, window.stop):
        barrier = window.events[later]
        if isinstance(barrier, Tlbi) or barrier.pe != event.pe:
            continue
        if isinstance(barrier, Barrier) and barrier.domain is Domain.NSH:
            changes.append((later, replace(barrier, domain=Domain.ISH)))
            text += f" and its {instruction(barrier)} a {instruction(changes[-1][1])}"
            break
    rule = "stale-s12-after-local-vmalle1" if stage1_step else "tlbi-not-broadcast"
    if window.violation.broken is Property.O2 and not stage1_step:
        rule = "bbm-local-only"
    return Edit(rule, text, position, _PROMOTE, tuple(changes))


def _forms(
    window: Window, position: int, number: int, event: Tlbi, op: Operation
) -> Iterator[Edit]:
    whole = window.events[position]
    if op.last_level and _by_ipa(op):
        new = replace(event, op=event.op.replace("2LE1", "2E1"))
        yield Edit(
            "leaf-tlbi-after-table-change",
            f"make the TLBI {event.op} {window.at(position)} a TLBI {new.op}",
            position,
            _FORM,
            ((position, with_part(whole, number, new)),),
        )
    if op.by is By.INTERMEDIATE and (event.operand >> 44) & 0xF:
        new = replace(event, operand=event.operand & ~(0xF << 44))
        yield Edit(
            "ttl-hint-mismatch",
            f"drop the level hint of the TLBI {event.op} {window.at(position)}",
            position,
            _FORM,
            ((position, with_part(whole, number, new)),),
        )


def _stages(window: Window) -> Iterator[Edit]:
    """Widen a stage-1 operation to both stages."""
    for position, number, event in window.parts():
        if not isinstance(event, Tlbi):
            continue
        op = decode_operation(event.op)
        if op.stage1 and not op.stage2 and not op.el2:
            suffix = "IS" if op.broadcast else ""
            new = replace(event, op="VMALLS12E1" + suffix, operand=0)
            yield Edit(
                "tlbi-wrong-stage",
                f"make the TLBI {event.op} {window.at(position)} a TLBI {new.op}",
                position,
                _STAGE,
                ((position, with_part(window.events[position], number, new)),),
            )


def _synchronise(window: Window) -> Iterator[Edit]:
    """Insert the ISB after a register write that a TLBI depends on."""
    for position, event in window.numbered():
        if isinstance(event, Msr) and event.register in ("VTTBR_EL2", "VTCR_EL2"):
            yield Edit(
                "vttbr-write-not-synchronised",
                f"insert ISB after the write of {event.register} {window.at(position)}",
                position,
                _SYNCHRONISE,
                insertions=(Insertion(position, (Isb(event.pe),), True),),
            )


# -------------------------------------------------------- steps left out


def _extra(window: Window, pe: int) -> tuple[Event, ...]:
    """Return the erratum's own repetition, where the profile needs it."""
    if REPEAT_TLBI in window.profile.errata:
        return (Tlbi(pe, "VALE2IS"), DSB_ISH(pe))
    return ()


def _stage_steps(window: Window) -> Iterator[Edit]:
    """Add what an invalidation by IPA leaves out."""
    by_ipa = [position for position, op in window.tlbis() if _by_ipa(op)]
    if not by_ipa:
        return
    last = by_ipa[-1]
    pe = window.events[last].pe
    stage1 = [p for p, op in window.tlbis() if op.stage1 and not op.stage2]
    step = (DSB_ISH(pe), Tlbi(pe, "VMALLE1IS"), DSB_ISH(pe), *_extra(window, pe))
    early = bool(stage1) and max(stage1) < last
    if early or not stage1:
        rule = "s1-before-s2-inval" if early else "missing-s1-inval-after-ipas2"
        yield Edit(
            rule,
            f"add DSB ISH; TLBI VMALLE1IS; DSB ISH after the invalidation by IPA "
            f"{window.at(last)}",
            last,
            _STAGE1_STEP,
            insertions=(Insertion(last, step, True),),
        )
    low, high = window.violation.low, window.violation.high
    if high > low:
        pages = max(1, (high - low) >> 12)
        more: Event = Tlbi(pe, "IPAS2E1IS", low >> 12)
        if pages > 1:
            more = Repeat(pe, (more,), pages, (1,))
        yield Edit(
            "tlbi-range-too-small",
            f"invalidate IPA {low:#x} to {high - 1:#x} as well {window.at(last)}",
            last,
            _MORE_IPAS,
            insertions=(Insertion(last, (more,), True),),
        )


def _flush(window: Window) -> Iterator[Edit]:
    """Insert a whole flush of the VMID before the point that relies on it."""
    violation = window.violation
    pe = window.events[violation.index].pe
    flush = (
        dsb(pe, Domain.ISH, Access.ST),
        Tlbi(pe, "VMALLS12E1IS"),
        DSB_ISH(pe),
        *_extra(window, pe),
        Isb(pe),
    )
    switched = _under_vmid(window, pe, flush)
    tlbis = [p for p, op in window.tlbis() if not op.el2]
    if tlbis and switched is not flush:
        yield Edit(
            "tlbi-wrong-vmid",
            f"execute the invalidation {window.at(tlbis[-1])} with the VTTBR_EL2 "
            f"of VMID {violation.vmid}",
            tlbis[-1],
            _VMID,
            insertions=(Insertion(tlbis[-1], switched, True),),
        )
    rule, what = _flush_rule(window)
    events: tuple[Event, ...] = switched
    store = window.events[violation.index]
    broken = violation.since != violation.index
    if violation.broken is Property.O2 and not broken and isinstance(store, Store):
        events = (replace(store, value=0, release=False), *switched)
        what = f"write 0 and flush before the store {window.at(violation.index)}"
    yield Edit(
        rule,
        what,
        window.cause,
        _FLUSH,
        insertions=(Insertion(violation.index, events, False),),
    )


def _flush_rule(window: Window) -> tuple[str, str]:
    violation = window.violation
    sequence = f"DSB ISHST; TLBI VMALLS12E1IS; DSB ISH for VMID {violation.vmid}"
    here = window.at(violation.index)
    match violation.broken:
        case Property.O2 if violation.since == violation.index:
            return f"bbm-{violation.conflict}-change", ""
        case Property.O2:
            return (
                "bbm-make-before-tlbi-complete",
                f"complete {sequence} before the store {here}",
            )
        case Property.O4:
            return (
                "table-freed-before-tlbi",
                f"complete {sequence} before the table is freed {here}",
            )
        case Property.O5:
            return "vmid-reuse-without-flush", f"insert {sequence} before {here}"
        case _:
            return (
                "missing-tlbi-after-unmap",
                f"insert {sequence} after the store {window.at(window.cause)}",
            )


def _under_vmid(window: Window, pe: int, flush: tuple[Event, ...]) -> tuple[Event, ...]:
    """Return the flush with the entries' VMID loaded for its duration."""
    violation = window.violation
    loaded = window.register(violation.index, pe, "VTTBR_EL2")
    if violation.link is None or loaded >> 48 == violation.vmid:
        return flush
    wanted = violation.link.table.root.address | violation.vmid << 48
    return (
        Msr(pe, "VTTBR_EL2", wanted),
        Isb(pe),
        *flush,
        Msr(pe, "VTTBR_EL2", loaded),
        Isb(pe),
    )


def _switch(window: Window) -> Iterator[Edit]:
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
        _DRAIN,
        insertions=(Insertion(window.first, (dsb(pe, Domain.NSH),), True),),
    )
    yield Edit(
        "vcpu-switch-missing-s1-flush",
        f"insert DSB NSHST; TLBI VMALLE1; DSB NSH; ISB on pCPU{pe} after the write "
        f"of VTTBR_EL2 {window.at(window.cause)}",
        window.cause,
        _FLUSH,
        insertions=(Insertion(violation.index, flush, False),),
    )


def _repeat(window: Window) -> Iterator[Edit]:
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
            _DSB,
            insertions=(Insertion(last, (DSB_ISH(pe),), True),),
        )
    yield Edit(
        "repeat-tlbi-missing",
        "after the DSB that completes the last TLBI "
        f"{window.at(last)} insert TLBI VALE2IS, XZR; DSB ISH",
        last,
        _FLUSH,
        insertions=(
            Insertion(
                violation.index,
                (DSB_ISH(pe), Tlbi(pe, "VALE2IS"), DSB_ISH(pe)),
                False,
            ),
        ),
    )


def _empty_roots(window: Window) -> Iterator[Edit]:
    """Keep walks out while registers of two contexts are mixed."""
    yield from _empty_root_before(window)
    for position, event in window.numbered():
        if not isinstance(event, Msr) or event.pe != window.violation.pe:
            continue
        if event.register == "VTTBR_EL2":
            empty = replace(event, value=event.value & (0xFFFF << 48) | _EMPTY_ROOT)
            yield Edit(
                "at-speculate-mixed-context",
                f"give VTTBR_EL2 an empty root {window.at(position)}",
                position,
                _FLUSH,
                ((position, empty),),
            )
        yield Edit(
            "at-speculate-mixed-context",
            f"insert ISB after the write of {event.register} {window.at(position)}",
            position,
            _SYNCHRONISE,
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
                _FLUSH,
                insertions=(
                    Insertion(
                        position,
                        (Msr(pe, "VTTBR_EL2", _EMPTY_ROOT), Isb(pe)),
                        False,
                    ),
                ),
            )
            return


def _by_ipa(op: Operation) -> bool:
    return op.by in (By.INTERMEDIATE, By.RANGE)
