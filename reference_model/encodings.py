"""A64 encodings of TLBI (``SYS``) and of the barriers."""

from __future__ import annotations

from typing import NamedTuple

from reference_model.events import Access, BarrierKind, Domain
from reference_model.unmodelled import Unmodelled

__all__ = [
    "BarrierEncoding",
    "System",
    "barrier_encoding",
    "barrier_of",
    "system_encoding",
    "system_name",
]


class System(NamedTuple):
    """The operands of ``SYS #op1, Cn, Cm, #op2, Xt``."""

    op1: int
    crn: int
    crm: int
    op2: int


_CRN, _CRN_NXS = 8, 9
_ALL = {"VMALL": 0, "VA": 1, "ASID": 2, "VAA": 3, "VAL": 5, "VAAL": 7}
_EL2 = {"ALLE2": 0, "VAE2": 1, "ALLE1": 4, "VALE2": 5, "VMALLS12E1": 6}
_EL2_RANGE = {"RVAE2": 1, "VMALLWS2E1": 2, "RVALE2": 5}
# (CRm, op2) by IS, OS and local
_IPA = {
    "IPAS2E1": ((0, 1), (4, 0), (4, 1)),
    "RIPAS2E1": ((0, 2), (4, 3), (4, 2)),
    "IPAS2LE1": ((0, 5), (4, 4), (4, 5)),
    "RIPAS2LE1": ((0, 6), (4, 7), (4, 6)),
}


def _table() -> dict[str, tuple[int, int, int]]:
    """Map mnemonics without NXS to op1, CRm and op2."""
    single = {"OS": 1, "IS": 3, "": 7}
    ranged = {"IS": 2, "OS": 5, "": 6}
    found: dict[str, tuple[int, int, int]] = {}
    for stem, op2 in _ALL.items():
        for scope, crm in single.items():
            found[f"{stem}E1{scope}"] = (0, crm, op2)
        if stem.startswith("VA"):
            for scope, crm in ranged.items():
                found[f"R{stem}E1{scope}"] = (0, crm, op2)
    for stem, op2 in _EL2.items():
        for scope, crm in single.items():
            found[stem + scope] = (4, crm, op2)
    for stem, op2 in _EL2_RANGE.items():
        for scope, crm in ranged.items():
            found[stem + scope] = (4, crm, op2)
    for stem, places in _IPA.items():
        for scope, (crm, op2) in zip(("IS", "OS", ""), places, strict=True):
            found[stem + scope] = (4, crm, op2)
    return found


_ENCODINGS = {
    name + suffix: System(op1, crn, crm, op2)
    for suffix, crn in (("", _CRN), ("NXS", _CRN_NXS))
    for name, (op1, crm, op2) in _table().items()
}
_NAMES = {encoding: name for name, encoding in _ENCODINGS.items()}


def system_encoding(name: str) -> System:
    """Return the encoding of a TLBI mnemonic in upper case, as in "VAE1IS"."""
    found = _ENCODINGS.get(name)
    if found is None:
        raise Unmodelled(f"TLBI {name}")
    return found


def system_name(encoding: System) -> str:
    """Return the TLBI mnemonic of an encoding; raises Unmodelled for others."""
    found = _NAMES.get(encoding)
    if found is None:
        op1, crn, crm, op2 = encoding
        raise Unmodelled(f"SYS #{op1}, C{crn}, C{crm}, #{op2}")
    return found


class BarrierEncoding(NamedTuple):
    """The op2 and CRm fields of a barrier instruction."""

    op2: int
    crm: int


_DOMAINS = (Domain.OSH, Domain.NSH, Domain.ISH, Domain.SY)  # by CRm[3:2]
_ACCESSES = {1: Access.LD, 2: Access.ST, 3: Access.ALL}  # by CRm[1:0]
_CRM = {access: crm for crm, access in _ACCESSES.items()}
_OP2 = {BarrierKind.DSB: 4, BarrierKind.DMB: 5}
_OP2_NXS = 1


def barrier_encoding(
    kind: BarrierKind, domain: Domain, access: Access, *, nxs: bool = False
) -> BarrierEncoding:
    """Return op2 and CRm of a DSB or DMB; ``nxs`` has DSB for all accesses only."""
    high = _DOMAINS.index(domain) << 2
    if not nxs:
        return BarrierEncoding(_OP2[kind], high | _CRM[access])
    if kind is not BarrierKind.DSB or access is not Access.ALL:
        raise Unmodelled(f"{kind.value.upper()} {domain.value}{access.value}nXS")
    return BarrierEncoding(_OP2_NXS, high | 2)


def barrier_of(
    encoding: BarrierEncoding,
) -> tuple[BarrierKind, Domain, Access, bool]:
    """Decode op2 and CRm to kind, domain, accesses, nXS."""
    op2, crm = encoding
    domain = _DOMAINS[crm >> 2 & 3]
    if op2 == _OP2_NXS and crm & 3 == 2:
        return BarrierKind.DSB, domain, Access.ALL, True
    for kind, value in _OP2.items():
        if op2 == value and crm & 3 in _ACCESSES:
            return kind, domain, _ACCESSES[crm & 3], False
    raise Unmodelled(f"a barrier with op2 {op2} and CRm {crm}")
