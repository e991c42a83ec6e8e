"""Instructions that a CPU may not have: nothing is known of what they do there.

A TLBI by range that a CPU lacks removes nothing, as the machine has it.  One for
the Outer Shareable domain is undefined without FEAT_TLBIOS: the run would end.
So are, in AArch32, those that came with Armv8 on an Armv7 CPU: UNPREDICTABLE.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.check.causes.edits import parts
from harness.errors import Unsupported
from reference_model.aarch32 import came_with_armv8
from reference_model.events import Event, Tlbi
from reference_model.profiles import Profile

__all__ = ["absent", "outer_shareable"]


def absent(events: Iterable[Event], profile: Profile) -> list[Unsupported]:
    """List the TLBIs of a run that the CPU is not known to have, once each.

    FEAT_TLBIOS is taken to come with FEAT_TLBIRANGE (ID_AA64ISAR0_EL1.TLB): a CPU
    with the first alone would be told to lack it.
    """
    found: dict[tuple[object, str], Unsupported] = {}
    for event in () if profile.tlb_range else events:
        for part in parts(event):
            what = _lacking(part, profile) if isinstance(part, Tlbi) else ""
            if what and isinstance(part, Tlbi):
                coord = part.origin.coord if part.origin else None
                found.setdefault((coord, part.op), Unsupported(coord, what))
    return list(found.values())


def _lacking(event: Tlbi, profile: Profile) -> str:
    """Say what the CPU lacks to execute a TLBI; "" if nothing."""
    if profile.armv7 and came_with_armv8(event.op):
        return f"{event.op}, which Armv7 does not have"
    if not profile.aarch32 and outer_shareable(event.op):
        return f"TLBI {event.op} on a CPU without FEAT_TLBIOS"
    return ""


def outer_shareable(op: str) -> bool:
    """Tell whether a TLBI is of the Outer Shareable form."""
    return op.removesuffix("NXS").endswith("OS")
