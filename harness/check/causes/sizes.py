"""Changes from valid to valid: what they are, and repairs short of a break."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check.causes.edits import Drastic, Edit
from harness.check.causes.window import Window
from reference_model.addresses import DESCRIPTOR_BYTES, LAST_LEVEL
from reference_model.events import Store
from reference_model.violations import Property

__all__ = ["breaks", "change_without_break", "group_start", "page_bits", "unbroken"]

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


def unbroken(window: Window) -> bool:
    """Tell whether the old entry was never made invalid.

    Of a Contiguous group, the store to another member can have ended it.
    """
    violation = window.violation
    if violation.since == violation.index:
        return True
    ended = window.events[max(violation.since, 0)]
    valid = isinstance(ended, Store) and bool(ended.value & 1)
    return violation.conflict == "contiguous" and valid


def breaks(window: Window, store: Store) -> list[Store]:
    """Return the stores that make the entry invalid before ``store``."""
    single = replace(store, value=0, release=False)
    return [replace(single, pa=pa) for pa in _group(window, store)]


def group_start(window: Window, store: Store) -> int:
    """Return where the change of the entry, or of its group, begins."""
    group = _group(window, store)
    return next(
        position
        for position, event in enumerate(window.events)
        if isinstance(event, Store)
        and event.pa in group
        and (len(group) > 1 or position == window.violation.index)
    )


def _group(window: Window, store: Store) -> range:
    """Return where the descriptors lie that change together.

    A TLB may hold a Contiguous group as one: all its members go.
    """
    link = window.violation.link
    members = 1
    if window.violation.conflict == "contiguous" and link is not None:
        members = link.table.root.granule.contiguous(link.table.level)
    size = members * DESCRIPTOR_BYTES
    first = store.pa & -size
    return range(first, first + size, DESCRIPTOR_BYTES)


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
