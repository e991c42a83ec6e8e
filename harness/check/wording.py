"""Words for addresses, descriptors, entries and events in reports."""

from __future__ import annotations

from harness.check.causes.edits import instruction
from reference_model.descriptors import Kind
from reference_model.entries import EntryKind
from reference_model.events import (
    CacheOp,
    Eret,
    Event,
    ExceptionEntry,
    IommuFlush,
    Isb,
    Msr,
    PageRelease,
    PageScrub,
    Release,
    Repeat,
    Store,
    TableFree,
    Tlbi,
    Zero,
)
from reference_model.sysregs import STAGE1_REGISTERS
from reference_model.tables import Link

__all__ = [
    "address",
    "described",
    "entry",
    "event_text",
    "input_address",
    "pcpus",
    "size",
    "tag",
    "virtual_address",
]

_SIZES = {1 << 12: "4K", 1 << 21: "2M", 1 << 30: "1G"}


def address(value: int) -> str:
    """Return an address in hexadecimal."""
    return f"{value:#x}"


def size(nbytes: int) -> str:
    """Return a translation size, e.g. "2M"."""
    return _SIZES.get(nbytes, f"{nbytes >> 30}G")


def virtual_address(ipa: int) -> int:
    """Return one of the many VAs that a guest may map to an IPA."""
    return 0xFFFF_0000_0000_0000 | ipa & 0xFFFF_FFFF


def tag(vmid: int) -> str:
    """Return whose entries they are: a VMID's, or EL2's."""
    return f"VMID {vmid}" if vmid >= 0 else "EL2"


def input_address(vmid: int, link: Link) -> str:
    """Return what a descriptor translates from."""
    return f"{'IPA' if vmid >= 0 else 'VA'} {address(link.ia)}"


def described(link: Link | None) -> str:
    """Return what a descriptor translates to."""
    if link is None or link.descriptor.kind is Kind.INVALID:
        return "invalid"
    if link.descriptor.kind is Kind.TABLE:
        return f"table at {address(link.descriptor.output)}"
    extent = size(link.end - link.ia)
    output = address(link.descriptor.output)
    return f"{extent} PA {output} {link.descriptor.permissions}"


def entry(kind: EntryKind, vmid: int, link: Link) -> str:
    """Return a TLB entry as one line."""
    ipa, output = address(link.ia), address(link.descriptor.output)
    place = input_address(vmid, link)
    match kind:
        case EntryKind.S12:
            va = address(virtual_address(link.ia))
            what = f"VA {va} -> PA {output} (IPA {ipa})"
        case EntryKind.S12W:
            what = f"stage-1 table at PA {output} (IPA {ipa})"
        case EntryKind.S2W | EntryKind.S1W:
            what = f"{place} -> table page {output}"
        case _:
            what = f"{place} -> PA {output}"
    if kind in (EntryKind.S1, EntryKind.S2, EntryKind.S12):
        what += f" {link.descriptor.permissions}"
    return f"{kind.value:<4} {tag(vmid)}: {what}, {size(link.end - link.ia)}"


def pcpus(numbers: set[int]) -> str:
    """Return pCPU numbers as words."""
    return ", ".join(f"pCPU{n}" for n in sorted(numbers))


def event_text(event: Event) -> str:
    """Return what a PE does as a few words."""
    match event:
        case Store():
            return "store to descriptor" if event.value else "store 0 to descriptor"
        case Zero():
            return "clear table memory"
        case Msr() if event.register == "VTTBR_EL2":
            return f"VTTBR_EL2 := VMID {event.value >> 48}"
        case Msr() if event.register in STAGE1_REGISTERS:
            return f"{event.register} := next vCPU's"
        case Msr():
            return f"write {event.register}"
        case Tlbi() if "IPAS2" in event.op and not event.op.startswith("R"):
            return f"TLBI {event.op}, {address((event.operand & 0xFFFFFFFFF) << 12)}"
        case Repeat():
            return _repeat_text(event)
        case Isb():
            return "ISB"
        case Eret():
            return "ERET to guest"
        case ExceptionEntry():
            return "exception to EL2"
        case PageRelease():
            return f"reference on page {address(event.pa)} dropped"
        case PageScrub():
            return f"page {address(event.pa)} overwritten"
        case IommuFlush():
            return f"TLB of IOMMU {event.iommu} flushed"
        case CacheOp():
            return event.op
        case TableFree():
            return f"table page {address(event.pa)} freed"
        case Release():
            return event.what
        case _:
            return instruction(event)


def _repeat_text(event: Repeat) -> str:
    inner = "; ".join(
        f"TLBI {e.op}" if isinstance(e, Tlbi) else instruction(e) for e in event.body
    )
    return f"{inner}  x {event.count}"
