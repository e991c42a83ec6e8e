"""The system registers that translation depends on, of EL1&0 and of EL2."""

from __future__ import annotations

from typing import NamedTuple

from reference_model.addresses import Granule
from reference_model.regimes import Regime
from reference_model.unmodelled import Unmodelled

__all__ = [
    "EL2_REGISTERS",
    "HCR_BSU_INNER",
    "HCR_FB",
    "STAGE1_REGISTERS",
    "TRANSLATION_REGISTERS",
    "Root",
    "asid_of",
    "el2_host",
    "el2_root",
    "forces_broadcast",
    "granule_of",
    "has_asids",
    "least_pa_bits",
    "root_of",
    "stage2_on",
    "vmid_of",
]

HCR_VM = 1 << 0  # stage 2 enabled
HCR_FB = 1 << 9  # local TLBIs of EL1 are broadcast
HCR_BSU_INNER = 1 << 10  # BSU: a guest's barriers reach the inner domain
_HCR_BSU = 3 << 10
HCR_TGE = 1 << 27
HCR_E2H = 1 << 34

# A vCPU's stage 1 is known by the values of these registers: they select its
# tables and how they are read.  The guest's own writes to them are the guest's.
STAGE1_REGISTERS = ("TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "MAIR_EL1", "SCTLR_EL1")

EL2_REGISTERS = ("TTBR0_EL2", "TCR_EL2", "SCTLR_EL2")

TRANSLATION_REGISTERS = (
    "VTTBR_EL2",
    "HCR_EL2",
    "VTCR_EL2",
    *STAGE1_REGISTERS,
    *EL2_REGISTERS,
    "TTBR1_EL2",
)

_VTCR_VS = 1 << 19  # 16-bit VMID
# IRGN0, ORGN0, SH0, PS, HA and HD; T0SZ, SL0 and TG0 show in the root itself.
_VTCR_CACHED = 3 << 8 | 3 << 10 | 3 << 12 | 7 << 16 | 3 << 21
_VTCR_DS = 1 << 32
# In TCR_EL1: IRGN0, ORGN0, SH0, IPS, HA and HD.
_TCR_EL1_CACHED = 3 << 8 | 3 << 10 | 3 << 12 | 7 << 32 | 3 << 39
_TCR_EL1_DS = 1 << 59
_TCR_AS = 1 << 36  # 16-bit ASIDs
_VTCR_SL2 = 1 << 33
_PS_52_BITS = 6
_BADDR_MASK = 0x0000_FFFF_FFFF_FFFE


class Root(NamedTuple):
    """The root of a walk: stage 2, or the one stage of an EL2 regime.

    ``pages`` concatenated tables from ``address``, each of the size of the
    ``granule``; walks start at ``level``.  ``attributes`` are the fields of
    VTCR_EL2 that entries may hold (R_VNRFW, R_JBNTF).
    """

    address: int
    level: int
    pages: int
    granule: Granule = Granule.K4
    regime: Regime = Regime.EL10
    attributes: int = 0


def vmid_of(vttbr: int, vtcr: int, bits: int = 16) -> int:
    """Return the VMID of a VTTBR_EL2 value (I_MDGYK).

    Without VTCR_EL2.VS, or where ``bits`` says that the PE has 8-bit VMIDs,
    the upper byte counts as zero.
    """
    vmid = vttbr >> 48
    return vmid if vtcr & _VTCR_VS and bits == 16 else vmid & 0xFF


def stage2_on(hcr: int) -> bool:
    """Tell whether HCR_EL2.VM enables stage 2."""
    return bool(hcr & HCR_VM)


def forces_broadcast(hcr: int) -> bool:
    """Tell whether the guest's local TLBIs take effect on every PE (F4.10).

    HCR_EL2.FB makes them broadcast; without HCR_EL2.BSU the guest's DSB NSH
    would not complete them on the other PEs.
    """
    return bool(hcr & HCR_FB) and bool(hcr & _HCR_BSU)


def has_asids(hcr: int) -> bool:
    """Tell whether HCR_EL2.E2H makes EL2 the regime EL2&0, with ASIDs."""
    return bool(hcr & HCR_E2H)


def asid_of(ttbr: int, tcr: int) -> int:
    """Return the ASID of a TTBR0_EL2 value; 8 bits without TCR_EL2.AS."""
    return ttbr >> 48 & (0xFFFF if tcr & _TCR_AS else 0xFF)


def el2_host(hcr: int) -> bool:
    """Tell whether HCR_EL2.{E2H,TGE} = {1,1}: EL1&0 TLBIs mean EL2&0."""
    return hcr & (HCR_E2H | HCR_TGE) == HCR_E2H | HCR_TGE


# VTCR_EL2.TG0
_GRANULES = {0b00: Granule.K4, 0b01: Granule.K64, 0b10: Granule.K16}


# The start levels that small physical addresses rule out.
_LEAST_PA_BITS = {
    (Granule.K4, 0): 44,
    (Granule.K16, 1): 42,
    (Granule.K64, 1): 44,
}


def least_pa_bits(root: Root) -> int:
    """Return the physical address size from which on stage 2 may start there.

    With a smaller one (ID_AA64MMFR0_EL1.PARange) every walk faults.
    """
    return _LEAST_PA_BITS.get((root.granule, root.level), 32)


def granule_of(vtcr: int) -> Granule:
    """Return the stage-2 granule; raises Unmodelled for a reserved one."""
    granule = _GRANULES.get((vtcr >> 14) & 3)
    if granule is None:
        raise Unmodelled("VTCR_EL2.TG0 is reserved")
    return granule


def root_of(vttbr: int, vtcr: int) -> Root:
    """Decode the root of a stage-2 walk.

    Raises Unmodelled for what needs FEAT_LPA, FEAT_LPA2 or FEAT_TTST, and
    for a start level that does not fit the size of the input address.
    """
    granule = granule_of(vtcr)
    if vtcr & _VTCR_DS or vtcr & _VTCR_SL2:
        raise Unmodelled("VTCR_EL2.DS or SL2 (FEAT_LPA2)")
    sl0 = (vtcr >> 6) & 3
    level = (2 if granule is Granule.K4 else 3) - sl0
    if sl0 == 3:
        raise Unmodelled("VTCR_EL2.SL0 is reserved or needs a larger address size")
    ipa_bits = 64 - (vtcr & 0x3F)
    table_bits = granule.shift(level) + granule.stride
    pages = 1 << max(0, ipa_bits - table_bits)
    if pages > 16 or not granule.shift(level) < ipa_bits <= 48:
        raise Unmodelled(f"VTCR_EL2: {ipa_bits}-bit IPA from level {level}")
    if granule is Granule.K64 and (vtcr >> 16) & 7 == _PS_52_BITS:
        raise Unmodelled("VTCR_EL2.PS selects 52-bit addresses (FEAT_LPA)")
    used = 1 << max(6, min(granule, ipa_bits - granule.shift(level) + 3))
    base = vttbr & _BADDR_MASK & -used
    if base != granule.table_of(base):
        raise Unmodelled("VTTBR_EL2: a root that shares its page with other data")
    return Root(base, level, pages, granule, attributes=vtcr & _VTCR_CACHED)


def el2_root(ttbr: int, tcr: int, regime: Regime) -> Root:
    """Decode the root of the walks from TTBR0_EL2.

    With E2H = 1 the fields of TCR_EL2 lie as in TCR_EL1.  Raises Unmodelled for
    FEAT_LPA2 and for a reserved granule or size.
    """
    host = regime is Regime.EL20
    granule = _GRANULES.get((tcr >> 14) & 3)
    if granule is None:
        raise Unmodelled("TCR_EL2.TG0 is reserved")
    bits = 64 - (tcr & 0x3F)
    if tcr & (_TCR_EL1_DS if host else _VTCR_DS) or not granule.shift(2) < bits <= 48:
        raise Unmodelled(f"TCR_EL2: {bits}-bit VA or FEAT_LPA2")
    level = next(n for n in range(4) if granule.shift(n) < bits)
    base = ttbr & _BADDR_MASK
    if base != granule.table_of(base):
        raise Unmodelled("TTBR0_EL2: a root that shares its page with other data")
    attributes = tcr & (_TCR_EL1_CACHED if host else _VTCR_CACHED)
    return Root(base, level, 1, granule, regime, attributes)
