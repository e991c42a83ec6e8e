"""What a violation lets happen, in a few words."""

from __future__ import annotations

from harness.check.wording import address, input_address, virtual_address
from reference_model.entries import EntryKind
from reference_model.tables import Link
from reference_model.violations import Property, Violation

__all__ = ["harm"]

_BY_REASON = {
    (Property.O1, "dirty"): "{pe} may write without the entry becoming dirty again",
    (Property.O1, "scrub"): "{pe} may write to the page after it was scrubbed",
    (Property.O1, "unsynchronised"): "{pe} itself may use the old entry until an ISB",
    (Property.O2, "abort"): "{pe} may take a TLB conflict abort",
    (Property.O2, "final"): "{pe} may hold {kind} of the old size",
    (Property.O3, "vcpu"): "{pe} may use S1, S12 entries of the other vCPU",
    (Property.O3, "fb"): "{pe} may use S1 entries that the vCPU has invalidated "
    "elsewhere",
    (Property.O3, "mixed"): "{pe} may hold entries from mixed registers",
    (Property.O4, "init"): "{pe} may read what the table page held before",
    (Property.O4, "unsynchronised"): "{pe} itself may still walk it until an ISB",
    (Property.O5, "cnp"): "{pe} may use entries that other tables gave another PE",
    (Property.O5, "sysreg"): "{pe} may use entries made under the old register value",
    (Property.O5, "root"): "{pe} may use entries of the other tables",
    (Property.O5, "asid"): "{pe} may use entries of another address space",
    (Property.O5, "vpipt"): "{pe} may execute instructions of another VM",
    (Property.O6, "upgrade"): "{pe} may fault again and again on the old {kind}",
}


def harm(violation: Violation, pes: int) -> str:
    """Say what may happen; ``pes`` is the number of PEs, IOMMUs come after."""
    number = violation.pe
    pe = f"pCPU{number}" if number < pes else f"IOMMU{number - pes}"
    kind = violation.kind.value
    by_reason = _BY_REASON.get((violation.broken, violation.reason))
    if by_reason is not None:
        return by_reason.format(pe=pe, kind=kind)
    match violation.broken:
        case Property.O4:
            return f"{pe} may still walk it through {kind}"
        case Property.M7:
            return f"accesses of {pe} through the removed entry may be unfinished"
        case _ if violation.link is None:
            return f"{pe} may hold {kind}"
        case Property.O2:
            return f"{pe} may hold the old {kind} and the new one at once"
        case Property.O5:
            return f"{pe} may use entries of another stage 2"
        case _:
            return f"{pe} {_use(violation, violation.link)}"


def _use(violation: Violation, link: Link) -> str:
    output = address(link.descriptor.output)
    match violation.kind:
        case EntryKind.S12:
            va = address(virtual_address(link.ia))
            return f"may still use S12: VA {va} -> PA {output}"
        case EntryKind.S12W:
            return f"may still read stage-1 tables at PA {output}"
        case kind:
            place = input_address(violation.vmid, link)
            return f"may still use {kind.value}: {place} -> PA {output}"
