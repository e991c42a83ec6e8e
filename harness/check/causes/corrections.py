"""Repairs that correct what was executed: barriers, TLBIs, synchronisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.causes.edits import (
    DSB_ISH,
    Drastic,
    Edit,
    Insertion,
    broadcast,
    by_ipa,
    dsb,
    instruction,
    with_part,
)
from harness.check.causes.operands import forms, operands
from harness.check.causes.window import Window
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Event,
    Isb,
    Msr,
    Tlbi,
)
from reference_model.tlbi import By, Operation, Scope, decode_operation
from reference_model.violations import Property

__all__ = [
    "barriers",
    "completing",
    "misplaced",
    "ordering",
    "synchronise",
    "tlbis",
]


# ------------------------------------------------------------------- barriers


def barriers(window: Window) -> Iterator[Edit]:
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
                Drastic.STRENGTHEN,
                ((position, with_part(whole, number, new)),),
            )
        if event.nxs:
            new = replace(event, nxs=False)
            yield Edit(
                "nxs-tlbi-incomplete",
                f"make the {instruction(event)} {window.at(position)} "
                f"a {instruction(new)}",
                position,
                Drastic.STRENGTHEN,
                ((position, with_part(whole, number, new)),),
            )
        if event.domain is Domain.NSH:
            new = replace(event, domain=Domain.ISH)
            yield Edit(
                "dsb-scope-too-narrow" if before else "missing-dsb-before-tlbi",
                f"make the {instruction(event)} {window.at(position)} "
                f"a {instruction(new)}",
                position,
                Drastic.WIDEN,
                ((position, with_part(whole, number, new)),),
            )


def misplaced(window: Window) -> Iterator[Edit]:
    """Let a DSB be executed by the PE whose store or TLBI it is to complete.

    Only a DSB that completes nothing of its own PE is taken to be meant so.
    """
    issuers = [(p, window.events[p].pe) for p, _ in window.tlbis()]
    issuers.append((window.first, window.events[window.first].pe))
    for position, event in window.numbered():
        if not isinstance(event, Barrier) or event.kind is not BarrierKind.DSB:
            continue
        earlier = [pe for p, pe in sorted(issuers) if p < position]
        if not earlier or event.pe in earlier:
            continue
        new = replace(event, pe=earlier[-1])
        yield Edit(
            "dsb-on-wrong-pe",
            f"execute the {instruction(event)} {window.at(position)} on "
            f"pCPU{new.pe}, not pCPU{event.pe}",
            position,
            Drastic.MOVE,
            ((position, new),),
        )


def completing(window: Window) -> Iterator[Edit]:
    """Insert the DSB that completes a TLBI, where one is missing."""
    tlbis = [
        (position, op)
        for position, op in window.tlbis()
        if window.concerned(op) and not window.inside_repeat_with_dsb(position)
    ]
    for number, (position, op) in enumerate(tlbis):
        following = tlbis[number + 1] if number + 1 < len(tlbis) else None
        pe = window.events[position].pe
        if op.scope is Scope.LOCAL and following is None:
            barrier = dsb(pe, Domain.NSH)
        else:
            barrier = DSB_ISH(pe)
        rule = "missing-dsb-after-tlbi"
        if following is not None and by_ipa(op) and following[1].stage1:
            rule = "missing-dsb-between-ipas2-and-s1"
        yield Edit(
            rule,
            f"insert {instruction(barrier)} after TLBI {op.name} {window.at(position)}",
            position,
            Drastic.DSB,
            insertions=(Insertion(position, (barrier,), True),),
        )


def ordering(window: Window) -> Iterator[Edit]:
    """Insert the DSB between the table store and the first TLBI."""
    for position, op in window.tlbis():
        pe = window.events[position].pe
        barrier = dsb(pe, Domain.ISH, Access.ST)
        yield Edit(
            "missing-dsb-before-tlbi",
            f"insert {instruction(barrier)} before TLBI {op.name} "
            f"{window.at(position)}",
            position,
            Drastic.DSB,
            insertions=(Insertion(position, (barrier,), False),),
        )
        return


# ---------------------------------------------------------------------- TLBIs


def tlbis(window: Window) -> Iterator[Edit]:
    """Promote, widen or correct the TLBIs that were executed."""
    after_ipa = False
    for position, number, event in window.parts():
        if not isinstance(event, Tlbi):
            continue
        op = decode_operation(event.op)
        if not window.concerned(op):
            continue
        if op.scope is Scope.LOCAL and window.violation.reason != "vcpu":
            yield _promoted(window, position, number, event, after_ipa and op.stage1)
        yield from forms(window, position, number, event, op)
        yield from operands(window, position, number, event, op)
        if after_ipa or window.violation.reason == "vcpu":
            yield from _whole_step(window, position, number, event, op)
        after_ipa = after_ipa or by_ipa(op)
    if not after_ipa and not window.own_regime and window.violation.reason != "vcpu":
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
    if window.violation.broken is Property.O5:
        rule = "vmid-flush-local-only"
    return Edit(rule, text, position, Drastic.PROMOTE, tuple(changes))


def _whole_step(
    window: Window, position: int, number: int, event: Tlbi, op: Operation
) -> Iterator[Edit]:
    """Take all addresses: the guest's VAs and ASIDs are not known (F1.1)."""
    if not op.stage1 or op.stage2 or op.by in (By.VMID, By.EVERYTHING):
        return
    new = replace(event, op="VMALLE1" + ("IS" if op.broadcast else ""), operand=0)
    switch = window.violation.reason == "vcpu"
    yield Edit(
        "vcpu-switch-missing-s1-flush" if switch else "missing-s1-inval-after-ipas2",
        f"make the TLBI {event.op} {window.at(position)} a TLBI {new.op}",
        position,
        Drastic.FORM,
        ((position, with_part(window.events[position], number, new)),),
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
                Drastic.STAGE,
                ((position, with_part(window.events[position], number, new)),),
            )


def synchronise(window: Window) -> Iterator[Edit]:
    """Insert the ISB after a register write that a TLBI depends on."""
    for position, event in window.numbered():
        if isinstance(event, Msr) and event.register in ("VTTBR_EL2", "VTCR_EL2"):
            yield Edit(
                "vttbr-write-not-synchronised",
                f"insert ISB after the write of {event.register} {window.at(position)}",
                position,
                Drastic.SYNCHRONISE,
                insertions=(Insertion(position, (Isb(event.pe),), True),),
            )
