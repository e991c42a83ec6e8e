"""Repairs of what a TLBI was given: operand, form, and regime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.causes.edits import Drastic, Edit, Insertion, with_part
from harness.check.causes.window import Window
from reference_model.addresses import Granule
from reference_model.events import Event, Isb, Msr, Repeat, Tlbi
from reference_model.sysregs import el2_host
from reference_model.tlbi import By, Operation

__all__ = ["forms", "operands", "regime"]

_HINT = 0xF << 44  # TTL of an operation on one address
_RANGE_HINT = 3 << 37
_GRANULE = 3 << 46  # TG of a range operation
# By TG0 of VTCR_EL2 and TCR_EL2: the granule, and TG of a range operation.
_GRANULES = {0b00: (Granule.K4, 1), 0b01: (Granule.K64, 3), 0b10: (Granule.K16, 2)}
_IPA_FIELD = (1 << 36) - 1  # IPA[47:12]
_TGE = 1 << 27
_TCR = {False: "VTCR_EL2", True: "TCR_EL2"}  # by whether it is EL2's own


def forms(
    window: Window, position: int, number: int, event: Tlbi, op: Operation
) -> Iterator[Edit]:
    """Take a form of the operation that removes more."""
    at = window.at(position)
    if op.last_level and (op.el2 or op.by in (By.INTERMEDIATE, By.RANGE)):
        whole = event.op.replace("2LE1", "2E1").replace("VALE2", "VAE2")
        new = replace(event, op=whole)
        yield _changed(
            window,
            (position, number),
            new,
            "leaf-tlbi-after-table-change",
            f"make the TLBI {event.op} {at} a TLBI {new.op}",
        )
    if op.nxs:
        new = replace(event, op=event.op.removesuffix("NXS"))
        yield _changed(
            window,
            (position, number),
            new,
            "nxs-tlbi-incomplete",
            f"make the TLBI {event.op} {at} a TLBI {new.op}",
        )
    if op.ranged and not window.profile.tlb_range:
        yield from _without_ranges(window, position, event)


def operands(
    window: Window, position: int, number: int, event: Tlbi, op: Operation
) -> Iterator[Edit]:
    """Correct the operand of an operation by address."""
    if op.ranged:
        tcr = window.register(position, event.pe, _TCR[op.el2])
        found = _range_operands(event, *_GRANULES.get(tcr >> 14 & 3, (Granule.K4, 1)))
    elif op.by is By.INTERMEDIATE or (op.el2 and op.by is By.VIRTUAL):
        found = _address_operands(window, event)
    else:
        return
    for rule, what, operand in found:
        if operand != event.operand:
            text = f"{what} of the TLBI {event.op} {window.at(position)}"
            new = replace(event, operand=operand)
            yield _changed(window, (position, number), new, rule, text)


def _changed(
    window: Window, place: tuple[int, int], new: Tlbi, rule: str, text: str
) -> Edit:
    position, number = place
    whole = with_part(window.events[position], number, new)
    return Edit(rule, text, position, Drastic.FORM, ((position, whole),))


def _range_operands(
    event: Tlbi, granule: Granule, code: int
) -> Iterator[tuple[str, str, int]]:
    operand = event.operand
    if operand & _GRANULE != code << 46:
        yield (
            "range-tg-mismatch",
            "give the granule in use to TG",
            operand & ~_GRANULE | code << 46,
        )
    level = (operand & _RANGE_HINT) >> 37
    if level:
        pages = 1 << granule.stride * (3 - level)  # of one descriptor of that level
        aligned = not (operand & ((1 << 37) - 1)) % pages
        yield (
            "ttl-hint-mismatch" if aligned else "range-tlbi-misaligned",
            "drop the level hint",
            operand & ~_RANGE_HINT,
        )


def _address_operands(window: Window, event: Tlbi) -> Iterator[tuple[str, str, int]]:
    operand = event.operand
    if operand & _HINT:
        yield "ttl-hint-mismatch", "drop the level hint", operand & ~_HINT
    # An address that was not shifted, with or without the hint that lands in it.
    low, high = window.violation.low, window.violation.high
    if not operand & 0xFFF and low <= operand < high:
        yield "tlbi-operand-encoding", "shift the address right by 12", operand >> 12
    meant = operand & (_IPA_FIELD | _HINT)
    if low >> 12 <= meant & _IPA_FIELD < high >> 12:
        yield (
            "tlbi-operand-encoding",
            "clear what is not IPA[47:12] in the operand",
            meant,
        )


def _without_ranges(window: Window, position: int, event: Tlbi) -> Iterator[Edit]:
    """Write a range operation out as one operation for each page."""
    if isinstance(window.events[position], Repeat):
        return
    scale, number = (event.operand >> 44) & 3, (event.operand >> 39) & 0x1F
    pages = (number + 1) << (5 * scale + 1)
    base = event.operand & ((1 << 37) - 1)
    single = Tlbi(event.pe, event.op.removeprefix("R"), base, origin=event.origin)
    new = Repeat(event.pe, (single,), pages, (1,), origin=event.origin)
    yield Edit(
        "range-unsupported-on-pe",
        f"make the TLBI {event.op} {window.at(position)} {pages} x TLBI {single.op}",
        position,
        Drastic.FORM,
        ((position, new),),
    )


def regime(window: Window) -> Iterator[Edit]:
    """Leave host mode while an EL1&0 operation executes (F1.9)."""
    if window.own_regime:
        return  # there the operation means what is asked about
    for position, op in window.tlbis():
        pe = window.events[position].pe
        hcr = window.register(position, pe, "HCR_EL2")
        if op.el2 or op.stage2 or not el2_host(hcr):
            continue
        leave: tuple[Event, ...] = (Msr(pe, "HCR_EL2", hcr & ~_TGE), Isb(pe))
        enter: tuple[Event, ...] = (Msr(pe, "HCR_EL2", hcr), Isb(pe))
        yield Edit(
            "tlbi-wrong-regime-tge",
            f"clear HCR_EL2.TGE, then ISB, around the TLBI {op.name} "
            f"{window.at(position)}",
            position,
            Drastic.SYNCHRONISE,
            insertions=(
                Insertion(position, leave, False),
                Insertion(position, enter, True),
            ),
        )
