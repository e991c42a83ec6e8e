"""Changes from valid to valid: what they are, and repairs short of a break."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.edits import Drastic, Edit
from harness.check.window import Window
from reference_model.addresses import DESCRIPTOR_BYTES, LAST_LEVEL
from reference_model.events import Store
from reference_model.violations import Property

__all__ = ["breaks", "change_without_break", "page_bits"]

_NT = 1 << 16


def change_without_break(window: Window) -> str:
    """Return the rule of a change that needed break-before-make.

    Where one of the two entries has nT, the code meant a change of size only.
    """
    violation = window.violation
    sides = (violation.link, violation.allowed)
    marked = any(side and side.descriptor.no_translation for side in sides)
    if marked and violation.conflict in ("oa", "attr"):
        return "nt-sequence-with-other-change"
    if marked and violation.conflict == "size" and not window.profile.bbm:
        return "nt-unsupported"
    if violation.conflict == "global":
        return "bbm-global-overlap"
    return f"bbm-{violation.conflict}-change"


def breaks(window: Window, store: Store) -> list[Store]:
    """Return the stores that make the entry invalid before ``store``.

    A TLB may hold a Contiguous group as one: all its members go.
    """
    single = replace(store, value=0, release=False)
    link = window.violation.link
    if window.violation.conflict != "contiguous" or link is None:
        return [single]
    members = link.table.root.granule.contiguous(link.table.level)
    first = store.pa & -(members * DESCRIPTOR_BYTES)
    return [
        replace(single, pa=first + number * DESCRIPTOR_BYTES)
        for number in range(members)
    ]


def page_bits(window: Window) -> Iterator[Edit]:
    """Clear bit 16 of a Page descriptor: it is address there (R_DFJNG, I_PJZBK)."""
    violation = window.violation
    old, event = violation.link, window.events[violation.index]
    if violation.broken is not Property.O2 or old is None:
        return
    if not isinstance(event, Store) or old.table.level != LAST_LEVEL:
        return
    if (old.record.value ^ event.value) & _NT and event.value & _NT:
        yield Edit(
            "nt-unsupported",
            f"clear bit 16 of the Page descriptor {window.at(violation.index)}",
            violation.index,
            Drastic.FORM,
            ((violation.index, replace(event, value=event.value & ~_NT)),),
        )
