"""CP15 registers of AArch32, by the AArch64 registers that they are mapped to.

Xen's source names them so on both architectures (asm/cpregs.h), and the state
is the same (G1.17 "Mapping of the general-purpose and System registers"): an
AArch32 register is the lower, the upper or all of an AArch64 one.
"""

from __future__ import annotations

from typing import NamedTuple

from reference_model.aarch32 import Coprocessor

__all__ = ["CACHE_OPS", "NO_EFFECT", "TRANSLATES", "WIDE", "WORDS", "Half"]


class Half(NamedTuple):
    """Which 32 bits of which register."""

    register: str
    shift: int = 0


# MRC and MCR by (opc1, CRn, CRm, opc2).
_WORDS = {
    (0, 0, 0, 0): "MIDR_EL1",
    (0, 0, 0, 1): "CTR_EL0",
    (0, 0, 0, 5): "MPIDR_EL1",
    (0, 0, 1, 0): "ID_PFR0_EL1",
    (0, 0, 1, 1): "ID_PFR1_EL1",
    (0, 0, 1, 4): "ID_MMFR0_EL1",
    (0, 0, 1, 5): "ID_MMFR1_EL1",
    (0, 0, 1, 6): "ID_MMFR2_EL1",
    (0, 0, 1, 7): "ID_MMFR3_EL1",
    (0, 0, 2, 6): "ID_MMFR4_EL1",
    (0, 0, 3, 6): "ID_MMFR5_EL1",
    (1, 0, 0, 0): "CCSIDR_EL1",
    (1, 0, 0, 1): "CLIDR_EL1",
    (2, 0, 0, 0): "CSSELR_EL1",
    (4, 0, 0, 0): "VPIDR_EL2",
    (4, 0, 0, 5): "VMPIDR_EL2",
    (0, 1, 0, 0): "SCTLR_EL1",
    (0, 1, 0, 1): "ACTLR_EL1",
    (0, 1, 0, 2): "CPACR_EL1",
    (4, 1, 0, 0): "SCTLR_EL2",
    (4, 1, 0, 1): "ACTLR_EL2",
    (4, 1, 1, 0): "HCR_EL2",
    (4, 1, 1, 1): "MDCR_EL2",
    (4, 1, 1, 2): "CPTR_EL2",
    (4, 1, 1, 3): "HSTR_EL2",
    (0, 2, 0, 0): "TTBR0_EL1",
    (0, 2, 0, 1): "TTBR1_EL1",
    (0, 2, 0, 2): "TCR_EL1",
    (4, 2, 0, 2): "TCR_EL2",
    (4, 2, 1, 2): "VTCR_EL2",
    (0, 3, 0, 0): "DACR32_EL2",
    (0, 5, 0, 0): "ESR_EL1",
    (0, 5, 0, 1): "IFSR32_EL2",
    (4, 5, 2, 0): "ESR_EL2",
    (0, 6, 0, 0): "FAR_EL1",
    (4, 6, 0, 0): "FAR_EL2",
    (4, 6, 0, 4): "HPFAR_EL2",
    (0, 7, 4, 0): "PAR_EL1",
    (0, 10, 2, 0): "MAIR_EL1",
    (0, 10, 3, 0): "AMAIR_EL1",
    (4, 10, 2, 0): "MAIR_EL2",
    (4, 10, 3, 0): "AMAIR_EL2",
    (0, 12, 0, 0): "VBAR_EL1",
    (4, 12, 0, 0): "VBAR_EL2",
    (0, 13, 0, 1): "CONTEXTIDR_EL1",
    (0, 13, 0, 2): "TPIDR_EL0",
    (0, 13, 0, 3): "TPIDRRO_EL0",
    (0, 13, 0, 4): "TPIDR_EL1",
    (4, 13, 0, 2): "TPIDR_EL2",
}
_UPPER = {
    (4, 1, 1, 4): "HCR_EL2",  # HCR2
    (0, 2, 0, 3): "TCR_EL1",  # TTBCR2
    (0, 6, 0, 2): "FAR_EL1",  # IFAR
    (4, 6, 0, 2): "FAR_EL2",  # HIFAR
    (0, 10, 2, 1): "MAIR_EL1",  # MAIR1
    (0, 10, 3, 1): "AMAIR_EL1",
    (4, 10, 2, 1): "MAIR_EL2",
    (4, 10, 3, 1): "AMAIR_EL2",
}
WORDS: dict[Coprocessor, Half] = {
    **{Coprocessor(*key): Half(name) for key, name in _WORDS.items()},
    **{Coprocessor(*key): Half(name, 32) for key, name in _UPPER.items()},
}

# MRRC and MCRR by (opc1, CRm).
WIDE: dict[tuple[int, int], str] = {
    (0, 2): "TTBR0_EL1",
    (1, 2): "TTBR1_EL1",
    (4, 2): "TTBR0_EL2",
    (6, 2): "VTTBR_EL2",
    (0, 7): "PAR_EL1",
    (0, 14): "CNTPCT_EL0",
    (1, 14): "CNTVCT_EL0",
    (2, 14): "CNTP_CVAL_EL0",
    (3, 14): "CNTV_CVAL_EL0",
    (4, 14): "CNTVOFF_EL2",
    (6, 14): "CNTHP_CVAL_EL2",
}

# Writes that are instructions.
CACHE_OPS = {
    Coprocessor(0, 7, 1, 0): "IC IALLUIS",
    Coprocessor(0, 7, 5, 0): "IC IALLU",
    Coprocessor(0, 7, 5, 1): "IC IVAU",
    Coprocessor(0, 7, 6, 1): "DC IVAC",
    Coprocessor(0, 7, 6, 2): "DC ISW",
    Coprocessor(0, 7, 10, 1): "DC CVAC",
    Coprocessor(0, 7, 10, 2): "DC CSW",
    Coprocessor(0, 7, 11, 1): "DC CVAU",
    Coprocessor(0, 7, 14, 1): "DC CIVAC",
    Coprocessor(0, 7, 14, 2): "DC CISW",
}
TRANSLATES = {
    Coprocessor(0, 7, 8, 0): "S1E1R",  # ATS1CPR
    Coprocessor(0, 7, 8, 1): "S1E1W",
    Coprocessor(0, 7, 8, 2): "S1E0R",
    Coprocessor(0, 7, 8, 3): "S1E0W",
    Coprocessor(0, 7, 8, 4): "S12E1R",  # ATS12NSOPR
    Coprocessor(0, 7, 8, 5): "S12E1W",
    Coprocessor(0, 7, 8, 6): "S12E0R",
    Coprocessor(0, 7, 8, 7): "S12E0W",
    Coprocessor(4, 7, 8, 0): "S1E2R",  # ATS1HR
    Coprocessor(4, 7, 8, 1): "S1E2W",
}
# Branch predictors: BPIALLIS, BPIALL, BPIMVA.
NO_EFFECT = frozenset(
    (Coprocessor(0, 7, 1, 6), Coprocessor(0, 7, 5, 6), Coprocessor(0, 7, 5, 7))
)
