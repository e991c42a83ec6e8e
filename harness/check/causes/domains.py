"""Repairs where PEs are in several inner-shareable domains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.causes.edits import Drastic, Edit, instruction, with_part
from harness.check.causes.window import Window
from reference_model.events import Barrier, BarrierKind, Domain, Event, Tlbi
from reference_model.tlbi import Scope, decode_operation

__all__ = ["wider"]


def wider(window: Window) -> Iterator[Edit]:
    """Reach a PE of another inner-shareable domain (I_DMCXY, R_PSMWS)."""
    inner = window.start.inner
    target = window.violation.pe
    if target >= len(inner):
        return
    for position, number, event in window.parts():
        if inner[event.pe] == inner[target]:
            continue
        if isinstance(event, Tlbi):
            op = decode_operation(event.op)
            aarch32 = event.op.startswith("TLBI")  # has no outer-shareable forms
            if op.scope is Scope.INNER and window.concerned(op) and not aarch32:
                yield _outer(window, position, number, event)
        elif (
            isinstance(event, Barrier)
            and event.kind is BarrierKind.DSB
            and event.domain is Domain.ISH
        ):
            yield _barrier(window, position, number, event)


def _outer(window: Window, position: int, number: int, event: Tlbi) -> Edit:
    new = replace(event, op=event.op.replace("IS", "OS"))
    changed: Event = with_part(window.events[position], number, new)
    return Edit(
        "tlbi-not-broadcast",
        f"make the TLBI {event.op} {window.at(position)} a TLBI {new.op}",
        position,
        Drastic.PROMOTE,
        ((position, changed),),
    )


def _barrier(window: Window, position: int, number: int, event: Barrier) -> Edit:
    before = window.tlbi_pending(position, event.pe)
    new = replace(event, domain=Domain.OSH)
    changed: Event = with_part(window.events[position], number, new)
    return Edit(
        "dsb-scope-too-narrow" if before else "missing-dsb-before-tlbi",
        f"make the {instruction(event)} {window.at(position)} a {instruction(new)}",
        position,
        Drastic.WIDEN,
        ((position, changed),),
    )
