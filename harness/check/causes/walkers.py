"""Repairs for walkers other than a guest's: EL2 itself, IOMMUs, and new tables."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.causes.edits import DSB_ISH, Drastic, Edit, Insertion, instruction
from harness.check.causes.window import Window
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    IommuFlush,
    Isb,
    Store,
)
from reference_model.tables import Link
from reference_model.violations import Property

__all__ = ["cleaning", "iommus", "own_pe", "publication"]


def own_pe(window: Window) -> Iterator[Edit]:
    """Insert the ISB after a DSB on whose TLBI the PE itself relies (R_BLDZX)."""
    if window.violation.reason != "unsynchronised":
        return
    for position, event in window.numbered():
        if isinstance(event, Barrier) and window.completes(position):
            yield Edit(
                "missing-isb-after-tlbi",
                f"insert ISB after the {instruction(event)} {window.at(position)}",
                position,
                Drastic.SYNCHRONISE,
                insertions=(Insertion(position, (Isb(event.pe),), True),),
            )


def publication(window: Window) -> Iterator[Edit]:
    """Order the contents of a new table before the link to it (F8.4)."""
    violation = window.violation
    unready = violation.broken is Property.O4 and violation.reason == "init"
    for position in sorted({violation.index, max(violation.since, 0)}):
        event = window.events[position]
        if not isinstance(event, Store):
            continue
        if not unready and not _reached_through(violation.link, event.pa):
            continue
        barrier = Barrier(event.pe, BarrierKind.DMB, Domain.ISH, Access.ST)
        yield Edit(
            "table-published-before-init",
            f"insert {instruction(barrier)} before the store that links the table "
            f"{window.at(position)}",
            position,
            Drastic.DSB,
            insertions=(Insertion(position, (barrier,), False),),
        )


def _reached_through(link: Link | None, pa: int) -> bool:
    """Tell whether a walk comes to a descriptor through the one at ``pa``."""
    above = link.table.link if link else None
    while above is not None and above.cell.pa != pa:
        above = above.table.link
    return above is not None


def iommus(window: Window) -> Iterator[Edit]:
    """Invalidate the TLB of the IOMMU that is concerned."""
    violation = window.violation
    if not window.iommu:
        return
    pe = window.events[violation.index].pe
    flush = IommuFlush(pe, violation.pe - window.start.pes)
    breaking = violation.broken is Property.O2
    rule = "iotlb-bbm-violation" if breaking else "iotlb-not-flushed"
    yield Edit(
        rule,
        f"flush the TLB of IOMMU {flush.iommu} before "
        f"{'the store' if breaking else 'the change is relied upon'} "
        f"{window.at(violation.index)}",
        window.cause,
        Drastic.STAGE1_STEP,
        insertions=(Insertion(violation.index, (flush,), False),),
    )


def cleaning(window: Window) -> Iterator[Edit]:
    """Clean what was stored, for an IOMMU that reads past the caches (F8.4)."""
    if not window.iommu:
        return
    for position in range(window.violation.index + 1):
        event = window.events[position]
        if isinstance(event, Store):
            clean = CacheOp(event.pe, "DC CVAC", event.pa)
            yield Edit(
                "pte-not-cleaned-for-walker",
                f"clean the descriptor by DC CVAC, then DSB, {window.at(position)}",
                position,
                Drastic.SYNCHRONISE,
                insertions=(Insertion(position, (clean, DSB_ISH(event.pe)), True),),
            )
