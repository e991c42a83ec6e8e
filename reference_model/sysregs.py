"""The system registers that the EL1&0 translation regime depends on."""

from __future__ import annotations

from typing import NamedTuple

from reference_model.addresses import PAGE_BYTES, level_bytes
from reference_model.unmodelled import Unmodelled

__all__ = [
    "HCR_FB",
    "STAGE1_REGISTERS",
    "TRANSLATION_REGISTERS",
    "Root",
    "el2_host",
    "root_of",
    "stage2_on",
    "vmid_of",
]

HCR_VM = 1 << 0  # stage 2 enabled
HCR_FB = 1 << 9  # local TLBIs of EL1 are broadcast
HCR_TGE = 1 << 27
HCR_E2H = 1 << 34

# A vCPU's stage 1 is known by the values of these registers: they select its
# tables and how they are read.  The guest's own writes to them are the guest's.
STAGE1_REGISTERS = ("TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "MAIR_EL1", "SCTLR_EL1")

TRANSLATION_REGISTERS = ("VTTBR_EL2", "HCR_EL2", "VTCR_EL2", *STAGE1_REGISTERS)

_VTCR_VS = 1 << 19  # 16-bit VMID
_BADDR_MASK = 0x0000_FFFF_FFFF_FFFE


class Root(NamedTuple):
    """The stage-2 root of a VTTBR_EL2 and VTCR_EL2 pair.

    ``pages`` concatenated table pages from ``address``; walks start at
    ``level``.
    """

    address: int
    level: int
    pages: int


def vmid_of(vttbr: int, vtcr: int) -> int:
    """Return the VMID; without VTCR_EL2.VS its upper byte reads as zero."""
    vmid = vttbr >> 48
    return vmid if vtcr & _VTCR_VS else vmid & 0xFF


def stage2_on(hcr: int) -> bool:
    """Tell whether HCR_EL2.VM enables stage 2."""
    return bool(hcr & HCR_VM)


def el2_host(hcr: int) -> bool:
    """Tell whether HCR_EL2.{E2H,TGE} = {1,1}: EL1&0 TLBIs mean EL2&0."""
    return hcr & (HCR_E2H | HCR_TGE) == HCR_E2H | HCR_TGE


def root_of(vttbr: int, vtcr: int) -> Root:
    """Decode the root of a stage-2 walk; raises Unmodelled for other granules."""
    if (vtcr >> 14) & 3:
        raise Unmodelled("VTCR_EL2.TG0 selects a granule other than 4 KiB")
    level = 2 - ((vtcr >> 6) & 3)
    if level < 0:
        raise Unmodelled("VTCR_EL2.SL0 is reserved or needs a larger address size")
    ipa_bits = 64 - (vtcr & 0x3F)
    pages = max(1, (1 << ipa_bits) // (level_bytes(level) * 512))
    if pages > 16 or ipa_bits > 48:
        raise Unmodelled(f"VTCR_EL2: {ipa_bits}-bit IPA from level {level}")
    return Root(vttbr & _BADDR_MASK & -PAGE_BYTES, level, pages)
