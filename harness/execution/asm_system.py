"""Names and encodings of A64 system instructions and registers."""

from __future__ import annotations

import re

from reference_model.events import Access, Domain

__all__ = [
    "NO_OPERATION",
    "TLBI_OPS",
    "TRANSLATION_REGISTERS",
    "barrier",
    "register_name",
    "takes_address",
    "tlbi_of",
]

_SCOPES = {1: "OS", 3: "IS", 7: ""}
_RANGE_SCOPES = {5: "OS", 2: "IS", 6: ""}
_EL1 = {0: "VMALLE1", 1: "VAE1", 2: "ASIDE1", 3: "VAAE1", 5: "VALE1", 7: "VAALE1"}
_EL1_RANGE = {1: "RVAE1", 3: "RVAAE1", 5: "RVALE1", 7: "RVAALE1"}
_EL2 = {0: "ALLE2", 1: "VAE2", 4: "ALLE1", 5: "VALE2", 6: "VMALLS12E1"}
_EL2_RANGE = {1: "RVAE2", 2: "VMALLWS2E1", 5: "RVALE2"}
_IPA = {
    (0, 1): "IPAS2E1IS",
    (0, 2): "RIPAS2E1IS",
    (0, 5): "IPAS2LE1IS",
    (0, 6): "RIPAS2LE1IS",
    (4, 0): "IPAS2E1OS",
    (4, 1): "IPAS2E1",
    (4, 2): "RIPAS2E1",
    (4, 3): "RIPAS2E1OS",
    (4, 4): "IPAS2LE1OS",
    (4, 5): "IPAS2LE1",
    (4, 6): "RIPAS2LE1",
    (4, 7): "RIPAS2LE1OS",
}


def _encodings() -> dict[tuple[int, int, int, int], str]:
    """Return (op1, CRn, CRm, op2) of every TLBI of EL1 and EL2."""
    plain: dict[tuple[int, int, int], str] = {}
    for op1, single, ranged in ((0, _EL1, _EL1_RANGE), (4, _EL2, _EL2_RANGE)):
        for scopes, table in ((_SCOPES, single), (_RANGE_SCOPES, ranged)):
            for crm, scope in scopes.items():
                for op2, name in table.items():
                    plain[op1, crm, op2] = name + scope
    for (crm, op2), name in _IPA.items():
        plain[4, crm, op2] = name
    found = {}
    for (op1, crm, op2), name in plain.items():
        found[op1, 8, crm, op2] = name
        found[op1, 9, crm, op2] = name + "NXS"
    return found


_TLBI = _encodings()
TLBI_OPS = frozenset(_TLBI.values())


def tlbi_of(op1: int, crn: int, crm: int, op2: int) -> str | None:
    """Return the TLBI that a SYS instruction encodes."""
    return _TLBI.get((op1, crn, crm, op2))


def takes_address(op: str) -> bool:
    """Tell whether a TLBI has a register operand."""
    return not op.startswith(("ALL", "VMALL"))


_BARRIERS = {
    "osh": (Domain.OSH, Access.ALL),
    "oshld": (Domain.OSH, Access.LD),
    "oshst": (Domain.OSH, Access.ST),
    "nsh": (Domain.NSH, Access.ALL),
    "nshld": (Domain.NSH, Access.LD),
    "nshst": (Domain.NSH, Access.ST),
    "ish": (Domain.ISH, Access.ALL),
    "ishld": (Domain.ISH, Access.LD),
    "ishst": (Domain.ISH, Access.ST),
    "sy": (Domain.SY, Access.ALL),
    "ld": (Domain.SY, Access.LD),
    "st": (Domain.SY, Access.ST),
}
_CRM = {
    1: "oshld",
    2: "oshst",
    3: "osh",
    5: "nshld",
    6: "nshst",
    7: "nsh",
    9: "ishld",
    10: "ishst",
    11: "ish",
    13: "ld",
    14: "st",
    15: "sy",
}


def barrier(option: str | int) -> tuple[Domain, Access, bool] | None:
    """Return (domain, access, nXS) of a DSB or DMB option."""
    text = _CRM.get(option, "") if isinstance(option, int) else option.lower()
    nxs = text.endswith("nxs")
    known = _BARRIERS.get(text.removesuffix("nxs"))
    if known is None or (nxs and known[1] is not Access.ALL):
        return None
    return (*known, nxs)


# Hints and speculation barriers: nothing that memory or a TLB can tell.
NO_OPERATION = frozenset(
    (
        *("nop", "yield", "wfe", "wfi", "sev", "sevl", "hint", "prfm", "bti", "dgh"),
        *("csdb", "sb", "esb", "ssbb", "pssbb"),
    )
)

_CONTEXT = (
    *("SCTLR", "TTBR0", "TTBR1", "TCR", "TCR2", "MAIR", "MAIR2", "AMAIR", "AMAIR2"),
    *("CONTEXTIDR", "PIR", "PIRE0", "POR"),
)
TRANSLATION_REGISTERS = frozenset(
    [f"{name}_{level}" for name in _CONTEXT for level in ("EL1", "EL2", "EL12")]
) | {
    *("VTTBR_EL2", "VTCR_EL2", "VSTTBR_EL2", "VSTCR_EL2", "VNCR_EL2"),
    *("HCR_EL2", "HCRX_EL2", "SCR_EL3", "S2PIR_EL2", "S2POR_EL1"),
}

_ENCODED = {
    (3, 0, 1, 0, 0): "SCTLR_EL1",
    (3, 4, 1, 0, 0): "SCTLR_EL2",
    (3, 0, 2, 0, 0): "TTBR0_EL1",
    (3, 0, 2, 0, 1): "TTBR1_EL1",
    (3, 0, 2, 0, 2): "TCR_EL1",
    (3, 4, 2, 0, 0): "TTBR0_EL2",
    (3, 4, 2, 0, 1): "TTBR1_EL2",
    (3, 4, 2, 0, 2): "TCR_EL2",
    (3, 4, 2, 1, 0): "VTTBR_EL2",
    (3, 4, 2, 1, 2): "VTCR_EL2",
    (3, 4, 1, 1, 0): "HCR_EL2",
    (3, 4, 1, 2, 2): "HCRX_EL2",
    (3, 0, 10, 2, 0): "MAIR_EL1",
    (3, 4, 10, 2, 0): "MAIR_EL2",
    (3, 0, 7, 4, 0): "PAR_EL1",
    (3, 0, 13, 0, 1): "CONTEXTIDR_EL1",
    (3, 4, 13, 0, 2): "TPIDR_EL2",
    (3, 0, 0, 7, 0): "ID_AA64MMFR0_EL1",
    (3, 0, 0, 7, 1): "ID_AA64MMFR1_EL1",
    (3, 0, 0, 7, 2): "ID_AA64MMFR2_EL1",
    (3, 0, 0, 7, 3): "ID_AA64MMFR3_EL1",
    (3, 0, 0, 6, 0): "ID_AA64ISAR0_EL1",
    (3, 0, 0, 6, 1): "ID_AA64ISAR1_EL1",
    (3, 0, 0, 6, 2): "ID_AA64ISAR2_EL1",
    (3, 5, 1, 0, 0): "SCTLR_EL12",
    (3, 5, 2, 0, 0): "TTBR0_EL12",
    (3, 5, 2, 0, 1): "TTBR1_EL12",
    (3, 5, 2, 0, 2): "TCR_EL12",
    (3, 5, 10, 2, 0): "MAIR_EL12",
}
_GENERIC = re.compile(r"S(\d)_(\d)_C(\d+)_C(\d+)_(\d)\Z")


def register_name(text: str) -> str:
    """Return Arm's name of a system register, in capitals."""
    name = text.upper()
    match = _GENERIC.match(name)
    if match is None:
        return name
    op0, op1, crn, crm, op2 = (int(part) for part in match.groups())
    return _ENCODED.get((op0, op1, crn, crm, op2), name)
